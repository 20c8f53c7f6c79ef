"""``tweakreg show``: how each image of a run went."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.cli.recipe_file import read_recipe
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.records.outdir_files import SUMMARY
from tweakreg_steps.running.final_table import print_summary
from tweakreg_steps.workflow.outdir import is_unfinished


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "outdir",
        type=Path,
        metavar="OUTDIR|RECIPE",
        help="the output folder of a run, or its recipe",
    )
    parser.add_argument("--json", action="store_true", help="the table for programs")


def run(arguments: Namespace) -> int:
    """Print the table of the last run."""
    given: Path = arguments.outdir
    outdir = read_recipe(given).outdir if given.is_file() else given
    if not (outdir / SUMMARY).is_file():
        raise RecipeError(_nothing_to_show(given, outdir))
    if is_unfinished(outdir):
        sys.stderr.write(
            "tweakreg: warning: a run is at work here or was broken off; this table is from before "
            "it, and the products may be newer\n"
        )
    return print_summary(outdir, as_json=arguments.json)


def _nothing_to_show(given: Path, outdir: Path) -> str:
    """Say why there is no table, and what to do."""
    if given.is_file():
        return f"{given}: has not been run to its end yet ({outdir}): tweakreg run {given}"
    if not given.exists():
        return f"{given}: there is no such folder or recipe; correct the name"
    return f"{outdir}: holds no {SUMMARY}; name the output folder of a finished run, or its recipe"
