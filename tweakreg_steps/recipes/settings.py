"""Values given on the command line, laid over a recipe: ``object_matching.searchrad=3``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.recipes.nearest import nearest_hint
from tweakreg_steps.recipes.schema import IMAGES, Tree, load_schema, parameters
from tweakreg_steps.yaml_source import parse_yaml


def settings_tree(words: Sequence[str]) -> Tree:
    """Return what settings say, nested as in a recipe.

    Parameters
    ----------
    words
        ``key=value``, where the key is the dotted name of a parameter, or its last part where
        there is only one of that name, and the value is YAML. ``images.NAME.section.key`` holds
        for one image.

    Raises
    ------
    RecipeError
        A word is of another form, or names no parameter.
    """
    tree: Tree = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise RecipeError(
                f"--set {word}: is not of the form key=value, as in object_matching.searchrad=3"
            )
        value: Any = parse_yaml(text, name=f"--set {name}").value
        for key in reversed(_path(name.strip())):
            value = {key: value}
        tree = merge(tree, value)
    return tree


def _path(name: str) -> tuple[str, ...]:
    """Return the keys that lead to a parameter."""
    known = {p.name: p.path for p in parameters()}
    if name in known:
        return known[name]
    if name.startswith(f"{IMAGES}."):
        image, section, key = _of_image(name)
        return (IMAGES, image, section, key)
    homes = [p.path for p in parameters() if p.path[-1] == name]
    if len(homes) == 1:
        return homes[0]
    if homes:
        names = " or ".join(".".join(home) for home in homes)
        raise RecipeError(f"--set {name}: there are several of that name; write {names}")
    every = [*known, *load_schema()["properties"], *(p.path[-1] for p in parameters())]
    raise RecipeError(f"--set {name}: is no parameter{nearest_hint(name, every)}")


def _of_image(name: str) -> tuple[str, str, str]:
    """Return image, section and parameter; the name of an image may hold dots."""
    rest, _, key = name.removeprefix(f"{IMAGES}.").rpartition(".")
    image, _, section = rest.rpartition(".")
    if not image:
        raise RecipeError(f"--set {name}: write {IMAGES}.NAME.section.key=value")
    return image, section, key
