"""The arguments of a call of TweakReg, as a recipe."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.composition import read_recipe_source
from tweakreg_steps.recipes.moved_paths import move_paths
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.teal.cfg_files import default_cfg, gather_cfgs, read_cfg
from tweakreg_steps.teal.importing import DEFAULT_INPUT, UPDATEWCS, import_cfgs
from tweakreg_steps.teal.naming import FINDING, REFERENCE_FINDING, section_of
from tweakreg_steps.teal.settings import (
    INPUT,
    Keys,
    Settings,
    flatten,
    read_section,
    read_settings,
    recipe_tree,
)
from tweakreg_steps.teal.spelling import is_blank

Files = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
Config = str | os.PathLike[str] | Mapping[str, Any]

CALL = Path("tweakreg")
"""What a call has in place of a recipe's file: its name stands in messages and in outdir."""
_DEFAULTS = "defaults"
_ARGUMENTS = {FINDING: "imagefindcfg", REFERENCE_FINDING: "refimagefindcfg"}


@dataclass(frozen=True)
class CallRecipe:
    """What a call asks for.

    Attributes
    ----------
    tree
        The recipe without its defaults; paths are relative to the working directory.
    remarks
        What a .cfg file held that was not taken as it is written.
    """

    tree: Tree
    remarks: tuple[str, ...]


def recipe_of_call(
    files: Files | None,
    configobj: Config | None,
    imagefindcfg: Config | None,
    refimagefindcfg: Config | None,
    input_dict: Mapping[str, Any],
) -> CallRecipe:
    """Turn the arguments of a call into a recipe.

    Later ones lie over earlier ones: `configobj`, `imagefindcfg` and `refimagefindcfg`,
    `input_dict`, `files`.

    Raises
    ------
    RecipeError
        Listing every argument that is wrong.
    """
    problems: list[str] = []
    values, remarks = _configured(configobj, problems)
    finding = _section(FINDING, "imagefindcfg", imagefindcfg, problems)
    values |= finding | _section(REFERENCE_FINDING, "refimagefindcfg", refimagefindcfg, problems)
    given = _given(input_dict, problems)
    problems += [
        f"{keys[-1]}: is in imagefindcfg and among the arguments; keep one"
        for keys in finding
        if keys in given
    ]
    values |= given
    if not is_blank(files):
        if INPUT in given:
            problems.append("input: is the same as files; keep one")
        values |= read_settings({INPUT[0]: _listed(files)}).values
    if is_blank(values.get(INPUT)):
        values[INPUT] = DEFAULT_INPUT
    if problems:
        raise RecipeError("\n".join(f"{CALL}: {problem}" for problem in problems))
    tree = recipe_tree(values)
    complete(tree, source=None, file=CALL)
    return CallRecipe(tree, remarks)


def _listed(files: Any) -> Any:  # noqa: ANN401  what a user may hand over for files
    """Return several files as a list, and anything else as it is."""
    several = isinstance(files, Iterable) and not isinstance(files, (str, os.PathLike))
    return list(files) if several else files


def _configured(
    configobj: Config | None, problems: list[str]
) -> tuple[dict[Keys, Any], tuple[str, ...]]:
    """Return the values that `configobj` sets, and the remarks about them."""
    if configobj is None:
        return {}, ()
    if isinstance(configobj, Mapping):
        settings = read_settings(configobj)
        problems += [f"configobj: {text}" for text in settings.unknown]
        if settings.values.pop(UPDATEWCS, False):
            problems.append("configobj: updatewcs: give it as an argument of the call")
        return settings.values, ()
    path = Path(os.path.expandvars(configobj))
    if path.suffix in (".yaml", ".yml"):
        source = read_recipe_source(path)
        complete(source.value, source=source, file=path)
        return flatten(move_paths(source.value, old=path.parent, new=Path())), ()
    imported = import_cfgs(gather_cfgs([default_cfg(Path()) if configobj == _DEFAULTS else path]))
    return imported.values, (*imported.losses, *imported.remarks)


def _section(
    section: str, argument: str, config: Config | None, problems: list[str]
) -> dict[Keys, Any]:
    """Return the values that `imagefindcfg` or `refimagefindcfg` sets."""
    if config is None:
        return {}
    tree = config if isinstance(config, Mapping) else read_cfg(Path(config)).tree
    settings = read_section(section, tree)
    problems += [f"{argument}: {text}" for text in settings.unknown]
    return settings.values


def _given(input_dict: Mapping[str, Any], problems: list[str]) -> dict[Keys, Any]:
    """Return the values that are arguments of the call."""
    plain = {name: value for name, value in input_dict.items() if not section_of(name)}
    for name in input_dict:
        section = section_of(name)
        if section in _ARGUMENTS:
            problems.append(f"{name}: give it as {_ARGUMENTS[section]}")
        elif section:
            problems.append(f"{name}: is a section; give its parameters by their names alone")
    settings: Settings = read_settings(plain)
    problems += settings.unknown
    problems += [f"{name}: is not a known name" for name in settings.internal]
    return settings.values
