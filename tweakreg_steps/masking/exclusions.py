"""The exclusions catalog: which region file or mask belongs to which chip of which image.

A text file with one line an image: its name, then for each chip in SCI order a DS9 region file, a
FITS mask, or ``None`` or ``INDEF``. Images and chips that are not named have nothing excluded.
Names of images count by their base name, with or without folder and ending; region files are
relative to the catalog. A name with a selection, ``x.fits[sci,2]``, is followed by the one file of
that chip, and goes before the line of the whole image. ``#`` begins a comment.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import Chip, is_selected
from tweakreg_steps.fits_files.image_name import image_name
from tweakreg_steps.tables.file_list import ListLine, missing_files, read_file_list, report

_MOST_TOLD = 20  # lines that belong to no image
_LONGEST_NAME = 100  # letters of a name that a message repeats

Found = tuple[int, str]


@dataclass(frozen=True)
class _Line:
    """One line of the catalog: number, first word, image, the chip it selects, and its files."""

    number: int
    written: str
    image: str
    selection: str | None
    files: tuple[Path | None, ...]

    @property
    def name(self) -> str:
        """The image as the line names it, without folder and ending."""
        return f"{self.image}[{self.selection}]" if self.selection else self.image


@dataclass(frozen=True)
class Exclusions:
    """What an exclusions catalog says; see `read_exclusions`."""

    lines: tuple[_Line, ...]

    def files_of(self, image: str, chips: Sequence[Chip]) -> dict[int, Path]:
        """Region file or mask by chip number of one image; chips without one are left out.

        Parameters
        ----------
        image
            Base name of the image's file, see `tweakreg_steps.recipes.inputs.image_name`.
        chips
            The image's chips, or those that were selected of them: each takes the column of its
            own number.
        """
        found = {chip.number: self._file_of(image, chip) for chip in chips}
        return {number: file for number, file in found.items() if file is not None}

    def _file_of(self, image: str, chip: Chip) -> Path | None:
        """Return the file of one chip; a line that selects the chip goes first."""
        lines = [line for line in self.lines if line.image == image]
        for line in lines:
            if line.selection is not None and is_selected(chip, line.selection):
                return line.files[0] if line.files else None
        for line in lines:
            if line.selection is None and len(line.files) >= chip.number:
                return line.files[chip.number - 1]
        return None


def read_exclusions(path: Path, *, chips: Mapping[str, Sequence[Chip]]) -> Exclusions:
    """Read an exclusions catalog.

    Parameters
    ----------
    path
        The catalog.
    chips
        All chips of each image by base name, as far as they are known: against them the lines are
        checked. Lines of other images are read but not counted against anything.

    Raises
    ------
    InputError
        Naming each line with a file that is missing, more columns than chips, a chip that is not
        there, or an image named before; or the catalog cannot be read.
    """
    listed = read_file_list(path, called="exclusions catalog")
    lines = [_line_of(line) for line in listed]
    missing = missing_files(listed, called="catalog")
    problems = sorted([*_doubles(lines), *missing, *_misfits(lines, chips)])
    if problems:
        raise InputError("\n".join(report(path, problems)))
    return Exclusions(tuple(lines))


def _line_of(line: ListLine) -> _Line:
    """Read the name that a line begins with."""
    name, selection = line.name, None
    opened = name.find("[", name.rfind("]", 0, -1) + 1) if name.endswith("]") else -1
    if opened >= 0:
        name, selection = name[:opened], name[opened + 1 : -1].lower()
    return _Line(line.number, line.name, image_name(Path(name)), selection, line.files)


def unused_lines(path: Path, images: Sequence[str]) -> list[str]:
    """Return what is to be said of the lines of an exclusions catalog that belong to no image.

    Parameters
    ----------
    path
        The catalog.
    images
        Base names of all images, see `tweakreg_steps.recipes.inputs.image_name`.

    Raises
    ------
    InputError
        The catalog cannot be read.
    """
    listed = [_line_of(line) for line in read_file_list(path, called="exclusions catalog")]
    unused = [line for line in listed if line.image not in images]
    small = {image.lower(): image for image in images}
    problems = [(line.number, _unused(line, small)) for line in unused[:_MOST_TOLD]]
    texts = report(path, problems)
    if len(unused) > _MOST_TOLD:
        texts.append(f"{path}: {len(unused) - _MOST_TOLD} more lines belong to no image")
    return texts


def _unused(line: _Line, images: Mapping[str, str]) -> str:
    """Say that a line belongs to none of the images, which are given by their small letters."""
    name = (
        line.written if len(line.written) <= _LONGEST_NAME else f"{line.written[:_LONGEST_NAME]}…"
    )
    begin = re.split(r"[;,|]", line.image.lower()[:_LONGEST_NAME])[0]
    exact = images.get(image_name(Path(begin)))
    close = difflib.get_close_matches(begin, images, n=1, cutoff=0.3)
    nearest = exact or (images[close[0]] if close else "")
    hint = f"; the nearest is {nearest}" if nearest else ""
    if re.search(r"[;,|]", line.image):
        hint += "; its columns are to be separated by blanks"
    elif nearest.lower() == line.image.lower():
        hint += ": capital and small letters count"
    return f"{name!r} is no image of the recipe, and its files are not used{hint}"


def _doubles(lines: list[_Line]) -> list[Found]:
    """Lines whose image stood in an earlier line."""
    first: dict[str, int] = {}
    return [
        (line.number, f"{line.name} is in line {first[line.name]} already; keep one of them")
        for line in lines
        if first.setdefault(line.name, line.number) != line.number
    ]


def _misfits(lines: list[_Line], chips: Mapping[str, Sequence[Chip]]) -> Iterator[Found]:
    """Yield lines that name files for more chips, or other ones, than the image has."""
    for line in lines:
        own = chips.get(line.image, ())
        if line.selection is not None:
            count = 1
            if own and not any(is_selected(chip, line.selection) for chip in own):
                known = ", ".join(chip.label for chip in own)
                yield line.number, f"{line.name} is no chip of the image; its chips are {known}"
        else:
            count = len(own) or len(line.files)
        if any(file is not None for file in line.files[count:]):
            text = (
                f"{line.name} has {count} chip(s), but {len(line.files)} columns follow its name; "
                "one file, or None, a chip is allowed"
            )
            yield line.number, text
