"""``tweakreg run``: make whatever is not up to date."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from tweakreg_steps.cli.plan import print_plan
from tweakreg_steps.cli.recipe_file import add_settings, read_recipe, settings_of
from tweakreg_steps.errors import RecipeError, TweakRegError
from tweakreg_steps.printable import printable_line, printable_message
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.records.outdir_files import LEDGER
from tweakreg_steps.running.recipe_run import run_recipe
from tweakreg_steps.running.recipes_table import format_recipes
from tweakreg_steps.running.standard_streams import flush_results
from tweakreg_steps.running.step_server import warm_steps

_SEVERITY = (0, 3, 4, 2, 1)
"""Exit statuses from the best to the worst."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "recipes", type=Path, nargs="+", metavar="RECIPE", help="recipes, YAML files"
    )
    add_settings(parser)
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="say what would run, as `tweakreg plan` does"
    )
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument(
        "-q", "--quiet", action="store_true", help="no progress and no warnings, only the results"
    )
    how_much.add_argument(
        "-v", "--verbose", action="store_true", help="what each job says, as verbose: true does"
    )
    parser.add_argument("--json", action="store_true", help="the table for programs")
    parser.add_argument(
        "-j",
        "--jobs",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many jobs to run at once (default: one a processor)",
    )
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="NAME|DIR",
        help="a Snakemake profile, as for a cluster: slurm, kubernetes, generic, or a folder; "
        "-j is then how many jobs may be in the cluster at once",
    )


def _positive(text: str) -> int:
    """Read a number of jobs."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number of jobs; give 1 or more")
    return int(text)


def run(arguments: Namespace) -> int:
    """Run the recipes one after the other, and print how each image went.

    All recipes are read before any is run. A table over all ends the tables of several; the exit
    status is the worst of theirs.
    """
    recipes = _read_all(arguments)
    if arguments.dry_run:
        for file, recipe in recipes.items():
            print_plan(recipe, file, as_json=arguments.json)
        return 0
    statuses: list[int] = []
    is_list = arguments.json and len(recipes) > 1
    is_busy = any(_is_likely_stale(recipe, file) for file, recipe in recipes.items())
    with warm_steps(wanted=arguments.profile is None, at_once=is_busy) as prepare:
        for file, recipe in recipes.items():
            if len(recipes) > 1:
                _head(file, is_quiet=arguments.quiet, is_json=arguments.json)
            if is_list:
                sys.stdout.write("," if statuses else "[")
            try:
                status = run_recipe(
                    recipe,
                    file,
                    cores=arguments.jobs,
                    profile=arguments.profile,
                    prepare=prepare,
                    quiet=arguments.quiet,
                    as_json=arguments.json,
                )
            except TweakRegError as error:
                if len(recipes) == 1:
                    raise
                sys.stderr.write(f"tweakreg: {file}: {printable_message(str(error))}\n")
                status = error.exit_status
                failed = {"outdir": str(recipe.outdir), "error": str(error), "status": status}
                sys.stdout.write(json.dumps(failed) if is_list else "")
            statuses.append(status)
    worst = max(statuses, key=_SEVERITY.index)
    if is_list:
        sys.stdout.write("]\n")
    elif len(recipes) > 1:
        outdirs = {file: recipe.outdir for file, recipe in recipes.items()}
        sys.stdout.write(f"\nall recipes:\n{format_recipes(outdirs, statuses, worst=worst)}")
    return worst


def _head(file: Path, *, is_quiet: bool, is_json: bool) -> None:
    """Say whose progress follows on stderr, and whose table on stdout, once on a terminal."""
    line = f"{printable_line(str(file))}:\n"
    if not is_json:
        sys.stdout.write(line)
        flush_results()
    if not is_quiet and (is_json or not sys.stdout.isatty()):
        sys.stderr.write(line)


def _is_likely_stale(recipe: Recipe, file: Path) -> bool:
    """Tell whether a recipe has not been run, or was edited since; a guess that costs nothing."""
    try:
        return file.stat().st_mtime_ns > (recipe.outdir / LEDGER).stat().st_mtime_ns
    except OSError:
        return True


def _read_all(arguments: Namespace) -> dict[Path, Recipe]:
    """Read all recipes.

    Raises
    ------
    RecipeError
        Listing what is wrong with any of them; or two have one output folder.
    """
    recipes: dict[Path, Recipe] = {}
    problems = []
    for file in dict.fromkeys(arguments.recipes):
        try:
            recipes[file] = read_recipe(file, _settings(arguments, file))
        except RecipeError as error:
            problems.append(str(error))
    folders: dict[Path, Path] = {}
    for file, recipe in recipes.items():
        other = folders.setdefault(recipe.outdir, file)
        if other != file:
            problems.append(f"{file}: has the outdir of {other}, {recipe.outdir}; give it another")
    if problems:
        raise RecipeError("\n".join(problems))
    return recipes


def _settings(arguments: Namespace, file: Path) -> Tree:
    """Return what the command line lays over a recipe; of several, each has its own folder."""
    settings = settings_of(arguments, recipe=file)
    if arguments.outdir is not None and len(arguments.recipes) > 1:
        settings["outdir"] = os.path.join(settings["outdir"], file.stem)  # noqa: PTH118  a text
    if arguments.verbose:
        settings["verbose"] = True
    return settings
