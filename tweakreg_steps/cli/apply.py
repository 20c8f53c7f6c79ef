"""``tweakreg apply``: write the accepted solutions of a run into the original files."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.cli.outcome_table import print_outcomes
from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.replaceable import link_note
from tweakreg_steps.reviewing.waiting import describe_waiting, waiting_images
from tweakreg_steps.running.apply_run import Applied, apply_run
from tweakreg_steps.running.final_table import SOME_NOT_ALIGNED
from tweakreg_steps.running.leftovers import clean_outdir
from tweakreg_steps.running.locking import hold_outdir
from tweakreg_steps.workflow.project import Project, open_project

_AT_MOST = 10
"""Reasons that are shown."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)


def run(arguments: Namespace) -> int:
    """Write each accepted solution into its original, and print what became of each image."""
    recipe = read_recipe(arguments.recipe)
    with hold_outdir(recipe.outdir), clean_outdir(recipe.outdir):
        project = open_project(recipe)
        _require_up_to_date(project, arguments.recipe)
        for image in project.images:
            note = link_note(image.image.path)
            sys.stderr.write(f"{note}\n" if note else "")
        done = list(apply_run(recipe))
    print_outcomes([(image.name, _outcome(image), str(image.path)) for image in done])
    sys.stderr.write(describe_waiting(waiting_images(project), arguments.recipe))
    return 0 if all(image.holds_solution for image in done) else SOME_NOT_ALIGNED


def _require_up_to_date(project: Project, recipe: Path) -> None:
    """Refuse to write solutions that are not those of the recipe and the inputs as they are."""
    stale = project.stale
    if stale:
        lines = [f"{job.job.rule} {job.job.name}: {'; '.join(job.reasons)}" for job in stale]
        more = f"\nand {len(lines) - _AT_MOST} more jobs" if len(lines) > _AT_MOST else ""
        raise InputError(
            "\n".join(lines[:_AT_MOST]) + more + "\nthe results are not up to date; run first: "
            f"tweakreg run {shlex.quote(str(recipe))}"
        )


def _outcome(image: Applied) -> str:
    """Say what became of an image."""
    if image.holds_solution:
        return "as written before" if image.was_there else "written"
    why = image.record["reason"] or "waits for a decision"
    return f"taken back ({why})" if image.record["taken_back"] else f"left ({why})"
