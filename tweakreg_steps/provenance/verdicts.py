"""What a run has found of an image: the verdict, from the records of its output folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.json_file import recall_json
from tweakreg_steps.records.ledger_file import read_entry
from tweakreg_steps.records.outdir_files import SUMMARY
from tweakreg_steps.records.statement import image_of_job
from tweakreg_steps.reporting.summary_file import read_summary
from tweakreg_steps.steps.products import FIT

_WHERE = ("", "*", "results/*")
"""Where output folders are looked for, below the folder that one is in."""


def outdirs_of(image: str, folder: Path) -> list[Path]:
    """Return the output folders near a folder that know an image, the last run first."""
    summaries = {
        path
        for pattern in _WHERE
        for path in folder.glob(f"{pattern}/{SUMMARY}" if pattern else SUMMARY)
        if _knows(path.parent, image)
    }
    return [path.parent for path in sorted(summaries, key=lambda p: p.stat().st_mtime_ns)][::-1]


def _knows(outdir: Path, image: str) -> bool:
    """Tell whether a run has a fit of an image, or says in its summary why it has none."""
    if (outdir / FIT.path(image=image)).is_file():
        return True
    try:
        return verdict_of(outdir, image) is not None
    except InputError:
        return False  # another program's summary


def image_of(outdir: Path, rule: str, job: str) -> str:
    """Return the image that a job of the ledger worked on, or ``all``."""
    entry = read_entry(outdir, rule, job)
    return image_of_job(entry.record) if entry else job


def verdict_of(outdir: Path, image: str) -> dict[str, Any] | None:
    """Return what the last run of a folder says of an image; None where it says nothing.

    It is the image's row of the summary, or the record of its fit where there is no summary.
    """
    summary = outdir / SUMMARY
    if summary.is_file():
        for row in read_summary(summary).rows:
            if row["image"] == image:
                return dict(row)
    return recall_json(outdir / FIT.path(image=image))


def verdict_lines(verdict: dict[str, Any]) -> Iterator[str]:
    """Yield a verdict in words."""
    from tweakreg_steps.reporting.failures import format_verdict

    yield from format_verdict(verdict, width=None).splitlines()
    if verdict["status"] == "aligned":
        yield (
            f"  {verdict['n_fit']} of {verdict['n_matched']} pairs kept,"
            f" shift ({verdict['dx']:.3f}, {verdict['dy']:.3f}) pixels,"
            f" rotation {verdict['rotation']:.5f} deg,"
            f" rms {verdict['rms_ra']:.2f} {verdict['rms_dec']:.2f} mas"
        )
