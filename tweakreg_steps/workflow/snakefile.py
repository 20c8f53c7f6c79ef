"""What the Snakefile asks: the rules' inputs, outputs and parameters, as the plan has them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.composition import read_recipe_source
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.records.outdir_files import SUMMARY, log_of
from tweakreg_steps.resources import provide_step_command
from tweakreg_steps.steps import all_steps
from tweakreg_steps.steps.declaration import Product
from tweakreg_steps.steps.products import PSF
from tweakreg_steps.workflow.blocked_jobs import require_measurable
from tweakreg_steps.workflow.jobs import Job, JobKey
from tweakreg_steps.workflow.obsolete import remove_obsolete
from tweakreg_steps.workflow.outdir import prepare_outdir
from tweakreg_steps.workflow.ownership import files_of_jobs, require_products
from tweakreg_steps.workflow.project import Project, open_project


class Wildcards(Protocol):
    """What Snakemake hands to a function of a rule."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return names and values."""


class Workflow(Protocol):
    """What the Snakefile knows of the Snakemake workflow that it is read into."""

    configfiles: list[Path]
    modifier: Any
    is_main_process: bool


class Rules:
    """The rules of a project, for Snakemake to be told.

    Parameters
    ----------
    project
        The project.
    folder
        The output folder as Snakemake has it, which is ``.`` where it works there.
    jobs
        The jobs that it is shown.
    """

    def __init__(self, project: Project, folder: str, jobs: Iterable[JobKey]) -> None:
        self._project = project
        self._folder = folder
        self._of_rule: dict[str, list[Job]] = {}
        for key in jobs:
            self._of_rule.setdefault(key[0], []).append(project.plan.jobs[key])
        self._by_wildcards = {
            (rule, frozenset(job.wildcards.items())): job
            for rule, jobs in self._of_rule.items()
            for job in jobs
        }

    @property
    def workdir(self) -> str:
        """Where Snakemake works: a module leaves its host where it is."""
        return os.fspath(self._project.outdir) if self._folder == "." else os.fspath(Path.cwd())

    @property
    def targets(self) -> list[str]:
        """The products to make."""
        plan = self._project.plan
        shown = {path for jobs in self._of_rule.values() for job in jobs for path in job.outputs}
        return [self._place(path) for path in plan.targets if path in shown]

    def inputs(self, rule: str) -> dict[str, Any]:
        """Return what a rule reads: the functions that give a job's products and other files.

        What makes a job stale is its ticket, and never the time of a file.
        """
        from snakemake.io import ancient

        def products(wildcards: Wildcards) -> list[str]:
            return list(self._products(self._job(rule, wildcards), stale=True))

        def settled(wildcards: Wildcards) -> list[str]:
            return list(self._products(self._job(rule, wildcards), stale=False))

        def files(wildcards: Wildcards) -> list[str]:
            return list(self._files(self._job(rule, wildcards)))

        return {"products": products, "settled": ancient(settled), "files": ancient(files)}

    def _products(self, job: Job | None, *, stale: bool) -> Iterator[str]:
        """Yield the products that a job reads, if it is stale, or if it is not.

        To Snakemake a job runs again when one runs whose product it takes. A job that is current
        is so although, so that those products are not named: they are made again as they were.
        """
        if job is None or (job.key in self._stale) is not stale:
            return
        makers = self._project.plan.makers
        for path in job.reads.values():
            if stale or makers[path] not in self._stale:
                yield self._place(path)

    def _files(self, job: Job | None) -> Iterator[str]:
        """Yield the user's files and exposures that a job reads."""
        if job is not None:
            for file in dict.fromkeys([*job.files.values(), *job.originals.values()]):
                yield self._place(self._project.relative(file))

    @cached_property
    def _stale(self) -> frozenset[JobKey]:
        """The jobs that have to run."""
        return frozenset(job.job.key for job in self._project.stale)

    def outputs(self, rule: str) -> dict[str, Any]:
        """Return the products of a rule, by what its step calls them."""
        first, *_ = self._of_rule.get(rule, [None])
        if first is None:
            return {}
        return {
            port: self._flagged(product, self._pattern(first, port, product))
            for port, product in first.products.items()
        }

    def _pattern(self, job: Job, port: str, product: Product) -> str | list[str]:
        """Return the place of a product: a pattern where the rule has many jobs."""
        if job.wildcards:
            return self._place(product.pattern)
        if port in job.writes:
            return self._place(job.writes[port])
        return [self._place(p) for key, p in job.writes.items() if key.startswith(f"{port}.")]

    def _flagged(self, product: Product, path: str | list[str]) -> Any:  # noqa: ANN401
        """Mark a product as one to be removed, or to be shown in a report."""
        from snakemake.io import report, temp

        if product.is_intermediate and self._project.plan.clean:
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
            name: "|".join(map(re.escape, dict.fromkeys(job.wildcards[name] for job in jobs)))
            for name in self._wildcards(rule)
        }

    def _wildcards(self, rule: str) -> list[str]:
        """Return the names of the wildcards of a rule."""
        jobs = self._of_rule.get(rule, [])
        return list(jobs[0].wildcards) if jobs else []

    def job(self, rule: str) -> Callable[[Wildcards], list[str]]:
        """Return the function that gives the words which a rule's step is called with."""

        def words(wildcards: Wildcards) -> list[str]:
            job = self._job(rule, wildcards)
            return [self._folder, *job.key, self._project.tickets[job.key]] if job else []

        return words

    def _job(self, rule: str, wildcards: Wildcards) -> Job | None:
        """Return the job of a rule for some wildcards."""
        return self._by_wildcards.get((rule, frozenset(wildcards.items())))

    @property
    def measuring_group(self) -> str:
        """The group of what comes behind the search for sources.

        Where a PSF is built of what was found in all exposures, no group may span that.
        """
        has_psf = any(
            product == PSF
            for jobs in self._of_rule.values()
            for job in jobs
            for product in job.products.values()
        )
        return "measure" if has_psf else "find"

    def mem_mb(self, rule: str) -> int:
        """Return how much memory a job of a rule needs, in MB."""
        return all_steps()[rule].mem_mb

    def runtime(self, rule: str) -> int:
        """Return how long a job of a rule may take, in minutes."""
        return all_steps()[rule].runtime

    def begin(self) -> None:
        """Remove what the recipe does not make any more; Snakemake is about to run jobs."""
        remove_obsolete(self._project)

    def _place(self, path: str) -> str:
        """Return a path as Snakemake has it, given it relative to the output folder."""
        return os.path.normpath(os.path.join(self._folder, path))  # noqa: PTH118  a pattern


