"""The recipe that a command is given, or is to write."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.printable import printable_line
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.recipes.recipe import Recipe, load_recipe
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.recipes.settings import settings_tree
from tweakreg_steps.surveying.unused_words import unused_words


def add_recipe(parser: ArgumentParser) -> None:
    """Declare the argument."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="the recipe, a YAML file")


def add_settings(parser: ArgumentParser) -> None:
    """Declare the options that lay values over a recipe for this once."""
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another value for this once, as in object_matching.searchrad=3; may be repeated",
    )
    parser.add_argument(
        "--outdir", metavar="DIR", help="another output folder for this once, relative to here"
    )


def settings_of(arguments: Namespace, *, recipe: Path) -> Tree:
    """Return the values that the command line lays over a recipe."""
    tree = settings_tree(arguments.settings)
    if arguments.outdir is not None:
        outdir = os.path.relpath(arguments.outdir, recipe.parent)
        tree = merge(tree, {"outdir": outdir})
    return tree


def add_new_recipe(parser: ArgumentParser) -> None:
    """Declare the option that names a recipe to write."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("recipe.yaml"),
        metavar="RECIPE",
        help="the recipe to write (default: recipe.yaml)",
    )


def read_recipe(path: Path, settings: Tree | None = None) -> Recipe:
    """Read a recipe, and warn on stderr of what looks like a mistake.

    Parameters
    ----------
    path
        The recipe.
    settings
        Values to lay over it; None for none.
    """
    recipe = load_recipe(path, settings)
    for warning in (*recipe.warnings, *unused_words(recipe)):
        sys.stderr.write(f"tweakreg: warning: {printable_line(warning)}\n")
    return recipe
