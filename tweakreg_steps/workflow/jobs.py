"""The jobs of a plan, each with a record of everything its products depend on.

A job's record holds the parameters its step consumes, digests of the inputs it reads, a digest of
the code of its step, and the stamps of the jobs whose products it takes, with their names and the
digests of all parameters that they depend on. The record is the step's only source of parameters;
its digest is the job's stamp. So a job is stale exactly when its record differs from the one its
products were made with, whatever the times of the files say.

Where a job takes a product that counts by its content, a digest of that content stands in the
place of its maker's stamp. While that is not known, the stamps that depend on it are not, either;
a step fills them in from the ledger when it begins (see `tweakreg_steps.records.upstream`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tweakreg_steps.records.canonical import canonical_json, digest
from tweakreg_steps.records.job_record import JobRecord
from tweakreg_steps.records.outdir_files import log_of, log_of_image
from tweakreg_steps.records.statement import image_of_job
from tweakreg_steps.steps.declaration import Per, Product, Step
from tweakreg_steps.steps.subject import ALL

JobKey = tuple[str, str]
"""Rule and name of a job."""


@dataclass(frozen=True, repr=False, slots=True)
class Job:
    """One job of the plan.

    Attributes
    ----------
    step
        Its step.
    key
        Rule and name: what identifies the job.
    record
        Everything that its products depend on.
    reads
        The products it takes, relative to the output folder, by what the step calls them.
    writes
        The products it makes; of one of many, the name of its image stands behind a dot.
    products
        The kinds of these products, by what the step calls them.
    upstream
        The jobs whose products it takes.
    files
        Files of the user's that it reads, by what the records call their digests; absolute.
    originals
        The user's exposures that it reads, by the images' names; absolute.
    wildcards
        The wildcards of the names of its products.
    versions
        Versions of the libraries that it has to be done with; empty where they do not matter.
        They are no part of the stamp: each job is judged by those that its own products were
        made with.
    """

    step: Step
    key: JobKey
    record: JobRecord
    reads: Mapping[str, str]
    writes: Mapping[str, str]
    products: Mapping[str, Product]
    upstream: tuple[JobKey, ...]
    files: Mapping[str, Path]
    originals: Mapping[str, Path]
    wildcards: Mapping[str, str]
    versions: Mapping[str, str]

    @property
    def rule(self) -> str:
        """The name of the rule."""
        return self.key[0]

    @property
    def name(self) -> str:
        """What it works on: an image, ``<image>.<chip>``, or ``all``."""
        return self.key[1]

    @property
    def image(self) -> str:
        """The image it works on, without its chip, or ``all``."""
        return image_of_job(self.record)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Its products, relative to the output folder."""
        return tuple(self.writes.values())

    @property
    def intermediates(self) -> tuple[str, ...]:
        """Its products that nothing but other jobs reads."""
        ports = {port for port, product in self.products.items() if product.is_intermediate}
        return tuple(p for key, p in self.writes.items() if key.partition(".")[0] in ports)

    @property
    def log(self) -> str:
        """Where it writes what it has to say, relative to the output folder."""
        return log_of(self.rule, self.wildcards.values())

    @property
    def gathered_log(self) -> str:
        """Where that is when the run is over: with that of the other jobs on the image."""
        is_of_image = self.step.per in (Per.IMAGE, Per.CHIP, Per.OTHER)
        return log_of_image(self.image) if is_of_image else log_of(self.rule, ())

    @property
    def text(self) -> str:
        """The record as canonical JSON."""
        return canonical_json(self.record)

    @property
    def stamp(self) -> str | None:
        """The digest of the record; None while something in it is not known."""
        return None if None in self.record["upstream"].values() else digest(self.record)


@dataclass(repr=False)
class WorkPlan:
    """The jobs, in an order in which they can run.

    Attributes
    ----------
    jobs
        The jobs by rule and name.
    stamps
        Their stamps; of a job whose product counts by its content, a digest of that. None where
        it is not known yet.
    makers
        The job that makes each product.
    clean
        Whether intermediate products are removed once nothing needs them any more.
    user_files
        The user's files by image, ``all`` for those of no image, and by what records call them:
        for messages.
    """

    jobs: dict[JobKey, Job] = field(default_factory=dict)
    stamps: dict[JobKey, str | None] = field(default_factory=dict)
    makers: dict[str, JobKey] = field(default_factory=dict)
    clean: bool = False
    user_files: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)

    def maker_of(self, product: str) -> JobKey:
        """Return the job that makes a product, relative to the output folder."""
        return self.makers[product]

    @property
    def outputs(self) -> list[str]:
        """The products of all jobs."""
        return [output for job in self.jobs.values() for output in job.outputs]

    @property
    def intermediates(self) -> set[str]:
        """The intermediate products of all jobs."""
        return {path for job in self.jobs.values() for path in job.intermediates}

    @property
    def targets(self) -> list[str]:
        """The products to make: all but those to be removed."""
        removed = self.intermediates if self.clean else set()
        return [path for path in self.outputs if path not in removed]

    def files_of(self, name: str) -> Iterable[tuple[str, Path]]:
        """Return the user's files of an image, or of ``all``, with what records call them."""
        return self.user_files.get(name, {}).items()

    def only(self, keys: Iterable[JobKey]) -> WorkPlan:
        """Return the plan of some of the jobs, each with its record as it is here."""
        jobs = {key: self.jobs[key] for key in keys}
        return replace(self, jobs=jobs, stamps={key: self.stamps[key] for key in jobs})


__all__ = ["ALL", "Job", "JobKey", "WorkPlan"]