_handed_over: ContextVar[tuple[Project, list[JobKey]] | None] = ContextVar("handed", default=None)
"""The project of a run in this process, for the Snakefile that Snakemake reads in it."""


@contextmanager
def handing_over(project: Project, jobs: Iterable[JobKey]) -> Iterator[None]:
    """Have the Snakefile work on a project that is open already, and on some of its jobs alone.

    What the other jobs make is there, and to Snakemake a file like any other.
    """
    token = _handed_over.set((project, list(jobs)))
    try:
        yield
    finally:
        _handed_over.reset(token)


def open_workflow(config: dict[str, Any], workflow: Workflow) -> Rules:
    """Return the rules of a Snakemake configuration, ready to run.

    In a run of ``tweakreg`` they are those of the project that was handed over.

    Parameters
    ----------
    config
        Snakemake's ``config``, which is a recipe.
    workflow
        Snakemake's ``workflow``: this one, or one that has this one as a module.

    Raises
    ------
    RecipeError
        Snakemake is to move the products: steps that speak of all images would not find them.
    InputError
        As `open_project`.
    """
    provide_step_command()
    if _moves_products(workflow):
        raise RecipeError(
            "the products of this workflow cannot be moved by prefix, replace_prefix or a default "
            "storage; set outdir in its config instead"
        )
    handed_over = _handed_over.get()
    if handed_over:
        return Rules(handed_over[0], ".", handed_over[1])
    project = _project_from_config(config, workflow.configfiles)
    is_module = workflow.modifier.parent_modifier is not None
    folder = os.path.relpath(project.outdir) if is_module else "."
    if workflow.is_main_process:
        _prepare(project)
    return Rules(project, folder, project.plan.jobs)


def _prepare(project: Project) -> None:
    """See that a project can run, and write what its steps need to know."""
    prepare_outdir(project.outdir)
    require_measurable(project.stale, project.findings, in_place=project.recipe.header["in_place"])
    require_products(project, files_of_jobs(project, (job.job for job in project.stale)))
    project.write_state(list(project.plan.jobs.values()))


def _moves_products(workflow: Workflow) -> bool:
    """Tell whether Snakemake gives products other names than the rules do."""
    modifier = workflow.modifier
    prefixed = str(modifier.modify_path(SUMMARY)) != SUMMARY
    return prefixed or bool(modifier.path_modifier.modifies_prefixes)


def _project_from_config(config: dict[str, Any], configfiles: list[Path]) -> Project:
    """Open the project of a Snakemake configuration.

    The recipe file is read again, because Snakemake reads numbers as YAML 1.1 has them; what
    ``--config`` laid over it is laid over it here, too. A module may be given a section of the
    file, or what it likes, as its recipe. Without a file, paths are relative to the working
    directory.
    """
    if len(configfiles) != 1:
        return open_project(complete(config, source=None, file=Path.cwd() / "recipe.yaml"))
    import yaml

    path = Path(configfiles[0])
    plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    section = next((key for key, value in plain.items() if value == config), None)
    if section is not None:
        source = read_recipe_source(path, section)
        return open_project(complete(source.value, source=source, file=path))
    if not plain.keys() <= config.keys():
        return open_project(complete(config, source=None, file=path))
    source = read_recipe_source(path)
    overrides = {k: v for k, v in config.items() if k not in plain or plain[k] != v}
    return open_project(complete(merge(source.value, overrides), source=source, file=path))
