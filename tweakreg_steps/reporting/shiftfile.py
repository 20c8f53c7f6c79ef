"""The shift file: the shifts of all images in the form that AstroDrizzle reads.

Four comment lines say what the numbers are, then one line an image: file name, dx, dy in pixels of
the reference WCS, rotation in degrees, scale, and rms along x and y in pixels. ``nan`` stands for
an image that was not aligned.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tweakreg_steps.errors import InputError
from tweakreg_steps.fit_file import FitRecord, accepted_numbers

_REFERENCE = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True)
class ShiftRow:
    """One image of a shift file: pixels of the reference WCS, degrees; nan where not aligned."""

    name: str
    dx: float
    dy: float
    rotation: float
    scale: float
    rms_x: float
    rms_y: float


@dataclass(frozen=True)
class ShiftFile:
    """A shift file: the file of the reference WCS, and the images in order."""

    reference_wcs: str
    rows: tuple[ShiftRow, ...]


def shiftfile_text(fits: Iterable[tuple[str, FitRecord]], *, outwcs: str) -> str:
    """Text of a shift file.

    Parameters
    ----------
    fits
        For each image its file name and the record of its fit.
    outwcs
        Name of the FITS file with the reference WCS, in its extension ``wcs``.
    """
    head = ("frame: output", f"refimage: {outwcs}[wcs]", "form: delta", "units: pixels")
    lines = [f"# {line}" for line in head]
    lines += [f"{name}    {'  '.join(_cells(fit))}" for name, fit in fits]
    return "\n".join(lines) + "\n"


def parse_shiftfile(text: str) -> ShiftFile:
    """Read the text of a shift file, ours or TweakReg's (files without rms columns have nan).

    Raises
    ------
    InputError
        A line is not a name and four or six numbers.
    """
    found = re.search(r"^#\s*refimage:\s*(\S+?)(?:\[wcs\])?\s*$", text, re.MULTILINE)
    rows = [_row(line) for line in text.splitlines() if line.strip() and line.strip()[0] != "#"]
    return ShiftFile(reference_wcs=found[1] if found else "", rows=tuple(rows))


def _cells(fit: FitRecord) -> tuple[str, ...]:
    """Six numbers of an image."""
    if fit["status"] == "reference":
        return tuple(map(_shown, _REFERENCE))
    if fit["status"] != "aligned":
        return ("nan",) * len(_REFERENCE)
    found = accepted_numbers(fit)
    numbers = (found["dx"], found["dy"], found["rotation"], found["scale"])
    return tuple(map(_shown, (*numbers, found["rms_x"], found["rms_y"])))


def _shown(number: float) -> str:
    """Write a number as TweakReg does."""
    return f"{number:.6f}"


def _row(line: str) -> ShiftRow:
    """Image of one line."""
    name, *words = line.split()
    try:
        numbers = [float(word) for word in words]
    except ValueError as error:
        raise InputError(f"not a line of a shift file: {line!r}: {error}") from error
    if len(numbers) == len(_REFERENCE) - 2:
        numbers += [math.nan, math.nan]
    if len(numbers) != len(_REFERENCE):
        raise InputError(f"not a line of a shift file: {line!r}: dx dy rotation scale [rms rms]")
    return ShiftRow(name, *numbers)
