"""Which jobs have to run, and why, from the records of those that ran before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.layout import ledger_of
from tweakreg_steps.planning.intermediates import intermediates_read, is_intermediate
from tweakreg_steps.planning.jobs import ALL, Job, JobKey, WorkPlan
from tweakreg_steps.planning.ledger import is_as_made, read_entry
from tweakreg_steps.planning.library_versions import VERSIONS
from tweakreg_steps.planning.record_reasons import record_reasons, version_reasons
from tweakreg_steps.recipes.schema import Tree


@dataclass(frozen=True)
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
    run, too. One whose products are only missing does not: it makes what was there. Intermediate
    products that the plan removes are missed only where a job that has to run reads them.
    """
    stale: dict[JobKey, StaleJob] = {}
    changing: set[JobKey] = set()
    for job in plan.jobs.values():
        upstream = tuple(dict.fromkeys(key[0] for key in job.upstream if key in changing))
        entry = read_entry(outdir / ledger_of(job.rule, job.name))
        files = {key: file for name in (ALL, job.image) for key, file in plan.files_of(name)}
        changes = list(_changes(job, entry, outdir, running=upstream, files=files))
        missing = _missing(entry, outdir, clean=plan.clean)
        if changes or upstream:
            changing.add(job.key)
        if changes or upstream or missing:
            stale[job.key] = StaleJob(job, (*changes, *missing), upstream)
    _add_needed_again(plan, stale, outdir)
    return [stale[key] for key in plan.jobs if key in stale]


def _changes(
    job: Job,
    entry: Tree | None,
    outdir: Path,
    *,
    running: tuple[str, ...],
    files: Mapping[str, Path],
) -> Iterator[str]:
    """Yield what changes a job's products, but for the upstream rules that run anyway."""
    if entry is None:
        yield "not made yet"
        return
    yield from record_reasons(entry["record"], job.record, files)
    yield from version_reasons(entry.get(VERSIONS, {}), job.versions)
    changed = [
        rule for rule in _changed_upstream(entry["record"], job.record) if rule not in running
    ]
    if changed:
        yield f"the products of {', '.join(changed)} changed"
    products: Mapping[str, Mapping[str, Any]] = entry["products"]
    for output in job.outputs:
        if output not in products:
            yield f"{output} is not made yet"
    for product, made in products.items():
        path = outdir / product
        if path.is_file() and not is_as_made(path, made):
            yield f"{product} was changed"


def _missing(entry: Tree | None, outdir: Path, *, clean: bool) -> list[str]:
    """Say which of a job's products are gone though they should be there."""
    return [
        f"{product} is missing"
        for product in (entry["products"] if entry else ())
        if not (outdir / product).is_file() and not (clean and is_intermediate(product))
    ]


def _add_needed_again(plan: WorkPlan, stale: dict[JobKey, StaleJob], outdir: Path) -> None:
    """Add the jobs whose missing intermediate products the stale ones read, back to the first."""
    for job in reversed(plan.jobs.values()):
        if job.key not in stale:
            continue
        for key in job.upstream:
            missing = [
                f"its product {product} is needed again"
                for product in intermediates_read(job, plan.jobs[key])
                if not (outdir / product).is_file()
            ]
            if missing and key not in stale:
                stale[key] = StaleJob(plan.jobs[key], tuple(missing), ())


def _changed_upstream(old: Tree, new: Tree) -> list[str]:
    """Return the upstream rules whose products are not those that the job took."""
    before, now = old.get("upstream", {}), new["upstream"]
    return sorted(rule for rule in {*before, *now} if before.get(rule) != now.get(rule))
