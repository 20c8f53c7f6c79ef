"""``tweakreg restore``: put the originals back, bit for bit."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.applying.restoring import require_inputs, restore_originals
from tweakreg_steps.cli.outcome_table import print_outcomes
from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.printable import printable_line
from tweakreg_steps.recipes.inputs import images_of
from tweakreg_steps.running.locking import hold_outdir
from tweakreg_steps.surveying.other_files import named_others


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)


def run(arguments: Namespace) -> int:
    """Put back every original into which a solution of the recipe's folder was written."""
    recipe = read_recipe(arguments.recipe)
    inputs = [image.path for image in images_of(recipe)]
    inputs += named_others(recipe)
    with hold_outdir(recipe.outdir):
        require_inputs(recipe.outdir, inputs, ask=_ask)
        rows = [
            (str(restored.path), "restored" if restored.was_applied else "was as it had been")
            for restored in restore_originals(recipe.outdir, only=None)
        ]
    print_outcomes(rows)
    if not rows:
        sys.stderr.write("nothing to do: no original holds a solution of this recipe\n")
    elif recipe.header["in_place"]:
        sys.stderr.write("update_header.in_place is true: the next run writes them again\n")
    return 0


def _ask(path: Path) -> bool:
    """Ask whether a file that is no input is to be written; where nobody answers, it is not."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{printable_line(str(path))} is no input of the recipe. Write it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
