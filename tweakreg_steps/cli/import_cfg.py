"""``tweakreg import``: TEAL's .cfg files as a recipe."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.cli.recipe_file import add_new_recipe
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.editor_schema import schema_line
from tweakreg_steps.recipes.moved_paths import move_paths
from tweakreg_steps.recipes.new_recipe import write_new_recipe
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.recipes.recipe_text import minimal_text
from tweakreg_steps.teal.cfg_files import gather_cfgs
from tweakreg_steps.teal.importing import import_cfgs
from tweakreg_steps.teal.settings import recipe_tree


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="CFG",
        help="tweakreg.cfg, imagefindpars.cfg, refimagefindpars.cfg; the latter two are found "
        "beside the first",
    )
    add_new_recipe(parser)


def run(arguments: Namespace) -> int:
    """Write the recipe, and say what it does not hold; an existing file is never overwritten."""
    output: Path = arguments.output
    files = gather_cfgs(arguments.files)
    imported = import_cfgs(files)
    tree = move_paths(recipe_tree(imported.values), old=Path.cwd(), new=output.parent)
    sources = [str(file.path) for file in files]
    text = minimal_text(tree, about="\n".join(["Imported from", *sources]))
    write_new_recipe(output, schema_line() + text)
    if imported.internal:
        sys.stderr.write(f"tweakreg: {', '.join(imported.internal)}: left out, as TEAL's own\n")
    for text in (*imported.losses, *imported.remarks, *_problems(tree, output)):
        sys.stderr.write(f"tweakreg: {text}\n")
    sys.stderr.write(f"wrote {output} from {', '.join(sources)}\n")
    return 0


def _problems(tree: dict[str, object], output: Path) -> list[str]:
    """Return what still has to be changed in the recipe before it can run."""
    try:
        complete(tree, source=None, file=output)
    except RecipeError as error:
        return [*str(error).splitlines(), f"change this first: `tweakreg edit {output}`"]
    return []
