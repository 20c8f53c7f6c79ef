"""The table over several recipes: how many images of each are aligned, and how well."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.printable import printable_line
from tweakreg_steps.records.outdir_files import SUMMARY
from tweakreg_steps.reporting.summary_file import Status, SummaryRow, read_summary
from tweakreg_steps.reporting.text_columns import column_lines
from tweakreg_steps.running.final_table import SOME_NOT_ALIGNED

_HEADINGS = ("recipe", "images", "aligned", "not aligned", "median rms [mas]", "status")
_NO_NUMBER = "-"


def format_recipes(outdirs: Mapping[Path, Path], statuses: Sequence[int], *, worst: int) -> str:
    """Give a line for each recipe that was run, and one for all.

    Parameters
    ----------
    outdirs
        The output folders, by the recipe files.
    statuses
        The exit status of each.
    worst
        That of all.

    Returns
    -------
    str
        Images; those aligned, with the reference; those not aligned; the median over the aligned
        ones of the rms over both axes, weighted as in the fits. A recipe that failed has its
        status alone.
    """
    found = [
        _rows_of(outdir) if status in (0, SOME_NOT_ALIGNED) else None
        for outdir, status in zip(outdirs.values(), statuses, strict=True)
    ]
    lines = [
        (printable_line(str(file)), *_cells(rows), str(status))
        for file, rows, status in zip(outdirs, found, statuses, strict=True)
    ]
    together = [row for rows in found for row in rows or ()]
    table = [_HEADINGS, *lines, ("all", *_cells(together), str(worst))]
    return "".join(column_lines(table, to_right=range(1, len(_HEADINGS))))


def _rows_of(outdir: Path) -> Sequence[SummaryRow] | None:
    """Return the images of a run; None where nothing says how it went."""
    try:
        return read_summary(outdir / SUMMARY).rows
    except InputError:
        return None


def _cells(rows: Sequence[SummaryRow] | None) -> tuple[str, ...]:
    """Return what is said of some images."""
    if rows is None:
        return (_NO_NUMBER,) * 4
    from statistics import median

    rms = [math.hypot(row["wrms_ra"], row["wrms_dec"]) for row in rows]
    rms = [
        each
        for each, row in zip(rms, rows, strict=True)
        if row["status"] == Status.ALIGNED and math.isfinite(each)
    ]
    n_failed = sum(row["status"] == Status.NOT_ALIGNED for row in rows)
    middle = f"{median(rms):.2f}" if rms else _NO_NUMBER
    return str(len(rows)), str(len(rows) - n_failed), str(n_failed), middle
