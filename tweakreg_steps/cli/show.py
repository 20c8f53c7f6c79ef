"""``tweakreg show``: how each image of a run went."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.layout import SUMMARY

SOME_NOT_ALIGNED = 3


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("outdir", type=Path, metavar="OUTDIR", help="the output folder of a run")


def run(arguments: Namespace) -> int:
    """Print the table of the run in a folder."""
    if not (arguments.outdir / SUMMARY).is_file():
        raise RecipeError(
            f"{arguments.outdir}: holds no {SUMMARY}; name the output folder of a finished run"
        )
    return print_summary(arguments.outdir)


def print_summary(outdir: Path) -> int:
    """Print the summary of a run on stdout, and return the exit status it stands for."""
    from tweakreg_steps.products.report_table import format_plain, format_terminal
    from tweakreg_steps.products.summary import count_not_aligned, read_summary

    summary = read_summary(outdir / SUMMARY)
    if sys.stdout.isatty():
        from shutil import get_terminal_size

        sys.stdout.write(format_terminal(summary, width=get_terminal_size().columns))
    else:
        sys.stdout.write(format_plain(summary))
    return SOME_NOT_ALIGNED if count_not_aligned(summary) else 0
