"""TweakReg's spellings of a value, in the one spelling of a recipe."""

from __future__ import annotations

import os
import re
from typing import Any

from tweakreg_steps.recipes.schema import Parameter, Tree

_NOT_GIVEN = frozenset({"", "none", "indef"})
_WORDS = {
    **dict.fromkeys(("yes", "true", "y", "on", "1"), True),
    **dict.fromkeys(("no", "false", "n", "off", "0"), False),
}
_INTEGER = re.compile(r"[-+]?\d+", re.ASCII)
_DIGITS = 20


def recipe_value(parameter: Parameter, value: object) -> Any:  # noqa: ANN401  any JSON value
    """Return a value as a recipe writes it.

    ``None``, ``INDEF`` and blank texts become null, or a blank text where nothing but a text is
    allowed; ``yes`` and ``no`` become booleans, texts of numbers become numbers, several texts one
    text with commas. What none of this applies to is returned as it is. The schema is the judge of
    the result.

    Parameters
    ----------
    parameter
        The parameter that has the value.
    value
        What a Python call or a .cfg file gives for it: a plain value or list, a numpy scalar, or a
        path.
    """
    plain = _plain(value)
    types = _types(parameter.schema)
    if isinstance(plain, list) and "array" not in types:
        plain = ", ".join(map(str, plain))
    if is_blank(plain):
        return "" if types == {"string"} else None
    if "enum" in parameter.schema:
        return _choice(parameter.schema, plain)
    if "boolean" in types:
        return _boolean(plain)
    if isinstance(plain, str) and types & {"integer", "number"}:
        return _number(plain.strip(), types)
    return plain


def is_blank(value: object) -> bool:
    """Tell whether a value is one of TweakReg's words for a value that is not given."""
    return value is None or (isinstance(value, str) and value.strip().casefold() in _NOT_GIVEN)


def _plain(value: object) -> object:
    """Return a path as text, a numpy scalar or array as a Python one, a tuple as a list."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _types(schema: Tree) -> frozenset[str]:
    """Return the JSON types that a schema allows."""
    types = schema.get("type", "string")
    return frozenset(types if isinstance(types, list) else [types])


def _choice(schema: Tree, value: object) -> object:
    """Return the allowed word that `value` is but for case, blanks and dashes."""

    def letters(word: object) -> str:
        return re.sub(r"[\W_]", "", str(word)).casefold()

    return next((word for word in schema["enum"] if letters(word) == letters(value)), value)


def _boolean(value: object) -> object:
    """Return the boolean that a word or a number stands for."""
    return _WORDS.get(str(value).strip().casefold(), value)


def _number(text: str, types: frozenset[str]) -> object:
    """Return the number that a text stands for; where texts are allowed, only whole numbers."""
    if _INTEGER.fullmatch(text) and len(text) <= _DIGITS:
        return int(text)
    if "string" in types:
        return text
    try:
        return float(text)
    except ValueError:
        return text
