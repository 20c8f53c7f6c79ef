"""Which jobs have to run, and why, from the records of those that ran before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.job_record import JobRecord
from tweakreg_steps.records.ledger import Entry, is_as_made
from tweakreg_steps.records.ledger_file import open_ledger, refresh_times
from tweakreg_steps.steps.subject import ALL
from tweakreg_steps.workflow.jobs import Job, JobKey, WorkPlan
from tweakreg_steps.workflow.record_reasons import record_reasons, version_reasons

_TICKET = 12

Found = Mapping[str, os.stat_result | None]
"""The products of a job that there are, and None for those that there are not."""


@dataclass(frozen=True, slots=True)
class StaleJob:
    """A job that has to run.

    Attributes
    ----------
    job
        The job.
    own_reasons
        What makes the job itself stale, in words.
    upstream
        The rules whose products it takes and that run, too.
    """

    job: Job
    own_reasons: tuple[str, ...]
    upstream: tuple[str, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """All reasons in words; the upstream only where there is nothing else to say."""
        return self.own_reasons or tuple(f"{rule} runs" for rule in self.upstream)


def stale_jobs(plan: WorkPlan, outdir: Path) -> list[StaleJob]:
    """Return the jobs that have to run, in the plan's order.

    A job whose record differs, or whose products were edited, makes those that take its products
    run, too, unless these count by what they hold and that is known to be the same. One whose
    products are only missing does not: it makes what was there. Intermediate products that the
    plan removes are missed only where a job that has to run reads them.
    """
    stale: dict[JobKey, StaleJob] = {}
    changing: set[JobKey] = set()
    folder = os.fspath(outdir)  # a pathlib object for each product costs ten times more
    with open_ledger(outdir) as ledger:
        for job in plan.jobs.values():
            upstream = tuple(dict.fromkeys(key[0] for key in job.upstream if key in changing))
            entry = ledger.entry(*job.key)
            found = {path: _look(f"{folder}/{path}") for path in entry.products} if entry else {}
            changes = list(_changes(plan, job, entry, outdir, found, running=upstream))
            missing = _missing(job, found, clean=plan.clean)
            if (changes or upstream) and not _holds_the_same(plan, job, entry):
                changing.add(job.key)
            if changes or upstream or missing:
                stale[job.key] = StaleJob(job, (*changes, *missing), upstream)
    _add_needed_again(plan, stale, outdir)
    return [stale[key] for key in plan.jobs if key in stale]


def tickets(plan: WorkPlan, stale: list[StaleJob], outdir: Path) -> dict[JobKey, str]:
    """Return what the plan calls each job: as its last run where it is current, anew where not.

    Snakemake sees a ticket as the one parameter of a rule. So it makes again what is stale here,
    and nothing else; and as a ticket follows from what is there, any process finds the same.
    """
    reasons = {job.job.key: job.reasons for job in stale}
    found: dict[JobKey, str] = {}
    folder = os.fspath(outdir)
    with open_ledger(outdir) as ledger:
        for key, job in plan.jobs.items():
            before = ledger.ticket(*key)
            if key in reasons or before is None:
                states = [_state(f"{folder}/{path}") for path in job.outputs]
                found[key] = digest([job.record, before, reasons.get(key), states])[:_TICKET]
            else:
                found[key] = before
    return found


def _state(path: str) -> list[int] | None:
    """Return what changes when a product does, None where it is not there."""
    try:
        status = os.stat(path)  # noqa: PTH116  a pathlib object costs ten times more
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _holds_the_same(plan: WorkPlan, job: Job, entry: Entry | None) -> bool:
    """Tell whether a product that counts by its content is known to hold what it held."""
    stamp = plan.stamps[job.key]
    return bool(entry and stamp and stamp in entry.contents.values())


def _look(path: str) -> os.stat_result | None:
    """Return size and time of a file; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116  as above
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _changes(
    plan: WorkPlan,
    job: Job,
    entry: Entry | None,
    outdir: Path,
    found: Found,
    *,
    running: tuple[str, ...],
) -> Iterator[str]:
    """Yield what changes a job's products, but for the upstream rules that run anyway."""
    if entry is None:
        yield "not made yet"
        return
    if entry.record != job.record:
        files = {key: file for name in (ALL, job.image) for key, file in plan.files_of(name)}
        yield from record_reasons(entry.record, job.record, files)
        changed = [
            rule for rule in _changed_upstream(entry.record, job.record) if rule not in running
        ]
        if changed:
            yield f"the products of {', '.join(changed)} changed"
    yield from version_reasons(entry.versions, job.versions)
    for output in job.outputs:
        if output not in entry.products:
            yield f"{output} is not made yet"
    yield from _edited(job, entry, outdir, found)


def _edited(job: Job, entry: Entry, outdir: Path, found: Found) -> Iterator[str]:
    """Yield which products of a job were changed since; note the times of those that were not."""
    is_touched = False
    for product, made in entry.products.items():
        status = found[product]
        if status is None or (status.st_size, status.st_mtime_ns) == (made.size, made.mtime_ns):
            continue
        if not is_as_made(outdir / product, made):
            yield f"{product} was changed"
            return
        is_touched = True
    if is_touched:
        refresh_times(outdir, job.key, entry)


def _missing(job: Job, found: Found, *, clean: bool) -> list[str]:
    """Say which of a job's products are gone though they should be there."""
    return [
        f"{product} is missing"
        for product, status in found.items()
        if status is None and not (clean and product in job.intermediates)
    ]


def _add_needed_again(plan: WorkPlan, stale: dict[JobKey, StaleJob], outdir: Path) -> None:
    """Add the jobs whose missing intermediate products the stale ones read, back to the first."""
    for job in reversed(plan.jobs.values()):
        if job.key not in stale:
            continue
        for key in job.upstream:
            if key in stale:
                continue
            maker = plan.jobs[key]
            missing = [
                f"its product {product} is needed again"
                for product in maker.intermediates
                if product in job.reads.values() and not (outdir / product).is_file()
            ]
            if missing:
                stale[key] = StaleJob(maker, tuple(missing), ())


def _changed_upstream(old: JobRecord, new: JobRecord) -> list[str]:
    """Return the upstream rules whose products are not those that the job took.

    Where a stamp is not known yet, the rule runs, and is named for that.
    """
    before, now = old.get("upstream", {}), new["upstream"]
    return sorted(
        rule
        for rule in {*before, *now}
        if before.get(rule) != now.get(rule) and (rule not in now or now[rule] is not None)
    )
