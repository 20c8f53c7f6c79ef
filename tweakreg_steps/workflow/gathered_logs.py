"""What the jobs of a run had to say: one file for each image, and for each rule of several images.

While a run is under way each job has a log of its own, which the messages about a failed one name.
Those of jobs that are done are gathered when it ends, in the order of the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from tweakreg_steps.atomic import expendable_path
from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.records.ledger_file import open_ledger
from tweakreg_steps.records.outdir_files import LOG_HEAD, LOGS
from tweakreg_steps.workflow.jobs import Job, JobKey, WorkPlan

Said = dict[str, str]
"""What jobs had to say, by the line that names the job."""


def gather_logs(plan: WorkPlan, outdir: Path, tickets: Mapping[JobKey, str]) -> None:
    """Gather the logs of jobs that are done; where that is not possible, all stays as it is.

    Parameters
    ----------
    plan
        The plan of the run.
    outdir
        The output folder.
    tickets
        What the plan calls each job: one of which the ledger has this is done.
    """
    there = {str(path.relative_to(outdir)) for path in (outdir / LOGS).glob("*/*.log")}
    if there:
        _gather_some(plan, outdir, tickets, there)
    for folder in sorted({job.log.rpartition("/")[0] for job in plan.jobs.values()}):
        with suppress(OSError):  # it holds the log of a job that failed
            (outdir / folder).rmdir()


def _gather_some(
    plan: WorkPlan, outdir: Path, tickets: Mapping[JobKey, str], there: Collection[str]
) -> None:
    """Gather those logs that are there, of jobs that are done."""
    with open_ledger(outdir) as ledger:
        done = [
            job
            for job in plan.jobs.values()
            if job.log in there and ledger.ticket(*job.key) == tickets[job.key]
        ]
    by_file: dict[str, list[Job]] = {}
    for job in done:
        if job.gathered_log != job.log:
            by_file.setdefault(job.gathered_log, []).append(job)
    known = {_title(job): i for i, job in enumerate(plan.jobs.values())} if by_file else {}
    for name, jobs in by_file.items():
        with suppress(OSError, JobFailedError):
            _gather(outdir, name, jobs, known)


def said_by(job: Job, outdir: Path) -> str:
    """Return what a job had to say, gathered or not; nothing where that cannot be read."""
    with suppress(OSError):
        return (outdir / job.log).read_text(encoding="utf-8", errors="replace")
    title = _title(job)
    return _read(outdir / job.gathered_log, {title}).get(title, "")


def _gather(outdir: Path, name: str, jobs: list[Job], known: Mapping[str, int]) -> None:
    """Write into one file what is there already and what some jobs had to say."""
    path = outdir / name
    said = _read(path, known)
    for job in jobs:
        said[_title(job)] = (outdir / job.log).read_text(encoding="utf-8", errors="replace")
    text = "".join(
        f"{title}\n{said[title]}" for title in sorted(said, key=known.__getitem__) if said[title]
    )
    with expendable_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    for job in jobs:
        (outdir / job.log).unlink()


def _read(path: Path, known: Collection[str]) -> Said:
    """Return what jobs that there still are had to say; nothing where that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    said: Said = {}
    title = None
    for line in text.splitlines(keepends=True):
        if line.startswith(LOG_HEAD):
            title = line.rstrip("\n")
            title = title if title in known else None
        elif title is not None:
            said[title] = said.get(title, "") + line
    return said


def _title(job: Job) -> str:
    """Return the line that stands before what a job had to say."""
    return f"{LOG_HEAD}{job.rule} {job.name}"
