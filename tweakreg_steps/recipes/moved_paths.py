"""The paths in a recipe, and how a file in another folder would write them."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tweakreg_steps.recipes.inputs import split_entry
from tweakreg_steps.recipes.schema import IMAGES, Tree, parameters

_INPUT = ("input",)
_ALSO = ("update_header", "also")
_FOLDERS = (("outdir",), ("cache",))

Move = Callable[[str], str]
"""Gives a path as it is written elsewhere."""


def move_paths(tree: Mapping[str, Any], *, old: Path, new: Path) -> Tree:
    """Return a recipe with each relative path, given from the folder `old`, given from `new`.

    What is no text, and so no path, stays for the schema to complain of.
    """
    moved: Tree = copy.deepcopy(dict(tree))
    if old.resolve() == new.resolve():
        return moved
    _move_all(moved, partial(_move_path, old=old, new=new))
    return moved


def relative_paths(tree: Mapping[str, Any], *, old: Path, new: Path) -> Tree:
    """Return a recipe as `move_paths` does, with absolute paths relative to `new` as well."""
    moved: Tree = copy.deepcopy(dict(tree))
    _move_all(moved, partial(_relative_path, old=old, new=new))
    return moved


def named_paths(tree: Mapping[str, Any]) -> list[str]:
    """Return every path of a recipe as it is written, wildcards and lists of files among them."""
    found: list[str] = []

    def note(path: str) -> str:
        found.append(path)
        return path

    _move_all(copy.deepcopy(dict(tree)), note)
    return found


def _move_all(tree: Tree, move: Move) -> None:
    """Move every path of a recipe."""
    of_images = tree.get(IMAGES)
    for parameter in parameters():
        if parameter.file or parameter.path in (_INPUT, _ALSO, *_FOLDERS):
            unless = partial(_move_unless, words=parameter.words, move=move)
            _move_value(tree, parameter.path, unless)
            for own in of_images.values() if isinstance(of_images, dict) else ():
                _move_value(own, parameter.path, unless)
        for key in parameter.files:
            _move_value(tree, (*parameter.path, key), move)
            for own in of_images.values() if isinstance(of_images, dict) else ():
                _move_value(own, (*parameter.path, key), move)


def _move_value(tree: object, path: tuple[str, ...], move: Move) -> None:
    """Move the paths under one key, if it is there."""
    *sections, key = path
    for section in sections:
        tree = tree.get(section) if isinstance(tree, dict) else None
    if not isinstance(tree, dict):
        return
    if path == _ALSO and isinstance(tree.get(key), dict):
        for name in tree[key]:
            _move_value(tree[key], (name,), partial(_move_entry, move=move))
        return
    if path in (_INPUT, _ALSO):
        move = partial(_move_entry, move=move)
    value = tree.get(key)
    if isinstance(value, list):
        tree[key] = [move(item) if isinstance(item, str) else item for item in value]
    elif isinstance(value, str) and value:
        tree[key] = move(value)


def _move_unless(path: str, *, words: frozenset[str], move: Move) -> str:
    """Move a path; a word that stands for none stays."""
    return path if path in words else move(path)


def _move_entry(entry: str, *, move: Move) -> str:
    """Move each file, wildcard or ``@file`` of an entry of ``input``."""
    items = [(item[:1] == "@", item.removeprefix("@")) for item in split_entry(entry)]
    return ",".join("@" * is_list + move(path) for is_list, path in items)


def _move_path(path: str, *, old: Path, new: Path) -> str:
    """Move one path; an absolute one stays as it is."""
    return path if Path(path).is_absolute() else _relative_path(path, old=old, new=new)


def _relative_path(path: str, *, old: Path, new: Path) -> str:
    """Move one path, whether it is absolute or not."""
    return os.path.relpath(old.resolve() / path, new.resolve())
