"""Settings in TweakReg's form, as the parameters of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tweakreg_steps.recipes.schema import Parameter, Tree, parameters
from tweakreg_steps.teal.naming import flat_names, names_of, nearest_name, section_of
from tweakreg_steps.teal.spelling import recipe_value

Keys = tuple[str, ...]

INPUT = ("input",)


@dataclass
class Settings:
    """Settings in the terms of a recipe.

    Attributes
    ----------
    values
        The value of each parameter that was given, by the keys that lead to it in a recipe.
    unknown
        Each name that is no parameter of that place, with a text that says so.
    internal
        Names that mean something to TEAL's windows only.
    """

    values: dict[Keys, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    internal: list[str] = field(default_factory=list)

    def update(self, other: Settings) -> None:
        """Lay other settings over these."""
        self.values |= other.values
        self.unknown += other.unknown
        self.internal += other.internal


def read_settings(tree: Mapping[str, Any]) -> Settings:
    """Read a mapping in the form of a whole configuration of TweakReg.

    Parameters
    ----------
    tree
        Values by name, in sections with TweakReg's headings or the recipe's, or in none: a bare
        name stands for the parameter wherever it is, a bare finding parameter for that of the
        input images.
    """
    settings = Settings()
    for name, value in tree.items():
        section = section_of(name)
        if isinstance(value, Mapping) and section:
            settings.update(read_section(section, value))
        elif name.startswith("_"):
            settings.internal.append(name)
        elif name in flat_names():
            _set(settings, flat_names()[name], value)
        else:
            settings.unknown.append(f"{name}: is not a known name{nearest_name(name)}")
    return settings


def read_section(section: str, tree: Mapping[str, Any]) -> Settings:
    """Read a mapping of values by name as one section of a recipe."""
    settings = Settings()
    known = names_of(section)
    for name, value in tree.items():
        if name in known:
            _set(settings, known[name], value)
        elif name.startswith("_"):
            settings.internal.append(name)
        else:
            settings.unknown.append(
                f"{section}.{name}: is not a known name{nearest_name(name, section)}"
            )
    return settings


def _set(settings: Settings, parameter: Parameter, value: object) -> None:
    """Take the value of one parameter."""
    settings.values[parameter.path] = recipe_value(parameter, value)


def recipe_tree(values: Mapping[Keys, Any]) -> Tree:
    """Return a recipe of what differs from the defaults, in the schema's order."""
    tree: Tree = {}
    for parameter in parameters():
        if parameter.path not in values:
            continue
        value = values[parameter.path]
        if parameter.path != INPUT and value == parameter.default:
            continue
        section = tree
        for key in parameter.path[:-1]:
            section = section.setdefault(key, {})
        section[parameter.path[-1]] = value
    return tree


def flatten(tree: Mapping[str, Any]) -> dict[Keys, Any]:
    """Return the values of a recipe by the keys that lead to them."""
    values: dict[Keys, Any] = {}
    for parameter in parameters():
        *sections, name = parameter.path
        branch: Any = tree
        for key in sections:
            branch = branch.get(key, {})
        if name in branch:
            values[parameter.path] = branch[name]
    return values
