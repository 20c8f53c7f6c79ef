"""Which parameters of a recipe are not their defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tweakreg_steps.recipes.schema import IMAGES, parameters


@dataclass(frozen=True)
class Difference:
    """A parameter that is not its default.

    Attributes
    ----------
    name
        Its name, ``catalog_fitting.nclip``; behind the name of an image where it is one's own.
    value
        What it is.
    default
        What it would be.
    unit
        The unit of both, or ''.
    """

    name: str
    value: Any
    default: Any
    unit: str


def differences(values: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield the parameters of a recipe, or of a part of it, that are not their defaults.

    Parameters
    ----------
    values
        Values by section; below ``images``, by the names of images, what these have of their own,
        all of which is given.
    """
    known = {parameter.path: parameter for parameter in parameters()}
    shared = {key: value for key, value in values.items() if key != IMAGES}
    for path, parameter in known.items():
        value = _at(shared, path)
        if value is not _ABSENT and value != parameter.default:
            yield Difference(parameter.name, value, parameter.default, parameter.unit or "")
    for image, own in (values.get(IMAGES) or {}).items():
        for path, parameter in known.items():
            value = _at(own, path)
            if value is not _ABSENT:
                name = f"{image}: {parameter.name}"
                yield Difference(name, value, parameter.default, parameter.unit or "")


_ABSENT = object()


def _at(tree: Mapping[str, Any], path: tuple[str, ...]) -> Any:  # noqa: ANN401  any value of a recipe
    """Return what stands at a path, or `_ABSENT`."""
    value: Any = tree
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return _ABSENT
        value = value[key]
    return value
