"""A run of a recipe, from the look at its files to the table at its end."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.printable import printable_line
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.records.ledger import read_entry, refresh_times
from tweakreg_steps.records.outdir_files import ledger_of
from tweakreg_steps.records.product_cache import cache_problem, make_shared
from tweakreg_steps.running.cluster_run import profile_folder
from tweakreg_steps.running.leftovers import clean_outdir
from tweakreg_steps.running.locking import hold_outdir
from tweakreg_steps.running.run_ending import end_run
from tweakreg_steps.running.run_log import finding_warnings, indented_log, write_run_log
from tweakreg_steps.running.run_story import read_outcomes, write_story
from tweakreg_steps.running.step_server import Prepare
from tweakreg_steps.workflow.blocked_jobs import (
    blocked_jobs,
    describe_blocked,
    require_measurable,
)
from tweakreg_steps.workflow.notes import say_notes
from tweakreg_steps.workflow.obsolete import remove_intermediates, remove_obsolete
from tweakreg_steps.workflow.outdir import prepare_outdir, release
from tweakreg_steps.workflow.ownership import claim_products
from tweakreg_steps.workflow.project import Project, open_project
from tweakreg_steps.workflow.staleness import StaleJob

_SHOWN = 10
"""Warnings that are shown."""


def run_recipe(
    recipe: Recipe,
    file: Path,
    *,
    cores: int,
    profile: Path | None,
    prepare: Prepare,
    quiet: bool,
    as_json: bool,
) -> int:
    """Run a recipe and print the table; return the exit status.

    Parameters
    ----------
    recipe
        The recipe, complete.
    file
        Where it was read from.
    cores
        How many jobs may run at once.
    profile
        Folder of a Snakemake profile, or None.
    prepare
        Tells the warm process which steps it will be asked for.
    quiet
        Whether to say nothing of the progress, and nothing that is only a warning.
    as_json
        Whether to print the table for programs.
    """
    profile = profile_folder(profile)
    prepare_outdir(recipe.outdir)
    with hold_outdir(recipe.outdir), clean_outdir(recipe.outdir):
        project = open_project(recipe)
        if _restore_inputs(project):
            project = open_project(recipe)
        say_notes(project)
        claim_products(project, [job.job for job in project.stale])
        sys.stderr.writelines(f"{printable_line(one.text)}\n" for one in remove_obsolete(project))
        project.write_state([job.job for job in project.stale])
        _warn_of_cache(recipe)
        before = read_outcomes(project.outdir)
        if project.stale:
            prepare(dict.fromkeys(job.job.rule for job in project.stale))
            _run_stale(project, project.stale, cores=cores, profile=profile, quiet=quiet)
            write_story(project, file, before)
        elif not quiet:
            sys.stderr.write("nothing to do: everything is up to date\n")
        release(project.outdir)
        if project.plan.clean:
            remove_intermediates(project)
        return end_run(project, file, quiet=quiet, as_json=as_json)


def _restore_inputs(project: Project) -> bool:
    """Put back the inputs that must be measured again, where the recipe writes in place.

    Elsewhere that is for the user to say, and the run is refused.
    """
    in_place = project.recipe.header["in_place"]
    if not in_place:
        require_measurable(project.stale, project.findings, in_place=in_place)
        return False
    blocked = blocked_jobs(project.stale, project.findings, in_place=in_place)
    if not blocked:
        return False
    from tweakreg_steps.applying.restoring import restore_originals

    sys.stderr.writelines(f"{text}: restoring it\n" for text in describe_blocked(blocked))
    restored = list(restore_originals(project.outdir, only=frozenset(blocked)))
    return bool(restored)


def _warn_of_cache(recipe: Recipe) -> None:
    """Say on stderr where the recipe's cache cannot be used."""
    folder = recipe.file("cache")
    if folder and recipe.values["shared_cache"]:
        make_shared(folder)
    problem = cache_problem(folder) if folder else None
    if problem:
        sys.stderr.write(f"tweakreg: warning: {printable_line(problem)}\n")


def _run_stale(
    project: Project,
    stale: list[StaleJob],
    *,
    cores: int,
    profile: Path | None,
    quiet: bool,
) -> None:
    """Run some stale jobs, telling how far they are; gather the log whatever happens."""
    from tweakreg_steps.running.run_progress import show_progress
    from tweakreg_steps.running.snakemake_run import run_workflow

    def details(log: str) -> str:
        return indented_log(project.outdir / log) if project.values["verbose"] else ""

    jobs = [job.job for job in stale]
    try:
        with show_progress(total=len(stale), details=details, quiet=quiet) as listener:
            run_workflow(project, stale, cores=cores, profile=profile, listener=listener)
    except BaseException:
        with suppress(JobFailedError):  # why the run failed is the news
            write_run_log(project, jobs)
        raise
    write_run_log(project, jobs)
    if not quiet:
        _say_warnings(
            list(dict.fromkeys(finding_warnings(project, jobs))), project.values["runfile"]
        )
    for job in jobs:  # Snakemake has touched what they made
        path = project.outdir / ledger_of(*job.key)
        entry = read_entry(path)
        if entry and entry["ticket"] == project.tickets[job.key]:
            refresh_times(path, entry, project.outdir)


def _say_warnings(warnings: list[str], runfile: str) -> None:
    """Say on stderr what the search for sources warned of."""
    sys.stderr.writelines(f"tweakreg: warning: {text}\n" for text in warnings[:_SHOWN])
    if len(warnings) > _SHOWN:
        sys.stderr.write(f"tweakreg: and {len(warnings) - _SHOWN} more warnings in {runfile}\n")
