"""The recipe of a call, written beside its results."""

from __future__ import annotations

import itertools
from pathlib import Path

from tweakreg_steps.recipes.moved_paths import move_paths
from tweakreg_steps.recipes.recipe_text import minimal_text
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.teal.settings import flatten, recipe_tree
from tweakreg_steps.workflow.outdir import prepare_outdir

_ABOUT = "The recipe of a call of TweakReg; `tweakreg run` runs it again."


def file_recipe(tree: Tree, outdir: Path) -> tuple[Path, bool]:
    """Write a call's recipe beside its results, under the first number that is free.

    So the recipes of a session stay in the order of their first use, and none is overwritten.

    Parameters
    ----------
    tree
        The recipe without its defaults; paths are relative to the working directory.
    outdir
        The output folder, which is made if it is not there.

    Returns
    -------
    file
        The recipe: that of an earlier call if it says the same.
    is_new
        Whether it was not there before.

    Raises
    ------
    InputError
        If the folder cannot be made or written.
    """
    prepare_outdir(outdir)
    values = flatten(move_paths(tree, old=Path(), new=outdir)) | {("outdir",): "."}
    text = minimal_text(recipe_tree(values), about=_ABOUT)
    for number in itertools.count(1):
        file = outdir / f"recipe-{number}.yaml"
        try:
            with file.open("x", encoding="utf-8") as stream:
                stream.write(text)
        except FileExistsError:
            if file.read_text(encoding="utf-8") == text:
                return file, False
        else:
            return file, True
    raise AssertionError("there is no last number")
