"""Text of the user's or of a stranger's file, as a terminal or a log may have it."""

from __future__ import annotations

import re
import unicodedata

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that turn the direction of writing, and halves of characters.

A terminal obeys the first: they move the cursor, set colours and titles, or hide what was said.
"""
_LONGEST = 2000
"""Characters of a line that a message shows."""
_MOST = 1000
"""Lines of a message."""
_IN_LINES = re.compile(CONTROL.pattern.replace(r"\x00-\x1f", r"\x00-\x08\x0b-\x1f"))


def printable(text: str) -> str:
    r"""Return a text of one or more lines with every other control character written out.

    Line breaks and tabs stay; an escape becomes ``\x1b``.
    """
    return _IN_LINES.sub(_spelled, text)


def printable_line(text: str) -> str:
    r"""Return a text of one line: line breaks and tabs are written out, too, as ``\n``, ``\t``."""
    return CONTROL.sub(_spelled, text)


def printable_message(text: str) -> str:
    """Return a message as `printable` does, cut where nobody would read on."""
    lines = printable(text).split("\n")
    shown = [s if len(s) <= _LONGEST else f"{s[:_LONGEST]}..." for s in lines[:_MOST]]
    if len(lines) > _MOST:
        shown.append(f"... and {len(lines) - _MOST} more lines")
    return "\n".join(shown)


def control_name(text: str) -> str | None:
    """Return the name of the first control character in a text, or None."""
    found = CONTROL.search(text)
    if found is None:
        return None
    code = ord(found[0])
    return _NAMES.get(code) or unicodedata.name(found[0], f"U+{code:04X}").lower()


def _spelled(found: re.Match[str]) -> str:
    """Write a character out."""
    return found[0].encode("unicode_escape").decode("ascii")


_NAMES = {0: "a NUL", 9: "a tab", 10: "a line break", 13: "a carriage return", 27: "an escape"}
