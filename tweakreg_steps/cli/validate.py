"""``tweakreg validate``: every problem of a recipe at once; nothing is run or written."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from dataclasses import replace

from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.errors import InputError, TweakRegError
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.workflow.notes import say_notes
from tweakreg_steps.workflow.outdir import require_usable
from tweakreg_steps.workflow.ownership import require_products
from tweakreg_steps.workflow.project import Project, open_project

_PLACE = re.compile(r"(.+?):(\d+)(?::(\d+))?: (.*)")
"""A place in a file, as messages begin with it."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)
    parser.add_argument("--json", action="store_true", help="the same for programs")


def run(arguments: Namespace) -> int:
    """Check the recipe and all the files that it names, as a plan and a run do."""
    if arguments.json:
        return _for_programs(arguments)
    recipe = read_recipe(arguments.recipe)
    project = _checked(recipe)
    say_notes(project)
    n_images, n_damaged = len(project.findings.inputs), len(project.findings.unread)
    count = f"{n_images} image{'' if n_images == 1 else 's'}"
    but = f", {n_damaged} of them not whole" if n_damaged else ""
    sys.stderr.write(f"{arguments.recipe}: valid, {count}{but}\n")
    return 0


def _for_programs(arguments: Namespace) -> int:
    """Print what is wrong as JSON; return the exit status."""
    images: list[str] = []
    damaged: list[str] = []
    problems: list[dict[str, object]] = []
    status = 0
    try:
        findings = _checked(read_recipe(arguments.recipe)).findings
        images = [image.name for image in findings.inputs]
        damaged = [one.image.name for one in findings.unread]
    except TweakRegError as error:
        problems = [_problem(line) for line in str(error).splitlines()]
        status = error.exit_status
    found = {
        "recipe": str(arguments.recipe),
        "valid": not problems,
        "images": images,
        "not_whole": damaged,
        "problems": problems,
    }
    sys.stdout.write(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return status


def _problem(line: str) -> dict[str, object]:
    """Return one line of a message, and the place that it names."""
    found = _PLACE.match(line)
    if not found:
        return {"file": None, "line": None, "column": None, "text": line}
    return {
        "file": found[1],
        "line": int(found[2]),
        "column": int(found[3] or 1),
        "text": found[4],
    }


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
    require_products(project, [job.job for job in project.stale])
    return project
