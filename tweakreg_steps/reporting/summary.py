"""The summary of a run, made of the records of its fits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast, get_args

from tweakreg_steps.alignment.misfits import Misfit
from tweakreg_steps.curing.advice import Found, advise
from tweakreg_steps.errors import InputError, Reason
from tweakreg_steps.reporting.qualities import notes_on_overlaps, qualities
from tweakreg_steps.reporting.summary_file import (
    MATRIX,
    SUMMARY_COLUMNS,
    Status,
    Summary,
    SummaryColumn,
    SummaryRow,
)
from tweakreg_steps.solving.solution_file import SolutionRecord

_NO_FIT: dict[str, Any] = {
    **{column.name: None for column in SUMMARY_COLUMNS if column.kind is float},
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
) -> Summary:
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
    Summary
        Lengths in pixels of ``reference/wcs.fits``.

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
    return Summary(
        [_row(row) for row in rows],
        {
            "version": version,
            "recipe_digest": recipe_digest,
            "reference": reference,
            **({"solution": {key: solution[key] for key in _OF_SOLUTION}} if solution else {}),
            **({"overlaps": apart} if apart else {}),
        },
    )


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


def _row(record: Mapping[str, Any]) -> SummaryRow:
    """Make the row of a record that is complete."""
    has_fit = record["status"] != Status.NOT_ALIGNED
    values = {
        column.name: _value(column, record[column.name] if has_fit else None)
        if column.kind is float
        else column.kind(record[column.name])
        for column in SUMMARY_COLUMNS
    }
    return cast("SummaryRow", values)


def _value(column: SummaryColumn, value: Any) -> float | list[list[float]]:  # noqa: ANN401  a record's
    """Return a number or a matrix of a record; nan where there is none, angles within +-180."""
    if column.name == MATRIX:
        cells = [[math.nan] * 2] * 2 if value is None else value
        return [[float(cell) for cell in row] for row in cells]
    number = math.nan if value is None else float(value)
    if column.name in _ANGLES and abs(number) > _HALF_TURN:
        return (number + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN
    return number
