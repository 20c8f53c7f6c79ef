"""``tweakreg import``: TEAL's .cfg files as a recipe."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from tweakreg_steps.cli.recipe_file import add_new_recipe
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.printable import printable_line
from tweakreg_steps.recipes.editor_schema import schema_line
from tweakreg_steps.recipes.moved_paths import move_paths
from tweakreg_steps.recipes.new_recipe import write_new_recipe
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.recipes.recipe_text import minimal_text
from tweakreg_steps.recipes.schema import parameters
from tweakreg_steps.teal.cfg_comments import Comment, by_parameter, with_comments
from tweakreg_steps.teal.cfg_files import gather_cfgs
from tweakreg_steps.teal.importing import INTERACTIVE, import_cfgs, without_their_defaults
from tweakreg_steps.teal.settings import Keys, recipe_tree


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
    values, theirs = without_their_defaults(imported.values)
    tree = move_paths(recipe_tree(values), old=Path.cwd(), new=output.parent)
    sources = [str(file.path) for file in files]
    comments = [comment for file in files for comment in file.comments]
    text = minimal_text(tree, about="\n".join(_head(sources, comments, theirs)))
    text, placed = with_comments(text, by_parameter(comments))
    write_new_recipe(output, schema_line() + text)
    if imported.internal:
        sys.stderr.write(f"tweakreg: {', '.join(imported.internal)}: left out, as TEAL's own\n")
    said = (
        *imported.losses,
        *map(_left_to_teal, theirs.items()),
        *_unplaced(comments, placed),
        *_problems(tree, output),
    )
    for line in said:
        sys.stderr.write(f"tweakreg: {printable_line(line)}\n")
    sys.stderr.write(f"wrote {output} from {', '.join(sources)}\n")
    return 0


def _head(
    sources: Sequence[str], comments: Sequence[Comment], theirs: Mapping[Keys, object]
) -> Iterator[str]:
    """Yield what stands above the recipe: its origin, comments, and what was left to TEAL."""
    yield "Imported from"
    yield from sources
    yield from (printable_line(comment.text) for comment in comments if comment.about is None)
    if theirs:
        yield "Left out: TEAL writes these into every file. Write them below where you mean them:"
        yield from (f"    {'.'.join(keys)}: {json.dumps(value)}" for keys, value in theirs.items())


def _left_to_teal(item: tuple[Keys, object]) -> str:
    """Say that a default of TweakReg was left out."""
    keys, value = item
    default = next(p.default for p in parameters() if p.path == keys)
    why = " so that the first run writes its results;" if keys == INTERACTIVE else ""
    return (
        f"{'.'.join(keys)}: {json.dumps(value)} is TweakReg's default, which TEAL writes into "
        f"every file: left out,{why} here it is {json.dumps(default)}; set it in the recipe if you "
        "mean it"
    )


def _unplaced(comments: Sequence[Comment], placed: Collection[Keys]) -> Iterator[str]:
    """Yield beside which parameters comments stand that the recipe does not hold."""
    names = [c.about[-1] for c in comments if c.about is not None and c.about not in placed]
    if names:
        yield (
            f"comments beside {', '.join(dict.fromkeys(names))} stay in the .cfg file: what they "
            "are about is not in the recipe, as it has its default or was left out"
        )


def _problems(tree: dict[str, object], output: Path) -> list[str]:
    """Return what still has to be changed in the recipe before it can run."""
    try:
        complete(tree, source=None, file=output)
    except RecipeError as error:
        return [*str(error).splitlines(), f"change this first: `tweakreg edit {output}`"]
    return []
