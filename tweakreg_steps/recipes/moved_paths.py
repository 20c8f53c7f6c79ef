"""The paths in a recipe, as a file in another folder would write them."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tweakreg_steps.recipes.inputs import split_entry
from tweakreg_steps.recipes.schema import IMAGES, Tree, parameters

_INPUT = ("input",)
_OUTDIR = ("outdir",)


def move_paths(tree: Mapping[str, Any], *, old: Path, new: Path) -> Tree:
    """Return a recipe with each relative path, given from the folder `old`, given from `new`.

    What is no text, and so no path, stays for the schema to complain of.
    """
    moved: Tree = copy.deepcopy(dict(tree))
    if old.resolve() == new.resolve():
        return moved
    of_images = moved.get(IMAGES)
    for parameter in parameters():
        if parameter.file or parameter.path in (_INPUT, _OUTDIR):
            _move_value(moved, parameter.path, old, new)
        for key in parameter.files:
            _move_value(moved, (*parameter.path, key), old, new)
            for own in of_images.values() if isinstance(of_images, dict) else ():
                _move_value(own, (*parameter.path, key), old, new)
    return moved


def _move_value(tree: object, path: tuple[str, ...], old: Path, new: Path) -> None:
    """Move the paths under one key, if it is there."""
    *sections, key = path
    for section in sections:
        tree = tree.get(section) if isinstance(tree, dict) else None
    if not isinstance(tree, dict):
        return
    move = _move_entry if path == _INPUT else _move_path
    value = tree.get(key)
    if isinstance(value, list):
        tree[key] = [move(item, old, new) if isinstance(item, str) else item for item in value]
    elif isinstance(value, str) and value:
        tree[key] = move(value, old, new)


def _move_entry(entry: str, old: Path, new: Path) -> str:
    """Move each file, wildcard or ``@file`` of an entry of ``input``."""
    items = [(item[:1] == "@", item.removeprefix("@")) for item in split_entry(entry)]
    return ",".join("@" * is_list + _move_path(path, old, new) for is_list, path in items)


def _move_path(path: str, old: Path, new: Path) -> str:
    """Move one path; an absolute one stays as it is."""
    if Path(path).is_absolute():
        return path
    return os.path.relpath(old.resolve() / path, new.resolve())
