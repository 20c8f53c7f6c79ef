"""Which part of a recipe each step consumes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, get_type_hints, is_typeddict

from tweakreg_steps.recipes.overrides import own_values
from tweakreg_steps.recipes.schema import IMAGE_FINDPARS, Tree
from tweakreg_steps.steps import all_steps
from tweakreg_steps.steps.declaration import Step

_ABSENT = object()

KeyPath = tuple[str, ...]


def parameters_of(step: Step, values: Tree, *, findpars: str) -> Tree:
    """Return what a step consumes of a complete recipe.

    Parameters
    ----------
    step
        The step.
    values
        The complete recipe, as it holds for the job's image.
    findpars
        Which of the two sections about source finding holds for the job's image.
    """
    return _pick(values, _consumed(step.consumes, findpars))


def own_parameters_of(step: Step, values: Tree, names: Iterable[str]) -> Tree:
    """Return what a step consumes of what the recipe says for single images, by their names.

    Images for which it says nothing are left out.
    """
    paths = _consumed(step.consumes, IMAGE_FINDPARS)
    own = {name: _pick(own_values(values, name), paths) for name in names}
    return {name: part for name, part in own.items() if part}


@cache
def consumers() -> dict[KeyPath, frozenset[str]]:
    """Return the rules that consume each parameter, by its path; others are consumed by none."""
    found: dict[KeyPath, frozenset[str]] = {}
    for rule, step in all_steps().items():
        for path in _consumed(step.consumes, IMAGE_FINDPARS):
            found[path] = found.get(path, frozenset()) | {rule}
    return found


@cache
def _consumed(declared: type | None, findpars: str) -> tuple[KeyPath, ...]:
    """Return the paths of the parameters that stand in a typed dictionary."""
    paths = _paths(declared) if declared else ()
    return tuple((findpars, *path[1:]) if path[0] == IMAGE_FINDPARS else path for path in paths)


def _paths(declared: type) -> Iterator[KeyPath]:
    """Yield the paths of the keys of a typed dictionary."""
    for key, kind in get_type_hints(declared).items():
        if is_typeddict(kind):
            yield from ((key, *path) for path in _paths(kind))
        else:
            yield (key,)


def _pick(values: Mapping[str, Any], paths: Iterable[KeyPath]) -> Tree:
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
