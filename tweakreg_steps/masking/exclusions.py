"""The exclusions catalog: which region file or mask belongs to which chip of which image.

A text file with one line an image: its name, then for each chip in SCI order a DS9 region file, a
FITS mask, or ``None`` or ``INDEF``. Images and chips that are not named have nothing excluded.
Names of images count by their base name, with or without folder, ending and ``[extension]``; region
files are relative to the catalog. ``#`` begins a comment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.recipes.inputs import image_name

_PLACEHOLDERS = ("none", "indef")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_SELECTION = re.compile(r"\[[^\]]*\]$")


@dataclass(frozen=True)
class _Line:
    """One line of the catalog: its number, the image, and a file for each chip that it names."""

    number: int
    image: str
    files: tuple[Path | None, ...]


def read_exclusions(
    path: Path, *, n_chips: Mapping[str, int]
) -> dict[str, tuple[Path | None, ...]]:
    """Read an exclusions catalog.

    Parameters
    ----------
    path
        The catalog.
    n_chips
        Number of chips by name of the image (see `tweakreg_steps.recipes.inputs.image_name`);
        lines of other images are read but not counted against anything.

    Returns
    -------
    dict of str to tuple of Path or None
        By name of the image, in the order of the catalog: region file or mask of each chip, None
        where nothing is excluded. As long as the image has chips, where that is known.

    Raises
    ------
    InputError
        Naming each line with a file that is missing, more columns than chips, or an image named
        before; or the catalog cannot be read.
    """
    lines = _read_lines(path)
    problems = [*_doubles(lines), *_missing(lines), *_surplus(lines, n_chips)]
    if problems:
        where = sorted(problems)
        raise InputError("\n".join(f"{path}, line {number}: {text}" for number, text in where))
    return {line.image: _fit_to(line.files, n_chips.get(line.image)) for line in lines}


def exclusions_of(path: Path, image: str) -> dict[int, Path]:
    """Region file or mask by chip (from 1) of one image; chips without one are left out.

    Raises
    ------
    InputError
        As `read_exclusions`.
    """
    files = read_exclusions(path, n_chips={}).get(image, ())
    return {number: file for number, file in enumerate(files, start=1) if file is not None}


def exclusion_files(path: Path) -> tuple[Path, ...]:
    """All region files and masks that a catalog names, each once, in its order.

    Raises
    ------
    InputError
        As `read_exclusions`.
    """
    rows = read_exclusions(path, n_chips={}).values()
    return tuple(dict.fromkeys(file for files in rows for file in files if file is not None))


def _read_lines(path: Path) -> list[_Line]:
    """Lines of the catalog that say something."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(
            f"{path}: the exclusions catalog cannot be read: {error.strerror}"
        ) from error
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = _COMMENT.sub("", line).split()
        if words:
            files = tuple(_file(word, path.parent) for word in words[1:])
            name = image_name(Path(_SELECTION.sub("", words[0])))
            lines.append(_Line(number, name, files))
    return lines


def _file(word: str, folder: Path) -> Path | None:
    """File that a column names, None for a placeholder."""
    return None if word.lower() in _PLACEHOLDERS else folder / word


def _doubles(lines: list[_Line]) -> list[tuple[int, str]]:
    """Lines whose image stood in an earlier line."""
    first: dict[str, int] = {}
    return [
        (line.number, f"{line.image} is in line {first[line.image]} already; keep one of them")
        for line in lines
        if first.setdefault(line.image, line.number) != line.number
    ]


def _missing(lines: list[_Line]) -> list[tuple[int, str]]:
    """Files that are not there."""
    return [
        (
            line.number,
            f"there is no file {file}; correct the name (relative to the catalog), or write None",
        )
        for line in lines
        for file in line.files
        if file is not None and not file.is_file()
    ]


def _surplus(lines: list[_Line], n_chips: Mapping[str, int]) -> list[tuple[int, str]]:
    """Lines that name files for more chips than the image has."""
    return [
        (
            line.number,
            (
                f"{line.image} has {n_chips[line.image]} chip(s), but {len(line.files)} columns "
                "follow its name; one file, or None, a chip is allowed"
            ),
        )
        for line in lines
        if any(file is not None for file in line.files[n_chips.get(line.image, len(line.files)) :])
    ]


def _fit_to(files: tuple[Path | None, ...], count: int | None) -> tuple[Path | None, ...]:
    """Lengthen (or cut placeholders) to the number of chips."""
    return files if count is None else (*files, *[None] * count)[:count]
