"""``tweakreg validate``: every problem of a recipe at once."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.recipes.inputs import expand_inputs
from tweakreg_steps.recipes.recipe import load_recipe


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="the recipe, a YAML file")


def run(arguments: Namespace) -> int:
    """Check the recipe, and that each of its inputs is there."""
    recipe = load_recipe(arguments.recipe)
    for warning in recipe.warnings:
        sys.stderr.write(f"tweakreg: warning: {warning}\n")
    images = expand_inputs(recipe.values["input"], base=recipe.base)
    count = f"{len(images)} image{'' if len(images) == 1 else 's'}"
    sys.stderr.write(f"{arguments.recipe}: valid, {count}\n")
    return 0
