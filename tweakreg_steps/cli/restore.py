"""``tweakreg restore``: put the originals back, bit for bit."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from tweakreg_steps.applying.restoring import restore_originals
from tweakreg_steps.cli.outcome_table import print_outcomes
from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.running.locking import hold_outdir


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)


def run(arguments: Namespace) -> int:
    """Put back every original into which a solution of the recipe's folder was written."""
    recipe = read_recipe(arguments.recipe)
    with hold_outdir(recipe.outdir):
        rows = [
            (str(restored.path), "restored" if restored.was_applied else "was as it had been")
            for restored in restore_originals(recipe.outdir, only=None)
        ]
    print_outcomes(rows)
    if not rows:
        sys.stderr.write("nothing to do: no original holds a solution of this recipe\n")
    elif recipe.values["update_header"]["in_place"]:
        sys.stderr.write("update_header.in_place is true: the next run writes them again\n")
    return 0
