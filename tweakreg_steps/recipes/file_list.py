"""Text files with an image's name and then files that belong to it in each line.

``#`` begins a comment. ``None`` or ``INDEF`` holds the place of a file that is not there. Files are
relative to the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.errors import InputError

_PLACEHOLDERS = ("none", "indef")
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


def read_file_list(path: Path) -> list[ListLine]:
    """Return the lines of a list that say something.

    Raises
    ------
    InputError
        The list cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(
            f"{path}: the list cannot be read ({error.strerror}); correct the name"
        ) from error
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = _COMMENT.sub("", line).split()
        if words:
            files = tuple(_file(word, path.parent) for word in words[1:])
            lines.append(ListLine(number, words[0], files))
    return lines


def missing_files(path: Path, lines: list[ListLine]) -> list[str]:
    """Return a message for each file of a list that is not there."""
    return [
        f"{path}, line {line.number}: there is no file {file}; correct the name (relative to the "
        "list), or write None"
        for line in lines
        for file in line.files
        if file is not None and not file.is_file()
    ]


def _file(word: str, folder: Path) -> Path | None:
    """File that a column names, None for a placeholder."""
    return None if word.lower() in _PLACEHOLDERS else (folder / word).absolute()
