"""``summary.ecsv``: how well each image was aligned, one row an image (a contract with users)."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final, TypedDict, cast

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.ecsv_text import EcsvText, read_ecsv


class Status(StrEnum):
    """What became of an image."""

    REFERENCE = "reference"
    ALIGNED = "aligned"
    NOT_ALIGNED = "not_aligned"


@dataclass(frozen=True)
class SummaryColumn:
    """One column of ``summary.ecsv``; a unit of '' means that it has none."""

    name: str
    kind: type[str | int | float]
    unit: str
    description: str


SUMMARY_COLUMNS: tuple[SummaryColumn, ...] = (
    SummaryColumn("image", str, "", "file name without its ending"),
    SummaryColumn("status", str, "", "reference, aligned or not_aligned"),
    SummaryColumn("reason", str, "", "why it is not aligned, a code; empty when it is"),
    SummaryColumn("n_sources", int, "", "sources found in the image"),
    SummaryColumn("n_matched", int, "", "sources paired with the reference"),
    SummaryColumn("n_fit", int, "", "pairs kept by the fit"),
    SummaryColumn("dx", float, "pix", "shift along x, pixels of reference/wcs.fits"),
    SummaryColumn("dy", float, "pix", "shift along y, pixels of reference/wcs.fits"),
    SummaryColumn("rotation", float, "deg", "mean rotation of both axes, within +-180"),
    SummaryColumn("scale", float, "", "mean scale of both axes"),
    SummaryColumn("skew", float, "deg", "difference of the axes' rotations, within +-180"),
    SummaryColumn("rms_x", float, "pix", "rms of the kept pairs along x"),
    SummaryColumn("rms_y", float, "pix", "rms of the kept pairs along y"),
    SummaryColumn("rms_ra", float, "mas", "rms of the kept pairs along right ascension"),
    SummaryColumn("rms_dec", float, "mas", "rms of the kept pairs along declination"),
    SummaryColumn("matrix", float, "", "2x2: image offset = matrix @ reference offset + shift"),
    SummaryColumn("fitgeometry", str, "", "catalog_fitting.fitgeometry of the fit"),
    SummaryColumn("reference", str, "", "image or catalog that the image was aligned to"),
    SummaryColumn("detail", str, "", "what was found where it is not aligned, with numbers"),
    SummaryColumn("cure", str, "", "what to change in the recipe where it is not aligned"),
    SummaryColumn(
        "error_x", float, "mas", "standard error of the fit along x, rms over the kept pairs"
    ),
    SummaryColumn("error_y", float, "mas", "the same along y"),
    SummaryColumn("n_absolute", int, "", "stars of the reference that the image was fitted to"),
    SummaryColumn("rms_absolute", float, "mas", "rms of the image from them along one axis"),
    SummaryColumn(
        "n_relative",
        int,
        "",
        "sources that the image and those that overlap it have in common",
    ),
    SummaryColumn(
        "rms_relative",
        float,
        "mas",
        "rms difference between its positions of them and those of the other images",
    ),
    SummaryColumn("worst_neighbour", str, "", "the overlapping image that it fits worst"),
    SummaryColumn("worst_offset", float, "mas", "mean distance of their sources in common"),
    SummaryColumn("worst_error", float, "mas", "standard error of that along one axis"),
    SummaryColumn(
        "wrms_ra",
        float,
        "mas",
        "rms along right ascension, the kept pairs counting as in the fit; rms_ra without weights",
    ),
    SummaryColumn("wrms_dec", float, "mas", "the same along declination"),
)
"""The columns in their order."""


class SummaryRow(TypedDict):
    """A row of the summary as plain values; nan for a number that there is not."""

    image: str
    status: str
    reason: str
    n_sources: int
    n_matched: int
    n_fit: int
    dx: float
    dy: float
    rotation: float
    scale: float
    skew: float
    rms_x: float
    rms_y: float
    rms_ra: float
    rms_dec: float
    matrix: list[list[float]]
    fitgeometry: str
    reference: str
    detail: str
    cure: str
    error_x: float
    error_y: float
    n_absolute: int
    rms_absolute: float
    n_relative: int
    rms_relative: float
    worst_neighbour: str
    worst_offset: float
    worst_error: float
    wrms_ra: float
    wrms_dec: float


MATRIX: Final = "matrix"
"""The one column whose cells are no single values, but 2x2."""


@dataclass(frozen=True)
class Summary:
    """How each image was aligned.

    Attributes
    ----------
    rows
        One an image, in the order of the recipe.
    meta
        What holds for all: version, digest of the recipe, reference, and what a solution says.
    """

    rows: Sequence[SummaryRow]
    meta: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> list[Any]:
        """Return a column."""
        return [cast("Mapping[str, Any]", row)[name] for row in self.rows]

    @property
    def n_not_aligned(self) -> int:
        """Number of images that were not aligned."""
        return self["status"].count(Status.NOT_ALIGNED.value)

    @property
    def notes(self) -> list[str]:
        """What there is to say of all images together, a sentence each.

        What the solution of them all says, and which of those that overlap lie apart.
        """
        found = self.meta.get("solution")
        said = found.get("notes") if isinstance(found, Mapping) else None
        both = (said, self.meta.get("overlaps"))
        return [str(note) for notes in both if isinstance(notes, list) for note in notes]


def write_summary(path: Path, summary: Summary) -> None:
    """Write the summary as ECSV; equal ones give the same bytes.

    Raises
    ------
    JobFailedError
        If the file cannot be written.
    """
    import numpy as np
    from astropy.table import Column, MaskedColumn, Table

    table = Table(meta=dict(summary.meta))
    for column in SUMMARY_COLUMNS:
        values = np.array(summary[column.name], dtype=column.kind)
        kept = {"unit": column.unit or None, "description": column.description}
        if column.kind is str:
            table[column.name] = MaskedColumn(values, **kept)
            # an empty text is a text
            table[column.name].info.serialize_method["ecsv"] = "data_mask"
        else:
            shape = (-1, 2, 2) if column.name == MATRIX else -1
            table[column.name] = Column(values.reshape(shape), **kept)
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    write_text_atomically(path, text.getvalue())


def read_summary(path: Path) -> Summary:
    """Read a ``summary.ecsv``.

    Raises
    ------
    InputError
        If it cannot be read or is not a summary.
    """
    return read_ecsv(path, partial(_make_summary, path))


def _make_summary(path: Path, text: EcsvText) -> Summary:
    """Make a summary of the text of its file."""
    names = [column.name for column in SUMMARY_COLUMNS]
    if list(text.specs) != names:
        raise InputError(
            f"{path} is not a summary: its columns are {list(text.specs)}, not {names}; "
            "run the recipe again to write it"
        )
    rows = [dict(zip(names, map(_read, SUMMARY_COLUMNS, row), strict=True)) for row in text.cells()]
    return Summary(cast("list[SummaryRow]", rows), text.meta)


def _read(column: SummaryColumn, cell: str) -> str | float | list[list[float]]:
    """Read a cell.

    Raises
    ------
    ValueError
        It holds no value of the column.
    """
    try:
        if column.name != MATRIX:
            return column.kind(cell)
        (a, b), (c, d) = json.loads(cell)
        return [[float(a), float(b)], [float(c), float(d)]]
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {column.name!r}: {cell!r} is no such value") from error
