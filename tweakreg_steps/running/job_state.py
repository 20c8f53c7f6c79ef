"""Whether a job of a plan is done."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.records.ledger import is_as_made
from tweakreg_steps.records.ledger_file import read_entry
from tweakreg_steps.records.plan_file import PlannedJob


def is_done(job: PlannedJob, outdir: Path = Path()) -> bool:
    """Tell whether the ledger has this very run of a job, and its products are as it made them."""
    entry = read_entry(outdir, *job.key)
    if entry is None or entry.ticket != job.ticket:
        return False
    return all(
        (made := entry.products.get(path)) is not None
        and (outdir / path).is_file()
        and is_as_made(outdir / path, made)
        for path in job.writes.values()
    )
