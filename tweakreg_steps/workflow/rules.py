"""What the rules of the workflow say to Snakemake of the jobs of a plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tweakreg_steps.records.outdir_files import MANIFEST, PLAN, log_of
from tweakreg_steps.records.plan_file import PlannedJob
from tweakreg_steps.steps.declaration import Product, declared
from tweakreg_steps.steps.products import PSF
from tweakreg_steps.workflow.name_pattern import pattern_of_names

Start = Callable[[set[str]], object]
"""What is done when Snakemake asks for the first job: it has to make some files again, given as it
has them."""


Resource = Callable[["Wildcards", int], int]
"""Tells of a job, and of how many attempts it is by now, how much it needs."""


class Wildcards(Protocol):
    """What Snakemake hands to a function of a rule."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return names and values."""


@dataclass(frozen=True)
class RuleJob:
    """A job as Snakemake sees it.

    To Snakemake a job runs again when one runs whose product it takes. A job that is current
    is so although, so that those products are not named: they are made again as they were.

    Attributes
    ----------
    planned
        The job.
    products
        The products that it takes, if it has to run.
    settled
        Those that are there already and stay as they are, if it has not.
    is_stale
        Whether it has to run.
    """

    planned: PlannedJob
    products: Sequence[str]
    settled: Sequence[str]
    is_stale: bool


