"""``tweakreg validate``: every problem of a recipe at once."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from tweakreg_steps import layout
from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.errors import InputError
from tweakreg_steps.planning.project import Project, open_project
from tweakreg_steps.planning.staleness import stale_jobs
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.running.outdir import prepare_outdir
from tweakreg_steps.running.ownership import files_of_jobs, require_products


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)


def run(arguments: Namespace) -> int:
    """Check the recipe and all the files that it names, as a plan and a run do."""
    recipe = read_recipe(arguments.recipe)
    with _no_trace(recipe.outdir):
        n_images = len(_checked(recipe).images)
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
        prepare_outdir(recipe.outdir)
    except InputError as error:
        with tempfile.TemporaryDirectory(prefix="tweakreg-validate-") as folder:
            elsewhere = replace(recipe, values={**recipe.values, "outdir": folder})
            try:
                open_project(elsewhere)
            except InputError as further:
                raise InputError(f"{error}\n{further}") from error
        raise
    project = open_project(recipe)
    stale = stale_jobs(project.plan, project.outdir)
    require_products(project, files_of_jobs(project, (job.job for job in stale)))
    return project


@contextmanager
def _no_trace(outdir: Path) -> Iterator[None]:
    """Leave an output folder that was not there before as it was: only what a look has written."""
    there = [folder for folder in (outdir, *outdir.parents) if folder.exists()]
    try:
        yield
    finally:
        if outdir not in there:
            for path in (*outdir.glob("digests/*.json"), outdir / layout.CODE_CACHE):
                path.unlink(missing_ok=True)
            for folder in (outdir / "digests", outdir / ".tweakreg", outdir, *outdir.parents):
                if folder not in there:
                    with suppress(OSError):  # something else is in it by now
                        folder.rmdir()
