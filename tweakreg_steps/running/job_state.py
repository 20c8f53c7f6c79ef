"""Whether a job of a plan is done."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.records.ledger import is_as_made, read_entry
from tweakreg_steps.records.outdir_files import ledger_of
from tweakreg_steps.records.plan_file import PlannedJob


def is_done(job: PlannedJob, outdir: Path = Path()) -> bool:
    """Tell whether the ledger has this very run of a job, and its products are as it made them."""
    entry = read_entry(outdir / ledger_of(*job.key))
    if entry is None or entry["ticket"] != job.ticket:
        return False
    made = entry["products"]
    paths = [outdir / path for path in job.writes.values()]
    return all(
        path in made and file.is_file() and is_as_made(file, made[path])
        for path, file in zip(job.writes.values(), paths, strict=True)
    )
