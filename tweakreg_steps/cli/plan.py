"""``tweakreg plan``: which jobs would run, and why."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.cli.recipe_file import (
    add_recipe,
    add_settings,
    read_recipe,
    settings_of,
)
from tweakreg_steps.printable import printable, printable_line
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.reviewing.waiting import describe_waiting, waiting_images, waiting_lines
from tweakreg_steps.workflow.blocked_jobs import blocked_jobs, describe_blocked
from tweakreg_steps.workflow.cached_jobs import cached_jobs
from tweakreg_steps.workflow.jobs import JobKey
from tweakreg_steps.workflow.notes import say_notes
from tweakreg_steps.workflow.obsolete import obsolete_products
from tweakreg_steps.workflow.ownership import require_products
from tweakreg_steps.workflow.project import open_project
from tweakreg_steps.workflow.staleness import StaleJob


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)
    add_settings(parser)
    parser.add_argument(
        "--json", action="store_true", help="a list of {rule, image, reasons, cached}"
    )


def run(arguments: Namespace) -> int:
    """Print the stale jobs."""
    settings = settings_of(arguments, recipe=arguments.recipe)
    print_plan(read_recipe(arguments.recipe, settings), arguments.recipe, as_json=arguments.json)
    return 0


def print_plan(recipe: Recipe, file: Path, *, as_json: bool) -> None:
    """Print which jobs of a recipe would run, and why."""
    project = open_project(recipe)
    say_notes(project)
    stale = project.stale
    cached = cached_jobs(recipe.file("cache"), stale)
    require_products(project, [job.job for job in stale])
    text = _json(stale, cached) if as_json else printable(_text(stale, cached))
    sys.stdout.write(text)
    obsolete = obsolete_products(project)
    sys.stderr.writelines(f"{printable_line(one.text)}\n" for one in obsolete)
    if not stale and not obsolete:
        sys.stderr.write("nothing to do\n")
    in_place = project.recipe.header["in_place"]
    blocked = blocked_jobs(stale, project.findings, in_place=in_place)
    way_out = "the run restores it" if in_place else "tweakreg restore must come first"
    sys.stderr.writelines(f"{text}: {way_out}\n" for text in describe_blocked(blocked))
    waiting = waiting_images(project)
    if stale:
        sys.stderr.writelines(waiting_lines(waiting))
    else:
        sys.stderr.write(describe_waiting(waiting, file))


def _json(stale: list[StaleJob], cached: frozenset[JobKey]) -> str:
    """Write the jobs for programs."""
    rows = [
        {
            "rule": job.job.rule,
            "image": job.job.image,
            "reasons": list(job.reasons),
            "cached": job.job.key in cached,
        }
        for job in stale
    ]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def _text(stale: list[StaleJob], cached: frozenset[JobKey]) -> str:
    """Write the jobs for people."""
    return "".join(
        f"{job.job.rule} {job.job.name}: {'; '.join(job.reasons)}"
        f"{' (from the cache)' if job.job.key in cached else ''}\n"
        for job in stale
    )
