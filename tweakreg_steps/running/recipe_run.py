"""A run of a recipe, from the look at its files to the table at its end."""

from __future__ import annotations

import sys
from pathlib import Path

from tweakreg_steps.printable import printable_line
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.records.ledger_file import gather_notes
from tweakreg_steps.records.product_cache import cache_problem, make_shared
from tweakreg_steps.running.cluster_run import profile_folder
from tweakreg_steps.running.leftovers import clean_outdir
from tweakreg_steps.running.locking import hold_outdir
from tweakreg_steps.running.run_ending import end_run
from tweakreg_steps.running.run_story import read_outcomes, write_story
from tweakreg_steps.running.stale_run import run_stale
from tweakreg_steps.running.step_server import Prepare
from tweakreg_steps.workflow.blocked_jobs import (
    blocked_jobs,
    describe_blocked,
    require_measurable,
)
from tweakreg_steps.workflow.gathered_logs import gather_logs
from tweakreg_steps.workflow.notes import say_notes
from tweakreg_steps.workflow.obsolete import remove_intermediates, say_removed
from tweakreg_steps.workflow.outdir import prepare_outdir, release
from tweakreg_steps.workflow.ownership import claim_products
from tweakreg_steps.workflow.project import Project, open_project


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
        say_removed(project)
        project.write_state([job.job for job in project.stale])
        _warn_of_cache(recipe)
        if project.stale:
            before = read_outcomes(project.outdir)
            prepare(dict.fromkeys(job.job.rule for job in project.stale))
            run_stale(project, project.stale, cores=cores, profile=profile, quiet=quiet)
            write_story(project, file, before)
        else:  # what a run left that was killed, and the times that were found new since
            gather_notes(project.outdir, {})
            gather_logs(project.plan, project.outdir, project.tickets)
            if not quiet:
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
