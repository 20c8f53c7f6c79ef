"""Which jobs have to run, and why, from the records of those that ran before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.layout import ledger_of
from tweakreg_steps.planning.intermediates import intermediates_read, is_intermediate
from tweakreg_steps.planning.jobs import Job, JobKey, WorkPlan
from tweakreg_steps.planning.ledger import is_as_made, read_entry
from tweakreg_steps.planning.library_versions import VERSIONS
from tweakreg_steps.recipes.schema import Tree

_MISSING = object()


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
        changes = list(_changes(job, entry, outdir, running=upstream))
        missing = _missing(entry, outdir, clean=plan.clean)
        if changes or upstream:
            changing.add(job.key)
        if changes or upstream or missing:
            stale[job.key] = StaleJob(job, (*changes, *missing), upstream)
    _add_needed_again(plan, stale, outdir)
    return [stale[key] for key in plan.jobs if key in stale]


def _changes(
    job: Job, entry: Tree | None, outdir: Path, *, running: tuple[str, ...]
) -> Iterator[str]:
    """Yield what changes a job's products, but for the upstream rules that run anyway."""
    if entry is None:
        yield "not made yet"
        return
    yield from _record_reasons(entry["record"], job.record)
    yield from _version_reasons(entry.get(VERSIONS, {}), job.versions)
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


def _record_reasons(old: Tree, new: Tree) -> Iterator[str]:
    """Yield the differences between two records, but for the stamps of upstream jobs."""
    for path, before, after in _differences(old.get("parameters", {}), new["parameters"], ()):
        yield f"{'.'.join(path)} {_show(before)} → {_show(after)}"
    if old.get("inputs") != new["inputs"]:
        yield from _input_reasons(old.get("inputs", {}), new["inputs"])
    if old.get("code") != new["code"]:
        yield f"the code of {new['rule']} changed"


def _version_reasons(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Yield the libraries whose versions matter and are others."""
    for name, version in new.items():
        if old.get(name) != version:
            yield f"{name} {old.get(name, '(unknown)')} → {version}"


def _changed_upstream(old: Tree, new: Tree) -> list[str]:
    """Return the upstream rules whose products are not those that the job took."""
    before, now = old.get("upstream", {}), new["upstream"]
    return sorted(rule for rule in {*before, *now} if before.get(rule) != now.get(rule))


def _input_reasons(old: Tree, new: Tree) -> Iterator[str]:
    """Yield which inputs changed, and what in them."""
    for path, before, after in _differences(_by_chip(old), _by_chip(new), ()):
        if before is _MISSING:
            yield f"{' '.join(path)}: new"
        elif after is _MISSING:
            yield f"{' '.join(path)}: gone"
        elif path == ("decision",):
            yield f"decision {before} → {after}"
        else:
            yield f"{' '.join(path)} changed"


def _by_chip(inputs: Tree) -> Tree:
    """Key the chips by their number, so that a difference can name them."""
    return {
        key: {f"chip {chip['number']}": chip for chip in value} if key == "chips" else value
        for key, value in inputs.items()
    }


def _differences(
    old: object, new: object, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], object, object]]:
    """Yield path, old and new value of everything that differs between two trees."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(set(old) | set(new)):
            yield from _differences(
                old.get(key, _MISSING), new.get(key, _MISSING), (*path, str(key))
            )
    elif old != new or type(old) is not type(new):
        yield path, old, new


def _show(value: object) -> str:
    """Show a parameter's value as YAML would write it."""
    return "(none)" if value is _MISSING else json.dumps(value, ensure_ascii=False)
