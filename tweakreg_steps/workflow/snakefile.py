"""What the Snakefile asks for: the rules of a recipe's plan, wherever it is read.

On another machine, where Snakemake reads the Snakefile again to run a job, they are those of the
jobs that were sent there, from the frozen plan; this module imports nothing that takes time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.records.outdir_files import PLAN, SUMMARY
from tweakreg_steps.records.plan_file import digest_of_plan, read_sent_jobs
from tweakreg_steps.resources import provide_step_command
from tweakreg_steps.steps import module_names
from tweakreg_steps.workflow.folder_lock import lock_for_jobs
from tweakreg_steps.workflow.rules import RuleJob, Rules
from tweakreg_steps.workflow.sent_plans import VARIABLE, SentPlan, send_plan, sent_plan

if TYPE_CHECKING:
    from tweakreg_steps.recipes.recipe import Recipe
    from tweakreg_steps.recipes.schema import Tree
    from tweakreg_steps.workflow.jobs import JobKey
    from tweakreg_steps.workflow.project import Project

_TARGETS = "--target-jobs"


class Workflow(Protocol):
    """What the Snakefile knows of the Snakemake workflow that it is read into."""

    configfiles: list[Path]
    overwrite_workdir: str | Path | None
    modifier: Any
    is_main_process: bool
    executor_plugin: Any
    dryrun: bool
    touch: bool
    dag: Any

    def register_envvars(self, *names: str) -> None:
        """Have environment variables handed on with every job."""


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

    In a run of ``tweakreg`` they are those of the project that was handed over; for a job that was
    sent elsewhere, those of its own record.

    Parameters
    ----------
    config
        Snakemake's ``config``, which is a recipe.
    workflow
        Snakemake's ``workflow``: this one, or one that has this one as a module.

    Raises
    ------
    RecipeError
        Snakemake is to move the products: steps that speak of all images would not find them. Two
        modules have the same output folder, it cannot name that of a module, or it is told to work
        in another. Or the plan is not the one that the job was sent for.
    InputError
        As `tweakreg_steps.workflow.project.open_project`.
    """
    provide_step_command()
    if _moves_products(workflow):
        raise RecipeError(
            "the products of this workflow cannot be moved by prefix, replace_prefix or a default "
            "storage; set outdir in its config instead"
        )
    if not workflow.is_main_process:
        return _sent_rules(config, workflow)
    from tweakreg_steps.workflow.obsolete import say_removed
    from tweakreg_steps.workflow.project_rules import prepared_project, rules_of

    handed_over = _handed_over.get()
    project = handed_over[0] if handed_over else prepared_project(config, workflow.configfiles)
    jobs = handed_over[1] if handed_over else project.plan.jobs
    _require_own_outdir(project.recipe, workflow)
    folder = _folder(project.recipe, workflow)
    _require_workdir(project.outdir, folder, workflow)
    digest = digest_of_plan(project.outdir / PLAN)
    send_plan(config, SentPlan(project.outdir, digest, folder))
    workflow.register_envvars(VARIABLE)

    def start(stale: set[str]) -> None:
        workflow.dag.forcefiles.update(stale)
        if _does_work(workflow):
            _hold(project.outdir, workflow)
            say_removed(project)

    return rules_of(
        project,
        jobs,
        folder=folder,
        start=None if handed_over else start,
    )


def _sent_rules(config: dict[str, Any], workflow: Workflow) -> Rules:
    """Return the rules of the jobs that Snakemake was sent to this machine for."""
    sent = sent_plan(config)
    rules = {workflow.modifier.modify_rulename(rule): rule for rule in module_names()}
    wanted = [
        (rules[spec.rulename], spec.wildcards_dict)
        for spec in target_jobs()
        if spec.rulename in rules
    ]
    jobs = [
        RuleJob(job, products=list(job.reads.values()), settled=(), is_stale=True)
        for job in read_sent_jobs(sent.outdir / PLAN, sent.digest, wanted)
    ]
    return Rules(
        jobs,
        outdir=sent.outdir,
        folder=sent.folder,
        targets=(),
        clean=False,
        end=lambda: None,
        start=None,
    )


