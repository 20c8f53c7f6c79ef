"""Former names of parameters, which recipes may still use."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from tweakreg_steps.recipes.schema import HEADER, IMAGES, Tree

RENAMED: Mapping[tuple[str, str], str] = {
    ("acceptance", "max_chance"): "max_false_alarm",
}
"""The new name of each parameter by its section and its former name."""

SPELLED: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("catalog_fitting", "residplot"): {"NoPlot": "No plot"},
}
"""Values that TweakReg writes in another way than its own help, by section and name."""

REMOVED: Mapping[tuple[str, str], str] = {
    (HEADER, "copy_not_aligned"): (
        "has no effect any more: the folder aligned holds every image, as it is where it is not"
        " aligned"
    ),
}
"""What to say of each parameter that is none any more, by its section and its name."""


def rename_deprecated(values: Mapping[str, Any]) -> tuple[Tree, tuple[str, ...]]:
    """Give parameters their present names, everywhere in a recipe.

    Parameters
    ----------
    values
        The recipe as read, also of a form that is not valid.

    Returns
    -------
    tree
        The recipe under the present names. Where both names of a parameter are given the former
        stays as it is, for the check of the keys to find.
    tuple of str
        A sentence for each former name found.
    """
    renamed: Tree = copy.deepcopy(dict(values))
    warnings: list[str] = []
    for where, parameters in _homes(renamed):
        for (section, old), new in RENAMED.items():
            found = parameters.get(section)
            if isinstance(found, dict) and old in found and new not in found:
                found[new] = found.pop(old)
                warnings.append(
                    f"{where}{section}.{old} is now called {section}.{new}: the old name is still"
                    " read, but write the new one"
                )
        for (section, name), words in SPELLED.items():
            found = parameters.get(section)
            if isinstance(found, dict) and isinstance(found.get(name), str):
                found[name] = words.get(found[name], found[name])
        for (section, old), why in REMOVED.items():
            found = parameters.get(section)
            if isinstance(found, dict) and old in found:
                del found[old]
                warnings.append(f"{where}{section}.{old} {why}; take it out")
    return renamed, tuple(warnings)


def _homes(values: Tree) -> Iterator[tuple[str, Tree]]:
    """Yield what holds sections, and its path: the recipe, and what single images are given."""
    yield "", values
    own = values.get(IMAGES)
    if isinstance(own, dict):
        for name, parameters in own.items():
            if isinstance(parameters, dict):
                yield f"{IMAGES}.{name}.", parameters
