"""``tweakreg validate``: every problem of a recipe at once."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.errors import InputError
from tweakreg_steps.recipes.inputs import expand_inputs, expand_refimage
from tweakreg_steps.recipes.overrides import override_problems


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)


def run(arguments: Namespace) -> int:
    """Check the recipe, and that each of its inputs is there."""
    recipe = read_recipe(arguments.recipe)
    images = expand_inputs(recipe.values["input"], base=recipe.base)
    if recipe.values["refimage"]:
        expand_refimage(recipe.values["refimage"], base=recipe.base)
    problems = list(override_problems(recipe.values, [image.name for image in images]))
    if problems:
        raise InputError("\n".join(problems))
    count = f"{len(images)} image{'' if len(images) == 1 else 's'}"
    sys.stderr.write(f"{arguments.recipe}: valid, {count}\n")
    return 0