def target_jobs() -> list[Any]:
    """Return what Snakemake was sent to this machine for: rules with their wildcards.

    It knows that itself only when it has read the Snakefile; till then it is read from the command
    line, which a job that is sent always has.
    """
    from snakemake.target_jobs import parse_target_jobs_cli_args
    from snakemake_interface_executor_plugins.utils import maybe_base64

    if _TARGETS not in sys.argv:
        return []
    behind = sys.argv[sys.argv.index(_TARGETS) + 1 :]
    words = list(takewhile(lambda word: not word.startswith("--"), behind))
    found: list[Any] = maybe_base64(parse_target_jobs_cli_args)(words)
    return found


def _folder(recipe: Recipe, workflow: Workflow) -> str:
    """Return the output folder as Snakemake has it: that of a module as its recipe names it.

    Raises
    ------
    RecipeError
        A module's folder has a name that Snakemake takes for its own.
    """
    if workflow.modifier.parent_modifier is None:
        return "."
    from tweakreg_steps.surveying.path_braces import has_placeholder

    named = os.path.normpath(recipe.base / recipe.named_outdir)
    if Path(named).resolve() != recipe.outdir:  # through a link and back
        named = os.fspath(recipe.outdir)
    folder = named if recipe.named_outdir.is_absolute() else os.path.relpath(named)
    if has_placeholder(folder):
        raise RecipeError(
            f"outdir: {folder}: a module's products are called by this folder, too, and Snakemake "
            "takes braces in a path for a placeholder, and a name in angle brackets as well; "
            "choose another outdir"
        )
    return folder


def _require_own_outdir(recipe: Recipe, workflow: Workflow) -> None:
    """Refuse two modules of one Snakefile that would write into one folder.

    Raises
    ------
    RecipeError
        Another module has this folder.
    """
    folders: dict[Path, Tree] = vars(workflow).setdefault("tweakreg_outdirs", {})
    if folders.setdefault(recipe.outdir, recipe.values) != recipe.values:
        raise RecipeError(
            f"outdir: {recipe.outdir}: another module of this Snakefile has the same folder; give "
            "each an outdir of its own in its config"
        )


def _hold(outdir: Path, workflow: Workflow) -> None:
    """Hold the output folder as long as Snakemake works.

    Raises
    ------
    LockedError
        Another run holds it.
    """
    locks: dict[Path, TextIO] = vars(workflow).setdefault("tweakreg_locks", {})
    if outdir not in locks:
        locks[outdir] = lock_for_jobs(outdir)


def _require_workdir(outdir: Path, folder: str, workflow: Workflow) -> None:
    """Refuse to work in another folder than the output folder, unless this is a module.

    Raises
    ------
    RecipeError
        Snakemake was given another.
    """
    given = workflow.overwrite_workdir
    if given is None or folder != ".":
        return
    if outdir not in (Path.cwd().resolve(), Path(given).resolve()):
        raise RecipeError(
            f"--directory {given}: the products of this workflow are in its outdir, {outdir}, and "
            "Snakemake works there; leave --directory out, or set outdir"
        )


def _does_work(workflow: Workflow) -> bool:
    """Tell whether Snakemake is about to run jobs, and not only to tell or show something.

    It calls no `onstart` of a module, and none at all where no job is left.
    """
    is_run = workflow.executor_plugin is not None
    return is_run and not workflow.dryrun and not workflow.touch


def _moves_products(workflow: Workflow) -> bool:
    """Tell whether Snakemake gives products other names than the rules do."""
    modifier = workflow.modifier
    prefixed = str(modifier.modify_path(SUMMARY)) != SUMMARY
    return prefixed or bool(modifier.path_modifier.modifies_prefixes)
