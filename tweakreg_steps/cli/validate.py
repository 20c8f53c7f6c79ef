"""``tweakreg validate``: every problem of a recipe at once; nothing is run or written."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from dataclasses import replace

from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.errors import InputError
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.workflow.notes import say_notes
from tweakreg_steps.workflow.outdir import require_usable
from tweakreg_steps.workflow.ownership import files_of_jobs, require_products
from tweakreg_steps.workflow.project import Project, open_project


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)


def run(arguments: Namespace) -> int:
    """Check the recipe and all the files that it names, as a plan and a run do."""
    recipe = read_recipe(arguments.recipe)
    project = _checked(recipe)
    say_notes(project)
    n_images = len(project.images)
    count = f"{n_images} image{'' if n_images == 1 else 's'}"
    sys.stderr.write(f"{arguments.recipe}: valid, {count}\n")
    return 0


def _checked(recipe: Recipe) -> Project:
    """Return the project of a recipe in which nothing is wrong.

    Raises
    ------
    InputError
        Listing everything that is. Where the output folder cannot serve, the rest is looked at
        all the same.
    """
    try:
        require_usable(recipe.outdir)
    except InputError as error:
        with tempfile.TemporaryDirectory(prefix="tweakreg-validate-") as folder:
            elsewhere = replace(recipe, values={**recipe.values, "outdir": folder})
            try:
                open_project(elsewhere)
            except InputError as further:
                raise InputError(f"{error}\n{further}") from error
        raise
    project = open_project(recipe)
    require_products(project, files_of_jobs(project, (job.job for job in project.stale)))
    return project
