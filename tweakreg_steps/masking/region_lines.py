r"""The statements of a DS9 region file: text in, one entry a system or shape out.

What DS9's own grammar calls a line is followed here: statements end at a line's end, at ``;`` and
at the two letters ``\n``; behind ``#`` stand properties, or else a comment that runs to the end of
the line; ``# vector(…)``, ``# text(…)`` and the like are shapes all the same. Quoted text hides
everything in it. Each line is read once from left to right, however long it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

HIDDEN = ("text", "ruler", "compass", "projection", "vector", "segment", "composite", "circle3d")
"""Shapes that DS9 writes behind a ``#``."""

_CLOSERS = {"{": "}", '"': '"', "'": "'"}
_WORD = re.compile(r"([-+]?)\s*([a-z][a-z0-9]*)", re.IGNORECASE)
_SPECIAL = re.compile(r"[;#{\"']")
_KEY = re.compile(r"[\s,]*([a-z][a-z0-9]*)\s*(=?)\s*", re.IGNORECASE)
_BARE = re.compile(r"[^\s;{}\"'(),=]+")
_NUMBER = re.compile(r"[-+]?\d*\.?\d*$")
_CONTINUED = re.compile(r"\w+\s*=")
_FLAGS = ("dash", "source", "background")  # properties that may stand without a value
_WORDY = ("ruler", "compass", "callback", "point")  # properties whose values are several words
_KEYS = frozenset(
    (
        *("select", "highlite", "dash", "fixed", "edit", "move", "rotate", "delete", "include"),
        *("source", "background", "color", "colour", "dashlist", "width", "font", "text", "tag"),
        *("callback", "point", "fill", "line", "vector", "composite", "ruler", "format"),
        *("compass", "textangle", "textrotate", "panda", "cpanda", "epanda", "bpanda", "wcs"),
    )
)
_LONGEST = 120  # letters of a statement that a message repeats


@dataclass(frozen=True)
class Statement:
    """One statement of a region file.

    Attributes
    ----------
    line
        Its line in the file, from 1.
    text
        As it is written, without its comment.
    sign
        ``+``, ``-`` or nothing.
    word
        Its first word in small letters: a system, a shape, ``global``; empty where it has none.
    body
        What follows the word up to the properties, in small letters.
    properties
        By name in small letters, the last value of each.
    """

    line: int
    text: str
    sign: str
    word: str
    body: str
    properties: Mapping[str, str]

    @property
    def shown(self) -> str:
        """The statement as messages repeat it: quoted, and not longer than a line."""
        text = self.text
        return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def statements(text: str) -> Iterator[Statement]:
    """Yield the statements of a region file; a wrapped line of globals is one with its head."""
    in_global = False
    for number, line in enumerate(text.splitlines(), start=1):
        for piece in line.split("\\n"):
            for statement in _statements_of(piece, number):
                continued = in_global and _CONTINUED.match(statement.text) is not None
                in_global = statement.word == "global" or continued
                yield _globals(statement) if in_global else statement


def _globals(statement: Statement) -> Statement:
    """Return a statement of globals with what it sets as its properties."""
    text = statement.text
    start = len("global") if statement.word == "global" else 0
    properties, _ = _properties(text, start)
    return Statement(statement.line, text, "", "global", "", properties)


def _statements_of(line: str, number: int) -> Iterator[Statement]:
    """Yield the statements of one line."""
    start = 0
    while start < len(line):
        if line[start] == ";" or line[start].isspace():
            start += 1
        elif line[start] == "#":
            statement, start = _hidden(line, start, number)
            if statement is not None:
                yield statement
        else:
            statement, start = _visible(line, start, number)
            yield statement


def _visible(line: str, start: int, number: int) -> tuple[Statement, int]:
    """Return the statement at a place of a line, and where the next one begins."""
    end = _end_of_body(line, start)
    body = line[start:end]
    if end < len(line) and line[end] == "#":
        properties, stop = _properties(line, end + 1)
        return _statement(body, line[start:stop], properties, number), stop
    return _statement(body, body, {}, number), end


