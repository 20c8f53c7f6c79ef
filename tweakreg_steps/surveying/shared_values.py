"""One object for all equal ones: what was learnt of 10,000 exposures is mostly the same."""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from typing import Any, TypeVar, cast

_VERSION = 2
"""Of marshal's formats the last in which equal values always have equal bytes."""


T = TypeVar("T")
M = TypeVar("M", bound=Mapping[str, object])


class SharedValues:
    """Gives for a value the first equal one that it was given; none of them may be changed.

    Numbers of another kind are another value (1, 1.0 and True; 0.0 and -0.0): JSON tells them
    apart, and so do digests.
    """

    def __init__(self) -> None:
        self._known: dict[str | bytes, Any] = {}

    def one(self, value: T) -> T:
        """Return the one for a text, a list or a mapping; anything else as it is."""
        if isinstance(value, str):
            return cast("T", self._known.setdefault(value, value))
        if isinstance(value, (dict, list)):
            return cast("T", self._known.setdefault(marshal.dumps(value, _VERSION), value))
        return value

    def values_of(self, record: M) -> M:
        """Return a mapping in which each key and each value is the one for it."""
        values = {self.one(key): self.one(value) for key, value in record.items()}
        return cast("M", values)

    def texts(self, texts: list[str]) -> tuple[str, ...]:
        """Return texts, each of which is the one for it."""
        return tuple(map(self.one, texts))
