"""``tweakreg edit``: a recipe in the editor, checked before it is kept."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from tweakreg_steps.cli.recipe_file import add_recipe
from tweakreg_steps.editing.recipe_editing import edit_recipe


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)


def run(arguments: Namespace) -> int:
    """Edit the recipe, which is made if it is not there."""
    changed = edit_recipe(arguments.recipe)
    sys.stderr.write(f"{arguments.recipe}: {'valid, kept' if changed else 'nothing was changed'}\n")
    return 0
