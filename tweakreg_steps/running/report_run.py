"""The pages of a run alone: written again from its products, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.running.leftovers import clean_outdir
from tweakreg_steps.running.locking import hold_outdir
from tweakreg_steps.running.stale_run import run_stale
from tweakreg_steps.running.step_server import Prepare
from tweakreg_steps.steps.products import REPORT_PRODUCTS, RUN_PAGE
from tweakreg_steps.workflow.jobs import JobKey
from tweakreg_steps.workflow.outdir import prepare_outdir, release
from tweakreg_steps.workflow.ownership import claim_products
from tweakreg_steps.workflow.project import Project, open_project
from tweakreg_steps.workflow.staleness import StaleJob


def write_report(recipe: Recipe, file: Path, *, cores: int, prepare: Prepare) -> Path:
    """Bring the pages of a finished run up to date, and return that of the run.

    Parameters
    ----------
    recipe
        The recipe, complete; the pages are written whatever its ``report`` says.
    file
        Where it was read from.
    cores
        How many jobs may run at once.
    prepare
        Tells the warm process which steps it will be asked for.

    Raises
    ------
    InputError
        The products are not what the recipe asks for: the pages would show something else.
    """
    wanted = replace(recipe, values={**recipe.values, "report": True})
    prepare_outdir(recipe.outdir)
    with hold_outdir(recipe.outdir), clean_outdir(recipe.outdir):
        project = open_project(wanted)
        stale = _stale_pages(project, file)
        if stale:
            jobs = [job.job for job in stale]
            claim_products(project, jobs)
            project.write_state(jobs)
            prepare(dict.fromkeys(job.rule for job in jobs))
            run_stale(project, stale, cores=cores, profile=None, quiet=False)
            release(project.outdir)
    return recipe.outdir / RUN_PAGE.path()


def _stale_pages(project: Project, file: Path) -> list[StaleJob]:
    """Return the jobs of the pages that have to run; refuse if what they show has to be made."""
    needed = _needed(project)
    stale = [job for job in project.stale if job.job.key in needed]
    pages = [job for job in stale if set(job.job.products.values()) <= set(REPORT_PRODUCTS)]
    before = [job for job in stale if job not in pages]
    if before:
        reasons = "\n".join(
            f"{job.job.rule} {job.job.name}: {'; '.join(job.reasons)}" for job in before
        )
        raise InputError(
            f"{reasons}\nthe report would not show what the recipe asks for; first: "
            f"tweakreg run {file}"
        )
    return pages


def _needed(project: Project) -> set[JobKey]:
    """Return the jobs on which the page of the run depends, and its own."""
    needed: set[JobKey] = set()
    pending = [project.plan.maker_of(RUN_PAGE.path())]
    while pending:
        key = pending.pop()
        if key not in needed:
            needed.add(key)
            pending += project.plan.jobs[key].upstream
    return needed
