"""``tweakreg show``: how each image of a run went."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.cli.recipe_file import read_recipe
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.records.outdir_files import SUMMARY
from tweakreg_steps.running.final_table import print_summary


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
        raise RecipeError(
            f"{outdir}: holds no {SUMMARY}; name the output folder of a finished run, or its recipe"
        )
    return print_summary(outdir, as_json=arguments.json)
