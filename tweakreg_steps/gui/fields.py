"""What a form shows for each parameter, and what its texts stand for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import yaml

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.schema import Parameter
from tweakreg_steps.yaml_source import parse_yaml

_FOLDERS_AND_FILES = (("input",), ("extends",), ("outdir",), ("cache",))
_NULL = "null"


class Kind(StrEnum):
    """How a parameter is entered."""

    MENU = "menu"
    """One of a few words."""
    FILE = "file"
    """The path of a file or folder."""
    TREE = "tree"
    """A list or names with values, as YAML on one line."""
    TEXT = "text"
    """Anything else, as a text."""


def kind_of(parameter: Parameter) -> Kind:
    """Return how a parameter is entered."""
    if "enum" in parameter.schema or types_of(parameter) == ["boolean"]:
        return Kind.MENU
    if parameter.file or parameter.path in _FOLDERS_AND_FILES:
        return Kind.FILE
    return Kind.TREE if "object" in types_of(parameter) else Kind.TEXT


def types_of(parameter: Parameter) -> list[str]:
    """Return the types of JSON that a parameter may have."""
    found = parameter.schema.get("type", "string")
    return list(found) if isinstance(found, list) else [found]


def choices_of(parameter: Parameter) -> list[str]:
    """Return the words of a menu."""
    if "enum" in parameter.schema:
        return [value_text(value) for value in parameter.schema["enum"]]
    return ["true", "false"]


def value_text(value: object) -> str:
    """Return the text that a form shows for a value; nothing for null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, (Mapping, list)):
        text = yaml.safe_dump(
            value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**6
        )
        return str(text).strip()
    return str(value)


def read_value(parameter: Parameter, text: str) -> Any:  # noqa: ANN401  any JSON value
    """Return the value that a text of the form stands for; the schema judges it afterwards.

    A text that cannot be read as the parameter's type stays a text, so that the message about it is
    the one that `tweakreg validate` gives.

    Raises
    ------
    RecipeError
        A list or mapping is not written as YAML.
    """
    types = types_of(parameter)
    stripped = text.strip()
    if stripped in ("", _NULL) and "null" in types:
        return None
    if {"array", "object"} & {*types} and (stripped[:1] in ("[", "{") or types == ["object"]):
        return parse_yaml(stripped, name=parameter.name).value if stripped else {}
    if "boolean" in types and stripped in ("true", "false"):
        return stripped == "true"
    if {"number", "integer"} & {*types}:
        number = _number(stripped)
        return stripped if number is None else number
    return text


def _number(text: str) -> int | float | None:
    """Read a number as a recipe would."""
    try:
        value = parse_yaml(text, name="").value
    except RecipeError:
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number else None
