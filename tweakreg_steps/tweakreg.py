"""TweakReg's Python interface: ``from tweakreg_steps import tweakreg`` in place of drizzlepac's.

Nothing is read from or written to a home folder but where ``configobj='defaults'`` asks for it.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_steps.errors import InputError, LockedError, RecipeError, TweakRegWarning

if TYPE_CHECKING:
    from tweakreg_steps.gui.notebook import NotebookDesk
    from tweakreg_steps.recipes.schema import Tree
    from tweakreg_steps.result import Alignment
    from tweakreg_steps.teal.call import Config, Files

__all__ = ["TweakReg", "desk", "edit_imagefindpars", "help"]


def TweakReg(  # noqa: N802  the name is the interface
    files: Files | None = None,
    editpars: bool = False,
    configobj: Config | None = None,
    imagefindcfg: Config | None = None,
    refimagefindcfg: Config | None = None,
    **input_dict: Any,  # noqa: ANN401  every parameter may be given by its name
) -> Alignment:
    """Align exposures to each other or to a catalog, with TweakReg's arguments.

    The call is turned into a recipe, which is written beside the results, and is run as ``tweakreg
    run`` runs it: a further call in the same place makes again only what its new arguments change.
    The exposures themselves stay as they are unless ``in_place=True``; with ``updatehdr=True`` the
    aligned copies are in the folder ``aligned`` of ``outdir``.

    Parameters
    ----------
    files
        A file, a wildcard, an association table, a comma-separated list, ``@file``, or a list of
        these, relative to the working directory. None or a blank stands for the input of
        `configobj`, else for ``*flt.fits``.
    editpars
        Open the recipe first, and run what is saved: as a form in the browser where there is one
        and the extra ``gui`` is installed, else in the text editor, as ``tweakreg edit`` does.
    configobj
        Values for any parameters: a mapping by name, in sections or not; the path of a TEAL
        ``.cfg`` file or of a recipe; ``'defaults'``, which is ``tweakreg.cfg`` of the working
        directory or of ``~/.teal``; or None. The mapping and the ``.cfg`` file cannot set
        ``updatewcs``.
    imagefindcfg
        How sources are found in the input images: a mapping by name, or the path of an
        ``imagefindpars.cfg``.
    refimagefindcfg
        How sources are found in ``refimage``.
    **input_dict
        Any parameter by its name, over the value in `configobj`. ``threshold`` and the like are
        those of the input images, and may not be in `imagefindcfg`, too. `help` lists all.
        ``outdir`` is ``results/tweakreg`` in the working directory unless it is given.

    Returns
    -------
    Alignment
        ``summary.ecsv``, an `astropy.table.Table`: one row an image, with its status, shift,
        rotation, scale and rms. Beside that ``failed``, the cure of each image that is not aligned,
        ``aligned_files``, ``plot(image)``, ``report()``, the path of the page that shows the run,
        and ``table``, the table alone.

    Raises
    ------
    RecipeError
        If an argument is wrong; all that are wrong are listed. Also if `editpars` ended without a
        valid recipe.
    InputError
        If a file cannot be used; known before anything is run.
    LockedError
        If another run holds the output folder.
    JobFailedError
        If a job of the run failed.

    Warns
    -----
    TweakRegWarning
        If an image was not aligned; if a ``.cfg`` file holds what could not be carried over.
    """
    from tweakreg_steps.recipes.recipe import complete
    from tweakreg_steps.running.own_process import run_in_own_process
    from tweakreg_steps.teal.call import CALL, recipe_of_call
    from tweakreg_steps.teal.call_file import file_recipe

    call = recipe_of_call(files, configobj, imagefindcfg, refimagefindcfg, input_dict)
    for remark in call.remarks:
        warnings.warn(remark, TweakRegWarning, stacklevel=2)
    tree = _edited(call.tree) if editpars else call.tree
    recipe = complete(tree, source=None, file=CALL)
    for warning in recipe.warnings:
        warnings.warn(warning, TweakRegWarning, stacklevel=2)
    file, is_new = file_recipe(tree, recipe.outdir)
    try:
        run_in_own_process(file, cores=os.cpu_count() or 1)
    except (RecipeError, InputError, LockedError):
        if is_new:
            file.unlink()
        raise
    sys.stderr.write(f"tweakreg: the results are in {recipe.outdir}, of {file.name} there\n")
    from tweakreg_steps.result import Alignment

    summary = Alignment.of_run(recipe.outdir)
    failed = [
        f"{row['image']} ({row['reason']}): {row['cure']}" for row in summary if row["reason"]
    ]
    if failed:
        text = f"{len(failed)} of {len(summary)} images were not aligned: {'; '.join(failed)}"
        warnings.warn(text, TweakRegWarning, stacklevel=2)
    return summary


def _edited(tree: Tree) -> Tree:
    """Have the user edit the recipe of a call."""
    from tweakreg_steps.editing.recipe_editing import edit_tree
    from tweakreg_steps.gui.editor import edit_tree_in_browser, has_browser
    from tweakreg_steps.teal.call import CALL

    return (edit_tree_in_browser if has_browser() else edit_tree)(tree, CALL)


def help(file: str | os.PathLike[str] | None = None) -> None:  # noqa: A001  the interface's name
    """Explain the call and every parameter.

    Parameters
    ----------
    file
        Where to write the text, replacing a file of that name; None prints it.
    """
    import inspect

    from tweakreg_steps.recipes.parameter_help import explain
    from tweakreg_steps.recipes.schema import parameters
    from tweakreg_steps.workflow.consumption import consumers

    arguments = ", ".join(
        f"**{p.name}" if p.kind is p.VAR_KEYWORD else f"{p.name}={p.default}"
        for p in inspect.signature(TweakReg).parameters.values()
    )
    call = f"TweakReg({arguments})\n\n{inspect.getdoc(TweakReg)}\n"
    text = "\n".join([call, *(explain(p, consumers().get(p.path, ())) for p in parameters())])
    if file is None:
        sys.stdout.write(text)
    else:
        Path(file).write_text(text, encoding="utf-8")


def edit_imagefindpars(recipe: str | os.PathLike[str] = "tweakreg.yaml") -> None:
    """Edit how sources are found, in a recipe: its sections imagefindpars and refimagefindpars.

    They are a form in the browser where there is one and the extra ``gui`` is installed,
    else they are opened in the text editor.

    Parameters
    ----------
    recipe
        The recipe, which is made if it is not there. A call takes it as its `configobj`.

    Raises
    ------
    RecipeError
        If the recipe cannot be read, no editor works, or a wrong change was dropped.
    """
    from tweakreg_steps.editing.recipe_editing import edit_sections
    from tweakreg_steps.gui.editor import edit_sections_in_browser, has_browser
    from tweakreg_steps.teal.naming import FINDING_SECTIONS

    path = Path(recipe)
    edit = edit_sections_in_browser if has_browser() else edit_sections
    changed = edit(path, FINDING_SECTIONS)
    way_on = f"kept; use it with TweakReg(..., configobj={str(path)!r})"
    sys.stderr.write(f"{path}: {way_on if changed else 'nothing was changed'}\n")


def desk(
    recipe: str | os.PathLike[str] = "recipe.yaml", *, port: int = 0, height: int = 900
) -> NotebookDesk:
    """Show a recipe, its run and its results in a notebook, as ``tweakreg gui`` does in a browser.

    Parameters
    ----------
    recipe
        The recipe, which is made if it is not there.
    port
        The port on 127.0.0.1 of the machine that the notebook runs on; 0 for any that is free. If
        your browser is on another machine, name one and have a tunnel to it.
    height
        Pixels of the frame.

    Returns
    -------
    NotebookDesk
        Its ``address``, and ``close()``; the last value of a cell, it shows itself.

    Raises
    ------
    RecipeError
        If it cannot be opened: the extra ``gui`` is missing, or the port is taken.
    """
    from tweakreg_steps.gui.notebook import NotebookDesk

    return NotebookDesk(Path(recipe), port=port, height=height)
