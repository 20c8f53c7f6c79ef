"""The table that ends a run: one row an image, and what to do about those not aligned."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tweakreg_steps.curing.cure import Changes
from tweakreg_steps.fit_file import recall_fit
from tweakreg_steps.printable import printable_line
from tweakreg_steps.records.outdir_files import SUMMARY
from tweakreg_steps.reporting.summary_file import Summary, read_summary
from tweakreg_steps.steps.products import FIT

SOME_NOT_ALIGNED = 3
"""Exit status of a run after which some images are not aligned, or wait for a decision."""


def print_summary(outdir: Path, *, as_json: bool) -> int:
    """Print the summary of a run on stdout, and return the exit status it stands for.

    Parameters
    ----------
    outdir
        Its output folder.
    as_json
        Whether for programs.
    """
    from tweakreg_steps.reporting.failures import format_block, format_failures
    from tweakreg_steps.reporting.report_table import format_plain, format_terminal

    summary = read_summary(outdir / SUMMARY)
    status = _status_of(summary)
    if as_json:
        sys.stdout.write(_json(outdir, summary))
        return status
    width = None
    if sys.stdout.isatty():
        from shutil import get_terminal_size

        width = get_terminal_size().columns
        sys.stdout.write(format_terminal(summary, width=width))
    else:
        sys.stdout.write(format_plain(summary))
    sys.stdout.writelines(f"{printable_line(note)}\n" for note in summary.notes)
    sys.stdout.write(format_failures(summary, width=width))
    sys.stdout.write(format_block(changes_of(outdir, summary)))
    return status


def _json(outdir: Path, summary: Summary) -> str:
    """Return the summary for programs: what it says of the run, and a row an image."""
    changes = changes_of(outdir, summary)
    images = [{**_finite(row), "changes": changes.get(row["image"], {})} for row in summary.rows]
    meta = {key: summary.meta.get(key) for key in ("version", "recipe_digest", "reference")}
    told = {"outdir": os.fspath(outdir), **meta, "images": images}
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """Return a value as JSON can hold it: null in place of nan."""
    if isinstance(value, dict):
        return {key: _finite(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_finite(child) for child in value]
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124  nan


def changes_of(outdir: Path, summary: Summary) -> dict[str, Changes]:
    """Return what to change in the recipe for each image that is not aligned, by its name."""
    failed = [row["image"] for row in summary.rows if row["reason"]]
    fits = {name: recall_fit(outdir / FIT.path(image=name)) for name in failed}
    return {name: fit.get("changes", {}) for name, fit in fits.items() if fit and fit["reason"]}


def outcome_status(outdir: Path) -> int:
    """Return the exit status that the summary of a run stands for."""
    return _status_of(read_summary(outdir / SUMMARY))


def _status_of(summary: Summary) -> int:
    """Return the exit status that a summary stands for."""
    return SOME_NOT_ALIGNED if summary.n_not_aligned else 0
