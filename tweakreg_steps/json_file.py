"""JSON files of the workflow: one spelling for equal content, complete or absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tweakreg_steps.atomic import expendable_path, write_text_atomically
from tweakreg_steps.errors import InputError
from tweakreg_steps.text_file import read_small_file

_BYTES = 256 << 20
"""The largest JSON file: the list of 10,000 exposures takes 30 MiB."""


def json_text(value: Any) -> str:  # noqa: ANN401  any JSON value
    """Return the text of a JSON file."""
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401  any JSON value
    """Write a JSON file; it is never seen half-written."""
    write_text_atomically(path, json_text(value))


def memorize_json(path: Path, value: Any) -> None:  # noqa: ANN401  any JSON value
    """Write a JSON file for `recall_json`, which takes one that a crash has spoilt for none.

    It is not for people: without indents it is written ten times as fast.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    with expendable_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:  # noqa: ANN401  any JSON value
    """Read a JSON file that has to be there.

    Raises
    ------
    InputError
        It is not, or holds something else.
    """
    try:
        return _parse(path)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path}: cannot be read as JSON ({reason}); remove it and run again"
        ) from error


def recall_json(path: Path) -> dict[str, Any] | None:
    """Return the JSON mapping in a file, or None where there is none that can be read."""
    try:
        content = _parse(path)
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _parse(path: Path) -> Any:  # noqa: ANN401  any JSON value
    """Return what a JSON file holds."""
    return json.loads(read_small_file(path, limit=_BYTES).decode())
