"""What somebody may have meant who wrote a name that there is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name most like another, capital letters not counted; None where none is."""
    known = {each.lower(): each for each in names}
    found = difflib.get_close_matches(name.lower(), known, n=1)
    return known[found[0]] if found else None


def nearest_hint(name: str, names: Iterable[str]) -> str:
    """Return the question whether the nearest name was meant, or nothing."""
    found = nearest(name, names)
    return f"; did you mean {found}?" if found else ""
