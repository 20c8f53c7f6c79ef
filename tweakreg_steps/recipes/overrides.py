"""What differs for some images: the recipe's ``images``."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.recipes.recipe_rules import (
    Found,
    cross_field_problems,
    cross_field_warnings,
)
from tweakreg_steps.recipes.schema import IMAGES, Tree


def image_values(values: Tree, name: str) -> Tree:
    """Return the complete recipe as it holds for one image.

    Wildcards come first and the name itself goes over them, so that the order in the recipe does
    not matter; that wildcards do not contradict each other is for `override_problems` to see.

    Parameters
    ----------
    values
        The complete recipe.
    name
        Name of the image.
    """
    for key in _keys_of(values, name):
        values = {**merge(values, values[IMAGES][key]), IMAGES: values[IMAGES]}
    return values


def own_values(values: Tree, name: str) -> Tree:
    """Return what the recipe says for one image alone."""
    own: Tree = {}
    for key in _keys_of(values, name):
        own = merge(own, values[IMAGES][key])
    return own


def _keys_of(values: Tree, name: str) -> list[str]:
    """Return the keys of ``images`` that speak of an image, its own name last."""
    keys = sorted(key for key in values[IMAGES] if key != name and fnmatchcase(name, key))
    return [*keys, name] if name in values[IMAGES] else keys


def override_problems(values: Tree, names: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with ``images``, beside these images.

    Parameters
    ----------
    values
        The complete recipe, each key of which is right by itself.
    names
        The names of the images.
    """
    for key in values[IMAGES]:
        if not any(key == name or fnmatchcase(name, key) for name in names):
            nearest = difflib.get_close_matches(key, names, n=1)
            hint = f"the nearest is {nearest[0]}" if nearest else f"they are {_some(names)}"
            yield f"{IMAGES}.{key}: is none of the images; {hint}"
    for name in names:
        keys = _keys_of(values, name)
        if len(keys) > 1:
            yield from _contradictions(values, name, keys)
            for path, text in cross_field_problems(image_values(values, name)):
                yield f"{IMAGES}: for {name}, {'.'.join(path)}: {text}"


def _some(names: Sequence[str]) -> str:
    """List the first few names."""
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")  # noqa: PLR2004  a few


def _contradictions(values: Tree, name: str, keys: Sequence[str]) -> Iterator[str]:
    """Yield the parameters to which two wildcards give different values for an image."""
    settled = dict(_leaves(values[IMAGES].get(name, {}), ()))
    said: dict[tuple[str, ...], tuple[str, Any]] = {}
    for key in keys:
        for path, value in _leaves(values[IMAGES][key], ()):
            other, before = said.setdefault(path, (key, value))
            if before != value and path not in settled:
                what = f"give {'.'.join(path)} different values for {name}"
                yield f"{IMAGES}: {other} and {key} {what}; say which under its name"


def _leaves(
    tree: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield path and value of everything in a tree that is no mapping."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def cross_override_problems(values: Tree) -> Iterator[Found]:
    """Yield what is wrong between the fields as each key of ``images`` changes them."""
    known = set(cross_field_problems(values))
    for key, own in values[IMAGES].items():
        for path, text in cross_field_problems(merge(values, own)):
            if (path, text) not in known:
                yield (IMAGES, key, *path), text


def cross_override_warnings(values: Tree, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what invites trouble as each key of ``images`` changes the fields."""
    known = set(cross_field_warnings(values, given))
    for key, own in values[IMAGES].items():
        for text in cross_field_warnings(merge(values, own), own):
            if text not in known:
                yield f"{IMAGES}.{key}: {text}"