class Rules:
    """The rules of a workflow, for Snakemake to be told.

    Parameters
    ----------
    jobs
        The jobs that it is shown.
    outdir
        The output folder.
    folder
        The output folder as Snakemake has it, which is ``.`` where it works there.
    targets
        The products to make, relative to the output folder.
    clean
        Whether intermediate products are removed once nothing needs them any more.
    end
        What is to be done when all jobs are.
    start
        What is to be done when Snakemake asks for the first job; None where it runs all of them.
    """

    def __init__(
        self,
        jobs: Iterable[RuleJob],
        *,
        outdir: Path,
        folder: str,
        targets: Iterable[str],
        clean: bool,
        end: Callable[[], object],
        start: Start | None,
    ) -> None:
        self.outdir = outdir
        self.end = end
        self._start = start
        self._folder = folder
        self._clean = clean
        self._of_rule: dict[str, list[RuleJob]] = {}
        for job in jobs:
            self._of_rule.setdefault(job.planned.rule, []).append(job)
        self._by_wildcards = {
            (rule, frozenset(job.planned.wildcards.items())): job
            for rule, shown in self._of_rule.items()
            for job in shown
        }
        self.targets = [self._place(path) for path in targets]

    @property
    def workdir(self) -> str:
        """Where Snakemake works: a module leaves its host where it is."""
        return os.fspath(self.outdir) if self._folder == "." else os.fspath(Path.cwd())

    @property
    def planned(self) -> list[PlannedJob]:
        """The jobs, in the order of the plan within each rule."""
        return [job.planned for jobs in self._of_rule.values() for job in jobs]

    def inputs(self, rule: str) -> dict[str, Any]:
        """Return what a rule reads: the functions that give a job's products and other files.

        What makes a job stale is its ticket, and never the time of a file.
        """
        from snakemake.io import ancient

        def products(wildcards: Wildcards) -> list[str]:
            self._force_stale()
            job = self._job(rule, wildcards)
            return [*map(self._place, job.products)] if job else []

        def settled(wildcards: Wildcards) -> list[str]:
            job = self._job(rule, wildcards)
            return [*map(self._place, job.settled)] if job else []

        def files(wildcards: Wildcards) -> list[str]:
            job = self._job(rule, wildcards)
            return [*map(self._place_of_file, _files(job.planned))] if job else []

        return {"products": products, "settled": ancient(settled), "files": ancient(files)}

    def _force_stale(self) -> None:
        """Have Snakemake run the stale jobs whose products are there.

        It learns that by the change of a ticket only where it has done the job itself before.
        """
        start, self._start = self._start, None
        if start is not None:
            jobs = (job for shown in self._of_rule.values() for job in shown if job.is_stale)
            files = (path for job in jobs for path in job.planned.writes.values())
            start({self._place(path) for path in files if (self.outdir / path).is_file()})

    def outputs(self, rule: str) -> dict[str, Any]:
        """Return the products of a rule, by what its step calls them."""
        first, *_ = self._of_rule.get(rule, [None])
        if first is None:
            return {}
        kinds = {port: Product(**kind) for port, kind in first.planned.products.items()}
        return {
            port: self._flagged(kind, self._pattern(first.planned, port, kind))
            for port, kind in kinds.items()
        }

    def _pattern(self, job: PlannedJob, port: str, product: Product) -> str | list[str]:
        """Return the place of a product: a pattern where the rule has many jobs."""
        if job.wildcards:
            return self._place(product.pattern)
        if port in job.writes:
            return self._place(job.writes[port])
        return [self._place(p) for key, p in job.writes.items() if key.startswith(f"{port}.")]

    def _flagged(self, product: Product, path: str | list[str]) -> Any:  # noqa: ANN401
        """Mark a product as one to be removed, or to be shown in a report."""
        from snakemake.io import report, temp

        if product.is_intermediate and self._clean:
            return temp(path)
        if product.category and isinstance(path, str):
            return report(path, category=product.category)
        return path

    def log(self, rule: str) -> str:
        """Return the pattern of a rule's logs."""
        return self._place(log_of(rule, (f"{{{name}}}" for name in self._wildcards(rule))))

    def constraints(self, rule: str) -> dict[str, str]:
        """Return the patterns of what the wildcards of a rule may stand for."""
        jobs = self._of_rule.get(rule, [])
        return {
            name: pattern_of_names(job.planned.wildcards[name] for job in jobs)
            for name in self._wildcards(rule)
        }

    def _wildcards(self, rule: str) -> list[str]:
        """Return the names of the wildcards of a rule."""
        jobs = self._of_rule.get(rule, [])
        return list(jobs[0].planned.wildcards) if jobs else []

    def job(self, rule: str) -> Callable[[Wildcards], list[str]]:
        """Return the function that gives the words which a rule's step is called with."""

        def words(wildcards: Wildcards) -> list[str]:
            job = self._job(rule, wildcards)
            return [self._folder, *job.planned.key, job.planned.ticket] if job else []

        return words

    def _job(self, rule: str, wildcards: Wildcards) -> RuleJob | None:
        """Return the job of a rule for some wildcards."""
        return self._by_wildcards.get((rule, frozenset(wildcards.items())))

    @property
    def measuring_group(self) -> str:
        """The group of what comes behind the search for sources.

        Where a PSF is built of what was found in all exposures, no group may span that.
        """
        psf = declared(PSF)
        has_psf = any(
            kind == psf
            for jobs in self._of_rule.values()
            for job in jobs
            for kind in job.planned.products.values()
        )
        return "measure" if has_psf else "find"

    def resources(self, rule: str) -> dict[str, Resource]:
        """Return what the jobs of a rule need, as functions: more at each attempt.

        Memory in MB, and how long a job may take in minutes.
        """

        def mem_mb(wildcards: Wildcards, attempt: int) -> int:
            job = self._job(rule, wildcards)
            return job.planned.mem_mb * attempt if job else 0

        def runtime(wildcards: Wildcards, attempt: int) -> int:
            job = self._job(rule, wildcards)
            return job.planned.runtime * attempt if job else 0

        return {"mem_mb": mem_mb, "runtime": runtime}

    def _place(self, path: str) -> str:
        """Return a path as Snakemake has it, given it relative to the output folder."""
        return os.path.normpath(os.path.join(self._folder, path))  # noqa: PTH118  a pattern

    def _place_of_file(self, path: str) -> str:
        """Return the path of a user's file as Snakemake has it, given it as `_place` is.

        The output folder may have been named by a link, from which no way leads to that file.
        """
        if self._folder == "." or os.path.isabs(path):  # noqa: PTH117  of each job
            return os.path.normpath(path)
        return os.path.relpath(os.path.join(self.outdir, path))  # noqa: PTH118


def _files(job: PlannedJob) -> Iterator[str]:
    """Yield the user's files and exposures that a job reads."""
    own = (path for path in job.files.values() if path not in (MANIFEST, PLAN))
    yield from dict.fromkeys([*own, *job.originals.values()])
