"""Editing a recipe file: it is replaced by a valid recipe or not at all."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tweakreg_steps.atomic import atomic_path
from tweakreg_steps.editing.editor import edit_text
from tweakreg_steps.editing.setting_values import set_values
from tweakreg_steps.editing.text_blocks import extract_blocks, replace_blocks
from tweakreg_steps.errors import InputError, RecipeError
from tweakreg_steps.recipes.composition import source_of_text
from tweakreg_steps.recipes.inputs import images_of
from tweakreg_steps.recipes.recipe import Recipe, complete
from tweakreg_steps.recipes.recipe_text import (
    commented_recipe,
    commented_section,
    comments_about,
    minimal_text,
)
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.yaml_source import parse_yaml, read_yaml

NEW_INPUT = "*flt.fits"
"""The input of a recipe that is not there yet: what TweakReg aligns by default."""


def edit_recipe(path: Path) -> Recipe | None:
    """Edit a whole recipe, or a new one in which every parameter stands as a comment.

    Returns
    -------
    Recipe or None
        What the recipe is now; None where nothing was changed.

    Raises
    ------
    RecipeError
        If the recipe cannot be read, no editor works, or a wrong change was dropped.
    """
    text = _text_of(path) or commented_recipe(NEW_INPUT)
    edited = edit_text(text, name=path.name, check=_checker(path), help_text="")
    return None if edited == text else keep_recipe(path, edited)


def edit_sections(path: Path, sections: Sequence[str]) -> Recipe | None:
    """Edit some sections of a recipe and leave the rest of its text as it is.

    Parameters
    ----------
    path
        The recipe; if it is not there, it begins with nothing but its input.
    sections
        The sections to show. One that the recipe lacks is shown as comments.

    Returns
    -------
    Recipe or None
        What the recipe is now; None where nothing was changed.

    Raises
    ------
    RecipeError
        If the recipe cannot be read, no editor works, or a wrong change was dropped.
    """
    whole = _text_of(path) or f'input: "{NEW_INPUT}"\n'
    given = parse_yaml(whole, name=str(path)).value
    absent = [section for section in sections if section not in given]
    shown = extract_blocks(whole, sections) + "\n".join(map(commented_section, absent))
    check_whole = _checker(path)

    def check(block: str) -> None:
        found = parse_yaml(block, name=path.name).value or {}
        others = sorted(set(found) - set(sections)) if isinstance(found, dict) else ["?"]
        if others:
            raise RecipeError(
                f"{', '.join(map(str, others))}: only {', '.join(sections)} can be edited here; "
                f"`tweakreg edit {path}` shows all"
            )
        check_whole(replace_blocks(whole, sections, block))

    block = edit_text(shown, name=path.name, check=check, help_text=comments_about(sections))
    return None if block == shown else keep_recipe(path, replace_blocks(whole, sections, block))


def edit_tree(tree: Tree, name: Path) -> Tree:
    """Edit a recipe that is in no file.

    Parameters
    ----------
    tree
        The recipe without its defaults.
    name
        What messages call it; paths are relative to its folder.

    Returns
    -------
    dict
        The recipe as it was saved.

    Raises
    ------
    RecipeError
        If no editor works, or a wrong change was dropped.
    """
    text = minimal_text(tree, about="The recipe that is run when the editor ends.")
    help_text = comments_about(())
    edited = edit_text(text, name=f"{name}.yaml", check=_checker(name), help_text=help_text)
    return dict(parse_yaml(edited, name=str(name)).value)


def set_in_recipe(path: Path, changes: Tree) -> Recipe:
    """Set some values in a recipe file, every comment left where it is.

    Parameters
    ----------
    path
        The recipe.
    changes
        The new values, nested as in the recipe.

    Raises
    ------
    RecipeError
        If the recipe cannot be read, or would not be valid.
    """
    return keep_recipe(path, set_values(_text_of(path), changes, name=str(path)))


def _text_of(path: Path) -> str:
    """Return the text of a recipe; nothing where there is none."""
    if not path.exists():
        return ""
    read_yaml(path)
    return path.read_text(encoding="utf-8")


def _checker(path: Path) -> Callable[[str], None]:
    """Return the function that refuses what is no valid recipe."""

    def check(text: str) -> None:
        _complete(text, path)

    return check


def _complete(text: str, path: Path) -> Recipe:
    """Return the complete recipe that a text is."""
    source = source_of_text(text, path)
    return complete(source.value, source=source, file=path)


def keep_recipe(path: Path, text: str) -> Recipe:
    """Replace the recipe by a text if it is valid, and say on stderr what is odd about it.

    Raises
    ------
    RecipeError
        Listing every problem; the file is as it was.
    """
    recipe = _complete(text, path)
    final = path.resolve()
    with atomic_path(final) as temporary:
        temporary.write_text(text, encoding="utf-8")
        if final.exists():
            shutil.copymode(final, temporary)
    for warning in recipe.warnings:
        sys.stderr.write(f"tweakreg: warning: {warning}\n")
    try:
        images_of(recipe)
    except InputError as error:
        sys.stderr.write(f"tweakreg: warning: {error}\n")
    return recipe
