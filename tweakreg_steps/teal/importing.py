"""From TEAL's .cfg files to a recipe, and what could not be carried over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tweakreg_steps.recipes.schema import Parameter, allowed, parameters
from tweakreg_steps.teal.cfg_files import CfgFile, cfg_settings
from tweakreg_steps.teal.settings import INPUT, Keys
from tweakreg_steps.teal.spelling import is_blank

DEFAULT_INPUT = "*flt.fits"
"""What TweakReg aligns when it is not told what."""

INTERACTIVE = ("interactive",)

UPDATEWCS = ("updatewcs",)
"""The parameter that TweakReg takes from a Python call only."""


@dataclass(frozen=True)
class Imported:
    """What .cfg files set.

    Attributes
    ----------
    values
        The value of each parameter that could be carried over, by its keys in a recipe.
    remarks
        What was carried over but is not what one might expect.
    losses
        What could not be carried over.
    internal
        Names that only TEAL has a use for.
    """

    values: dict[Keys, Any]
    remarks: tuple[str, ...]
    losses: tuple[str, ...]
    internal: tuple[str, ...]


def import_cfgs(files: Sequence[CfgFile]) -> Imported:
    """Carry over what .cfg files set as far as a recipe can hold it."""
    settings = cfg_settings(files)
    losses = [f"{text}; left out" for text in settings.unknown]
    values: dict[Keys, Any] = {}
    for parameter in parameters():
        if parameter.path not in settings.values:
            continue
        value = settings.values[parameter.path]
        loss = _loss(parameter, value)
        if loss:
            losses.append(loss)
        else:
            values[parameter.path] = value
    if is_blank(values.get(INPUT)):
        values[INPUT] = DEFAULT_INPUT
    internal = tuple(dict.fromkeys(settings.internal))
    return Imported(values, tuple(_remarks(values)), tuple(losses), internal)


def _loss(parameter: Parameter, value: object) -> str:
    """Say why a value cannot be carried over; nothing if it can."""
    import jsonschema

    if parameter.path == UPDATEWCS and value:
        return (
            "updatewcs: TweakReg takes it from a Python call only, never from a file; left out; "
            "set it in the recipe if you mean it"
        )
    if parameter.path == INPUT and not value:
        return ""
    if jsonschema.Draft202012Validator(parameter.schema).is_valid(value):
        return ""
    return (
        f"{parameter.name}: {json.dumps(value)} is not allowed; "
        f"allowed: {allowed(parameter.schema)}; left out"
    )


def without_their_defaults(values: dict[Keys, Any]) -> tuple[dict[Keys, Any], dict[Keys, Any]]:
    """Take out what TEAL writes into every file because it is TweakReg's default, and is not ours.

    ``interactive = True`` would have the first run write no header, ``separation = 0.5`` leave
    sources out that the manual's default keeps.

    Returns
    -------
    dict, dict
        The other values, and those taken out.
    """
    theirs = {p.path: p.tweakreg_default for p in parameters() if p.tweakreg_default is not None}
    out = {k: value for k, value in values.items() if k in theirs and theirs[k] == value}
    return {keys: value for keys, value in values.items() if keys not in out}, out


def _remarks(values: dict[Keys, Any]) -> Iterator[str]:
    """Yield where a value is TweakReg's own default and not the one of a recipe."""
    for parameter in parameters():
        theirs = parameter.tweakreg_default
        if theirs is not None and values.get(parameter.path) == theirs:
            yield (
                f"{parameter.name}: {json.dumps(theirs)} is carried over as it is written; it may "
                "be there only because TweakReg writes its default, which here is "
                f"{json.dumps(parameter.default)}"
            )
