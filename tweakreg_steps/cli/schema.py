"""``tweakreg schema``: the JSON Schema of a recipe, for editors and other programs."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from tweakreg_steps.recipes.editor_schema import schema_text


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments: there are none."""
    del parser


def run(arguments: Namespace) -> int:
    """Print the schema."""
    del arguments
    sys.stdout.write(schema_text())
    return 0