def _hidden(line: str, start: int, number: int) -> tuple[Statement | None, int]:
    """Return the shape behind a ``#``, None for a comment, and where the next statement begins."""
    begin = start + 1
    while begin < len(line) and line[begin].isspace():
        begin += 1
    word = _WORD.match(line, begin)
    name = word[2].lower() if word else ""
    if name == "tile":
        end = _end_of_body(line, begin)
        return _statement(line[begin:end], line[start:end], {}, number), end
    closed = line.find(")", begin)
    if word is None or name not in HIDDEN or closed < 0 or not _opens(line, word.end()):
        return None, len(line)
    end = closed + 1
    while end < len(line) and line[end] in " \t|":
        end += 1
    properties, stop = _properties(line, end)
    return _statement(line[begin:end], line[start:stop], properties, number), stop


def _opens(line: str, start: int) -> bool:
    """Tell whether a parenthesis is the next letter."""
    while start < len(line) and line[start].isspace():
        start += 1
    return line[start : start + 1] == "("


def _statement(body: str, text: str, properties: Mapping[str, str], number: int) -> Statement:
    """Make a statement of what stands before its properties."""
    word = _WORD.match(body)
    rest = body[word.end() :] if word else body
    sign, name = (word[1], word[2].lower()) if word else ("", "")
    return Statement(number, text.strip(), sign, name, rest.strip().lower(), properties)


def _end_of_body(line: str, start: int) -> int:
    """Return where the shape at ``start`` ends: at ``;``, ``#`` or the end of the line."""
    position = start
    while (found := _SPECIAL.search(line, position)) is not None:
        position = found.start()
        letter = line[position]
        if letter in ";#":
            return position
        is_unit = letter in "\"'" and position > 0 and line[position - 1] in "0123456789."
        position = position + 1 if is_unit else _behind_quoted(line, position)
    return len(line)


def _behind_quoted(line: str, start: int) -> int:
    """Return where a quoted text ends; one that is not closed reaches to the end of the line."""
    closed = line.find(_CLOSERS[line[start]], start + 1)
    return len(line) if closed < 0 else closed + 1


def _properties(line: str, start: int) -> tuple[dict[str, str], int]:
    """Return the properties at a place of a line, and where the next statement begins.

    What is no property is a comment, and hides the rest of the line.
    """
    found: dict[str, str] = {}
    while True:
        while start < len(line) and line[start] in " \t,":
            start += 1
        if start == len(line) or line[start] == ";":
            return found, start
        key = _KEY.match(line, start)
        name = key[1].lower() if key else ""
        if key is None or name not in _KEYS or not (key[2] or name in _FLAGS):
            return found, len(line)
        value, start = _value(line, key.end(), name) if key[2] else ("1", key.end())
        found[name] = value


def _value(line: str, start: int, name: str) -> tuple[str, int]:
    """Return the value of a property, and where it ends."""
    words: list[str] = []
    while start < len(line):
        letter = line[start]
        if letter in " \t":
            start += 1
        elif letter in _CLOSERS:
            end = _behind_quoted(line, start)
            words.append(line[start + 1 : end - 1])
            start = end
        elif letter == "(":
            end = line.find(")", start)
            start = len(line) if end < 0 else end + 1
        else:
            bare = _BARE.match(line, start)
            if bare is None or _is_next_key(line, bare, name, words):
                break
            words.append(bare[0])
            start = bare.end()
    return " ".join(words), start


def _is_next_key(line: str, bare: re.Match[str], name: str, words: list[str]) -> bool:
    """Tell whether a bare word belongs to the value no more."""
    if not words:
        return False
    if bare[0].lower() in _KEYS and (bare[0].lower() in _FLAGS or _equals(line, bare.end())):
        return True
    return name not in _WORDY and _NUMBER.match(bare[0]) is None


def _equals(line: str, start: int) -> bool:
    """Tell whether an equals sign is the next letter."""
    while start < len(line) and line[start] in " \t":
        start += 1
    return line[start : start + 1] == "="
