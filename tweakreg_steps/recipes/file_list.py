"""Text files with an image's name and then files that belong to it in each line.

``#`` begins a comment. ``None`` or ``INDEF`` holds the place of a file that is not there. Files are
relative to the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.decompression import open_regular

_PLACEHOLDERS = ("none", "indef")
_LONGEST_NAME = 300  # letters of a name that a message repeats
_LARGEST = 64 << 20
"""Bytes of the largest list; 100,000 images have some 10 MiB."""

_COMMENT = re.compile(r"(?:^|\s)#.*")


@dataclass(frozen=True)
class ListLine:
    """One line of a list.

    Attributes
    ----------
    number
        Of the line, from 1.
    name
        Its first word.
    files
        Its other words: absolute paths, None for a placeholder.
    """

    number: int
    name: str
    files: tuple[Path | None, ...]


def read_file_list(path: Path, *, called: str) -> list[ListLine]:
    """Return the lines of a list that say something; `called` is its name in messages.

    Raises
    ------
    InputError
        The list cannot be read.
    """
    text = _read(path, called)
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = _COMMENT.sub("", line).split()
        if any(not word.isprintable() for word in words):
            raise InputError(
                f"{path}, line {number}: the {called} holds characters that no text has; "
                "write it anew"
            )
        if words:
            files = tuple(_file(word, path.parent) for word in words[1:])
            lines.append(ListLine(number, words[0], files))
    return lines


def _read(path: Path, called: str) -> str:
    """Read a list as text."""
    try:
        with open_regular(path) as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(
            f"{path}: the {called} cannot be read ({error.strerror}); correct the name"
        ) from error
    if len(content) > _LARGEST:
        raise InputError(
            f"{path}: the {called} has more than {_LARGEST >> 20} MiB; name a text with "
            "one line an image"
        )
    return content.decode("utf-8-sig", errors="replace")


def missing_files(lines: Iterable[ListLine], *, called: str) -> list[tuple[int, str]]:
    """Return number and message of each line of a list that names a file which is not there."""
    return [
        (line.number, _missing(file, called))
        for line in lines
        for file in line.files
        if file is not None and not _is_file(file)
    ]


def _missing(file: Path, called: str) -> str:
    """Say that there is no such file."""
    return (
        f"there is no file {_shown(file)}; correct the name (relative to the {called}), or "
        f"write None{_shell_hint(file)}"
    )


def _is_file(path: Path) -> bool:
    """Tell whether there is such a file; a name too long for the system is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _shown(path: Path) -> str:
    """Return a name as messages repeat it."""
    text = str(path)
    text = text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"
    return text if text.isprintable() else repr(text)


def _shell_hint(file: Path) -> str:
    """Say what a shell would have done with a name."""
    is_for_shell = any(part.startswith(("~", "$")) for part in file.parts)
    return "; ~ and $NAME are not replaced, write the path in full" if is_for_shell else ""


def report(path: Path, problems: Iterable[tuple[int, str]]) -> list[str]:
    """Return messages about the lines of a list, each with its place."""
    return [f"{path}, line {number}: {text}" for number, text in problems]


def _file(word: str, folder: Path) -> Path | None:
    """File that a column names, None for a placeholder."""
    return None if word.lower() in _PLACEHOLDERS else (folder / word).absolute()
