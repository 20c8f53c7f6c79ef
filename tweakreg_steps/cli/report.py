"""``tweakreg report``: the page that shows a run."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.cli.recipe_file import read_recipe
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.records.outdir_files import RESOLVED_RECIPE, SUMMARY
from tweakreg_steps.running.final_table import outcome_status
from tweakreg_steps.running.report_run import write_report
from tweakreg_steps.running.step_server import warm_steps


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "run", type=Path, metavar="RECIPE|OUTDIR", help="the recipe of a run, or its output folder"
    )


def run(arguments: Namespace) -> int:
    """Write the pages where they are not up to date, and print where the first one is."""
    file = _recipe_of(arguments.run)
    # that beside the products was written by a run, with every default: there is nothing to warn of
    recipe = read_recipe(file) if file == arguments.run else load_recipe(file)
    with warm_steps() as prepare:
        page = write_report(recipe, file, cores=os.cpu_count() or 1, prepare=prepare)
    sys.stdout.write(f"{page}\n")
    return outcome_status(recipe.outdir)


def _recipe_of(path: Path) -> Path:
    """Return the recipe that a run was made with."""
    if not path.is_dir():
        return path
    if not (path / RESOLVED_RECIPE).is_file() or not (path / SUMMARY).is_file():
        raise RecipeError(
            f"{path}: holds no {RESOLVED_RECIPE} and {SUMMARY}; name the output folder of a "
            "finished run, or its recipe"
        )
    return path / RESOLVED_RECIPE
