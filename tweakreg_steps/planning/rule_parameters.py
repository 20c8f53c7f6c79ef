"""Which part of a recipe each rule consumes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from tweakreg_steps.recipes.overrides import own_values
from tweakreg_steps.recipes.schema import (
    IMAGE_FINDPARS,
    REFERENCE_FINDPARS,
    Tree,
    parameters,
)

_INCLUDED = {"align": ("match_sources", "fit_alignment")}
"""The rules whose work a rule does as well, so that it consumes what they do."""

_ABSENT = object()


def parameters_of(rule: str, values: Tree, *, findpars: str = IMAGE_FINDPARS) -> Tree:
    """Return what `rule` consumes of a complete recipe, without switches and file paths.

    Parameters
    ----------
    rule
        The rule.
    values
        The complete recipe, as it holds for the job's image.
    findpars
        Which of the two sections about source finding holds for the job's image; the other one
        is left out.
    """
    return _pick(values, _consumed(rule, findpars))


def own_parameters_of(rule: str, values: Tree, names: Iterable[str]) -> Tree:
    """Return what `rule` consumes of what the recipe says for single images, by their names.

    Images for which it says nothing are left out.
    """
    paths = _consumed(rule, IMAGE_FINDPARS)
    own = {name: _pick(own_values(values, name), paths) for name in names}
    return {name: part for name, part in own.items() if part}


@cache
def _consumed(rule: str, findpars: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths of the parameters that a rule consumes."""
    other = {IMAGE_FINDPARS, REFERENCE_FINDPARS} - {findpars}
    consumers = {rule, *_INCLUDED.get(rule, ())}
    return tuple(
        parameter.path
        for parameter in parameters()
        if parameter.rule in consumers and parameter.path[0] not in other
        if not (parameter.switch or parameter.file)
    )


def _pick(values: Mapping[str, Any], paths: Iterable[tuple[str, ...]]) -> Tree:
    """Return the values at some paths of a tree, as far as they are there."""
    part: Tree = {}
    for path in paths:
        value: Any = values
        for key in path:
            value = value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if value is _ABSENT:
            continue
        section = part
        for key in path[:-1]:
            section = section.setdefault(key, {})
        section[path[-1]] = value
    return part
