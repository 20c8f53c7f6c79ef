"""``summary.ecsv``: how well each image was aligned, one row an image (a contract with users)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, TypedDict, cast, get_args

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.alignment.misfits import Misfit
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.curing.advice import Found, advise
from tweakreg_steps.errors import InputError, Reason
from tweakreg_steps.reporting.qualities import notes_on_overlaps, qualities
from tweakreg_steps.solving.solution_file import SolutionRecord
from tweakreg_steps.tables.ecsv import ColumnTable, read_table


class Status(StrEnum):
    """What became of an image."""

    REFERENCE = "reference"
    ALIGNED = "aligned"
    NOT_ALIGNED = "not_aligned"


@dataclass(frozen=True)
class SummaryColumn:
    """One column of ``summary.ecsv``; a unit of '' means that it has none."""

    name: str
    dtype: type[np.str_ | np.int64 | np.float64]
    unit: str
    description: str


SUMMARY_COLUMNS: tuple[SummaryColumn, ...] = (
    SummaryColumn("image", np.str_, "", "file name without its ending"),
    SummaryColumn("status", np.str_, "", "reference, aligned or not_aligned"),
    SummaryColumn("reason", np.str_, "", "why it is not aligned, a code; empty when it is"),
    SummaryColumn("n_sources", np.int64, "", "sources found in the image"),
    SummaryColumn("n_matched", np.int64, "", "sources paired with the reference"),
    SummaryColumn("n_fit", np.int64, "", "pairs kept by the fit"),
    SummaryColumn("dx", np.float64, "pix", "shift along x, pixels of reference/wcs.fits"),
    SummaryColumn("dy", np.float64, "pix", "shift along y, pixels of reference/wcs.fits"),
    SummaryColumn("rotation", np.float64, "deg", "mean rotation of both axes, within +-180"),
    SummaryColumn("scale", np.float64, "", "mean scale of both axes"),
    SummaryColumn("skew", np.float64, "deg", "difference of the axes' rotations, within +-180"),
    SummaryColumn("rms_x", np.float64, "pix", "rms of the kept pairs along x"),
    SummaryColumn("rms_y", np.float64, "pix", "rms of the kept pairs along y"),
    SummaryColumn("rms_ra", np.float64, "mas", "rms of the kept pairs along right ascension"),
    SummaryColumn("rms_dec", np.float64, "mas", "rms of the kept pairs along declination"),
    SummaryColumn(
        "matrix", np.float64, "", "2x2: image offset = matrix @ reference offset + shift"
    ),
    SummaryColumn("fitgeometry", np.str_, "", "catalog_fitting.fitgeometry of the fit"),
    SummaryColumn("reference", np.str_, "", "image or catalog that the image was aligned to"),
    SummaryColumn("detail", np.str_, "", "what was found where it is not aligned, with numbers"),
    SummaryColumn("cure", np.str_, "", "what to change in the recipe where it is not aligned"),
    SummaryColumn(
        "error_x", np.float64, "mas", "standard error of the fit along x, rms over the kept pairs"
    ),
    SummaryColumn("error_y", np.float64, "mas", "the same along y"),
    SummaryColumn(
        "n_absolute", np.int64, "", "stars of the reference that the image was fitted to"
    ),
    SummaryColumn("rms_absolute", np.float64, "mas", "rms of the image from them along one axis"),
    SummaryColumn(
        "n_relative",
        np.int64,
        "",
        "sources that the image and those that overlap it have in common",
    ),
    SummaryColumn(
        "rms_relative",
        np.float64,
        "mas",
        "rms difference between its positions of them and those of the other images",
    ),
    SummaryColumn("worst_neighbour", np.str_, "", "the overlapping image that it fits worst"),
    SummaryColumn("worst_offset", np.float64, "mas", "mean distance of their sources in common"),
    SummaryColumn("worst_error", np.float64, "mas", "standard error of that along one axis"),
    SummaryColumn(
        "wrms_ra",
        np.float64,
        "mas",
        "rms along right ascension, the kept pairs counting as in the fit; rms_ra without weights",
    ),
    SummaryColumn("wrms_dec", np.float64, "mas", "the same along declination"),
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


_NO_FIT: dict[str, Any] = {
    **{column.name: None for column in SUMMARY_COLUMNS if column.dtype is np.float64},
    "n_matched": 0,
    "n_fit": 0,
    "n_absolute": 0,
    "n_relative": 0,
    "worst_neighbour": "",
    "fitgeometry": "",
}
_IMPLIED: dict[Status, dict[str, Any]] = {
    Status.ALIGNED: {},
    Status.NOT_ALIGNED: _NO_FIT,
    Status.REFERENCE: _NO_FIT
    | {"dx": 0.0, "dy": 0.0, "rotation": 0.0, "scale": 1.0, "skew": 0.0}
    | {"matrix": [[1.0, 0.0], [0.0, 1.0]]},
}
"""What a record may leave out, because its status says it."""

_OfSolution = Literal["method", "gauge", "floors", "reference_floor", "chip_terms", "notes"]
_OF_SOLUTION: tuple[_OfSolution, ...] = get_args(_OfSolution)
"""What of a solution stands in the metadata."""

_MAY_LACK: dict[str, Any] = {
    "detail": "",
    "cure": "",
    **dict.fromkeys(("error_x", "error_y", "wrms_ra", "wrms_dec")),
}
"""What a record need not say, and what then stands for it."""

_CELL_SHAPES: dict[str, tuple[int, ...]] = {"matrix": (2, 2)}
_ANGLES = frozenset({"rotation", "skew"})
_HALF_TURN = 180.0


def build_summary(
    records: Sequence[Mapping[str, Any]],
    *,
    version: str,
    recipe_digest: str,
    reference: str,
    solution: SolutionRecord | None = None,
    misfits: Sequence[Misfit] = (),
) -> ColumnTable:
    """Make the summary from the records of the fits.

    Parameters
    ----------
    records : sequence of mappings
        One an image, in input order, with the names of `SUMMARY_COLUMNS` as keys; others are
        left aside. An aligned image needs all of them (None or nan for a number that does not
        exist). The image that is the reference may leave out its fit, which then is the
        identity. What an image that is not aligned says of its fit is replaced by nan; the
        counts stay. A record that does not know its cure gets what the reason suggests.
    version : str
        Version of the package that made the fits.
    recipe_digest : str
        Digest of the resolved recipe.
    reference : str
        Image or catalog that the reference sources come from.
    solution : SolutionRecord or None
        ``solution.json``, where all images were solved together; what it says of them together
        goes into the metadata.
    misfits : sequence of Misfit
        How well images that overlap agree, in mas; images by their places among the records.

    Returns
    -------
    ColumnTable
        The columns of `SUMMARY_COLUMNS`; lengths in pixels of ``reference/wcs.fits``.

    Raises
    ------
    InputError
        If a record lacks a key, has an unknown status, or its reason does not go with it.
    """
    rows = [
        _complete_record({**record, **quality})
        for record, quality in zip(records, qualities(records, misfits), strict=True)
    ]
    apart = notes_on_overlaps(misfits, [row["image"] for row in rows])
    return ColumnTable(
        columns={column.name: _build_column(column, rows) for column in SUMMARY_COLUMNS},
        units={column.name: column.unit for column in SUMMARY_COLUMNS if column.unit},
        descriptions={column.name: column.description for column in SUMMARY_COLUMNS},
        meta={
            "version": version,
            "recipe_digest": recipe_digest,
            "reference": reference,
            **({"solution": {key: solution[key] for key in _OF_SOLUTION}} if solution else {}),
            **({"overlaps": apart} if apart else {}),
        },
    )


def write_summary(path: Path, summary: ColumnTable) -> None:
    """Write the summary as ECSV; equal ones give the same bytes.

    Raises
    ------
    JobFailedError
        If the file cannot be written.
    """
    from astropy.table import Column, MaskedColumn, Table

    table = Table(meta=dict(summary.meta))
    for name, values in summary.columns.items():
        kept = {"unit": summary.units.get(name), "description": summary.descriptions.get(name)}
        if values.dtype.kind == "U":
            table[name] = MaskedColumn(values, **kept)
            table[name].info.serialize_method["ecsv"] = "data_mask"  # an empty text is a text
        else:
            table[name] = Column(values, **kept)
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    write_text_atomically(path, text.getvalue())


def read_summary(path: Path) -> ColumnTable:
    """Read a ``summary.ecsv``.

    Raises
    ------
    InputError
        If it cannot be read or is not a summary.
    """
    table = read_table(path)
    names = [column.name for column in SUMMARY_COLUMNS]
    if list(table.columns) != names:
        raise InputError(
            f"{path} is not a summary: its columns are {list(table.columns)}, not {names}; "
            "run the recipe again to write it"
        )
    return table


def summary_rows(summary: ColumnTable) -> list[SummaryRow]:
    """Give the summary row by row as plain Python values (a matrix as nested lists)."""
    columns = {name: column.tolist() for name, column in summary.columns.items()}
    rows = zip(*columns.values(), strict=True)
    return [cast("SummaryRow", dict(zip(columns, values, strict=True))) for values in rows]


def notes_on_all(summary: ColumnTable) -> list[str]:
    """Return what there is to say of all images together, a sentence each.

    What the solution of them all says, and which of those that overlap lie apart.
    """
    found = summary.meta.get("solution")
    said = found.get("notes") if isinstance(found, Mapping) else None
    both = (said, summary.meta.get("overlaps"))
    return [str(note) for notes in both if isinstance(notes, list) for note in notes]


def count_not_aligned(summary: ColumnTable) -> int:
    """Count the images that were not aligned."""
    return int(np.count_nonzero(summary["status"] == Status.NOT_ALIGNED.value))


def _complete_record(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill in what an image's status implies, and refuse a record that lacks or contradicts it."""
    image, status, reason = (record.get(key) for key in ("image", "status", "reason"))
    if status not in set(Status):
        raise InputError(f"the fit record of {image} has the unknown status {status!r}")
    if reason not in (set(Reason) if status == Status.NOT_ALIGNED else {""}):
        raise InputError(
            f"the fit record of {image}: the reason {reason!r} does not go with "
            f"the status {status!r}"
        )
    completed = {**_MAY_LACK, **_IMPLIED[Status(status)], **record}
    if reason and not completed["cure"]:
        completed["cure"] = advise(Reason(reason), Found(), {}).text
    missing = [column.name for column in SUMMARY_COLUMNS if column.name not in completed]
    if missing:
        raise InputError(f"the fit record of {image} lacks {', '.join(missing)}; fit it again")
    return completed


def _build_column(column: SummaryColumn, rows: Sequence[Mapping[str, Any]]) -> NDArray[Any]:
    """Collect one column."""
    if column.dtype is not np.float64:
        return np.array([row[column.name] for row in rows], dtype=column.dtype)
    shape = _CELL_SHAPES.get(column.name, ())
    values = np.full((len(rows), *shape), np.nan)
    for i, row in enumerate(rows):
        if row["status"] != Status.NOT_ALIGNED and row[column.name] is not None:
            values[i] = row[column.name]
    return _within_half_turn(values) if column.name in _ANGLES else values


def _within_half_turn(degrees: FloatArray) -> FloatArray:
    """Bring angles into -180..180 degrees, those already there untouched to the last bit."""
    wrapped = (degrees + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN
    return np.where(np.abs(degrees) > _HALF_TURN, wrapped, degrees)
