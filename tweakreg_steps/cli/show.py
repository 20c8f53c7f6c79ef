"""``tweakreg show``: how each image of a run went."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.records.outdir_files import SUMMARY
from tweakreg_steps.running.final_table import print_summary


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
