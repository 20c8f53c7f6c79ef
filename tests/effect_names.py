"""A pytest plugin that writes which parameters the collected tests show an effect of."""

from __future__ import annotations

import sys

import pytest

PREFIX = "effect of "


def pytest_collection_finish(session: pytest.Session) -> None:
    marks = (mark for item in session.items for mark in item.iter_markers("effect"))
    for name in sorted({name for mark in marks for name in mark.args}):
        sys.stdout.write(f"{PREFIX}{name}\n")
