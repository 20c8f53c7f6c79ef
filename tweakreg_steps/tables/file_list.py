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
from tweakreg_steps.printable import control_name
from tweakreg_steps.text_file import read_small_file

_BYTES = 16 << 20
"""The largest list: 100,000 images with a catalog each."""
_PLACEHOLDERS = ("none", "indef")
_LONGEST_NAME = 300  # letters of a name that a message repeats
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
    try:
        text = read_small_file(path, limit=_BYTES).decode("utf-8-sig", errors="replace")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path}: the {called} cannot be read ({reason}); correct the name"
        ) from error
    lines: list[ListLine] = []
    _require_text(path, text, called)
    for number, line in enumerate(text.splitlines(), start=1):
        words = _COMMENT.sub("", line).split()
        if words:
            files = tuple(_file(word, path.parent) for word in words[1:])
            lines.append(ListLine(number, words[0], files))
    return lines


def _require_text(path: Path, text: str, called: str) -> None:
    """Refuse a list with a control character other than a tab in it."""
    for number, line in enumerate(text.splitlines(), start=1):
        strange = control_name(line.replace("\t", " "))
        if strange:
            raise InputError(
                f"{path}, line {number}: holds {strange}, which is no part of a {called}; remove it"
            )


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
