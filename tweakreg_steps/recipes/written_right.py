"""The line to write in place of a wrong one: what people often write into a recipe, and mean."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tweakreg_steps.recipes.schema import (
    IMAGES,
    Parameter,
    Tree,
    is_section,
    load_schema,
    parameters,
)

_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_NOTHING = {"NONE", "INDEF", ""}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_WITH_UNIT = re.compile(rf"({_NUMBER.pattern})\s*([A-Za-zµ\"'][A-Za-zµ/ \"']*)")
_NO_START = re.compile(r"^(\s*(?:- +)?(?:[\w.-]+\s*:\s+)?(?:- +)?)([*@%`&!][^#\n]*?)\s*(#.*)?$")
"""A line whose value begins with a character that means something else in YAML."""
_KEY = re.compile(r"^(\s+)([A-Za-z_]\w*)\s*:")


def hint_for_value(name: str, value: object, schema: Tree) -> str:
    """Return how a wrong value is written right, with a blank before; '' where nobody knows.

    Parameters
    ----------
    name
        The last part of the parameter's name.
    value
        What is written.
    schema
        Its schema.
    """
    right = _right_value(value, schema)
    if right is None:
        return ""
    unit = _unit_of(value)
    note = f"; without the unit {unit!r}" if unit else ""
    return f" (write {name}: {right}{note})"


def _right_value(value: object, schema: Tree) -> str | None:
    """Return what was meant by a text, as YAML has it."""
    types = schema.get("type", ())
    types = [types] if isinstance(types, str) else list(types)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if "boolean" in types:
        word = _WORDS.get(text.lower(), text.lower())
        return word if word in ("true", "false") else None
    if text.upper() in _NOTHING:
        return "null" if "null" in types else None
    if "enum" in schema:
        folded = {_folded(str(each)): str(each) for each in schema["enum"] if each is not None}
        found = folded.get(_folded(text))
        return found if found != value else None
    if {"number", "integer"} & set(types):
        return _number_in(text, integer="number" not in types)
    return None


def _folded(text: str) -> str:
    """Return a word without capital letters, blanks, dashes and underscores."""
    return re.sub(r"[\s_-]", "", text.lower())


def _number_in(text: str, *, integer: bool) -> str | None:
    """Return the number that a text holds, perhaps before a unit."""
    found = _WITH_UNIT.fullmatch(text)
    number = found[1] if found else text
    if not _NUMBER.fullmatch(number):
        return None
    return number if not integer or float(number).is_integer() else None


def _unit_of(value: object) -> str:
    """Return the unit that stands behind a number."""
    found = _WITH_UNIT.fullmatch(value.strip()) if isinstance(value, str) else None
    return found[2].strip() if found else ""


def hint_for_key(key: str, section: tuple[str | int, ...]) -> str:
    """Return what an unknown key is, if it is another spelling of a known one.

    Parameters
    ----------
    key
        The key.
    section
        The path of what it stands in.
    """
    if not section:
        teal = teal_sections().get(_folded(key))
        if teal:
            return f"is TEAL's name of a section; write {teal}:"
    known = [*load_schema()["properties"]] if not section else []
    known += [p.path[-1] for p in parameters() if p.path[:-1] == _plain(section)]
    found = {_folded(name): name for name in known}.get(_folded(key))
    return f"is not a known key; write {found}:" if found else ""


def _plain(section: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return the path of a section without the image that it holds for."""
    return section[2:] if section[:1] == (IMAGES,) else section


def teal_sections() -> dict[str, str]:
    """Return the sections of the recipe by what TEAL calls them, without capitals and blanks."""
    properties = load_schema()["properties"]
    return {
        _folded(str(child["x-tweakreg"])): name
        for name, child in properties.items()
        if is_section(child) and child.get("x-tweakreg", "none") not in ("none", name)
    }


def hint_for_home(key: str, homes: Iterable[tuple[str, ...]]) -> str:
    """Return how a parameter is written that stands in the wrong place.

    Parameters
    ----------
    key
        Its name.
    homes
        The paths of the parameters of that name.
    """
    home = next(iter(homes))[:-1]
    if not home:
        return f"; write it without a blank before: {key}: ..."
    return f"; write it below the line {home[0]}:, with two blanks before: '  {key}: ...'"


def hint_for_text(text: str, line: int) -> str:
    """Return what is probably wrong with a text that is no YAML, and the line to write.

    Parameters
    ----------
    text
        The whole text.
    line
        Where reading it failed, from 0.

    Returns
    -------
    str
        With a semicolon before; '' where nobody knows.
    """
    lines = text.splitlines()
    for number in (line, line - 1):
        if 0 <= number < len(lines):
            hint = (
                _unquoted(lines[number])
                or _of_teal(lines[number])
                or _without_section(lines, number)
            )
            if hint:
                return hint
    return ""


def _unquoted(line: str) -> str:
    """Return the line with quotes round its value, where that begins as no value can."""
    found = _NO_START.match(line)
    if not found:
        return ""
    begin, value, comment = found.groups()
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    right = f'{begin}"{escaped}"{f"  {comment}" if comment else ""}'
    return f"; a text that begins with {value[0]} needs quotes; write: {right.strip()}"


def _of_teal(line: str) -> str:
    """Return how a line of a TEAL file is written in a recipe."""
    heading = re.fullmatch(r"\s*\[+([^]]+)\]+\s*", line)
    section = teal_sections().get(_folded(heading[1])) if heading else None
    if section:
        return f"; that is TEAL's name of a section; write: {section}:"
    setting = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*=\s*(.+?)\s*(#.*)?", line)
    if setting and any(p.path[-1] == setting[1] for p in parameters()):
        return f"; a value stands behind a colon; write: {setting[1]}: {setting[2]}"
    return ""


def _without_section(lines: list[str], number: int) -> str:
    """Return which section's name is missing above an indented parameter."""
    found = _KEY.match(lines[number])
    if not found:
        return ""
    homes = [p for p in parameters() if p.path[-1] == found[2] and len(p.path) > 1]
    above = _heading_above(lines, number, len(found[1]))
    if not homes or above in {p.path[0] for p in homes}:
        return ""
    home = _commented_above(lines, number, homes)
    way_out = (
        f"take the # away from the line '#{home}:' above it, too"
        if home
        else f"write the line '{homes[0].path[0]}:' above it"
    )
    return f"; {found[2]} belongs in the section {home or homes[0].path[0]}: {way_out}"


def _heading_above(lines: list[str], number: int, indent: int) -> str:
    """Return the key below which a line stands."""
    for line in reversed(lines[:number]):
        if line.strip() and not line.lstrip().startswith("#"):
            depth = len(line) - len(line.lstrip())
            if depth < indent:
                return line.strip().rstrip(":")
    return ""


def _commented_above(lines: list[str], number: int, homes: list[Parameter]) -> str:
    """Return the nearest section above that stands as a comment and knows the parameter."""
    names = {p.path[0] for p in homes}
    for line in reversed(lines[:number]):
        name = line.strip().lstrip("#").strip().rstrip(":")
        if line.startswith("#") and name in names:
            return name
    return ""
