"""The recipe that a command is given, or is to write."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from tweakreg_steps.printable import printable_line
from tweakreg_steps.recipes.recipe import Recipe, load_recipe
from tweakreg_steps.surveying.unused_words import unused_words


def add_recipe(parser: ArgumentParser) -> None:
    """Declare the argument."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="the recipe, a YAML file")


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


def read_recipe(path: Path) -> Recipe:
    """Read a recipe, and warn on stderr of what looks like a mistake."""
    recipe = load_recipe(path)
    for warning in (*recipe.warnings, *unused_words(recipe)):
        sys.stderr.write(f"tweakreg: warning: {printable_line(warning)}\n")
    return recipe
