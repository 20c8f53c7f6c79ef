"""``tweakreg run``: make whatever is not up to date."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import suppress
from pathlib import Path

from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.cli.show import print_summary
from tweakreg_steps.errors import JobFailedError, RecipeError
from tweakreg_steps.planning.blocked_jobs import (
    blocked_jobs,
    describe_blocked,
    require_measurable,
)
from tweakreg_steps.planning.project import Project, open_project
from tweakreg_steps.planning.staleness import StaleJob, stale_jobs
from tweakreg_steps.printable import printable_line
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.reviewing.waiting import describe_waiting, waiting_images
from tweakreg_steps.running.cleaning import remove_intermediates
from tweakreg_steps.running.leftovers import clean_outdir
from tweakreg_steps.running.locking import hold_outdir
from tweakreg_steps.running.outdir import release
from tweakreg_steps.running.ownership import claim_products
from tweakreg_steps.running.product_cache import cache_problem, make_shared
from tweakreg_steps.running.run_log import job_log, write_run_log
from tweakreg_steps.running.step_server import Prepare, warm_steps


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)
    parser.add_argument(
        "-j",
        "--jobs",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many jobs to run at once (default: one a processor)",
    )
    parser.add_argument(
        "--profile", type=Path, metavar="DIR", help="a Snakemake profile, as for a cluster"
    )


def _positive(text: str) -> int:
    """Read a number of jobs."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number of jobs; give 1 or more")
    return int(text)


def run(arguments: Namespace) -> int:
    """Run the recipe, and print how each image went."""
    with warm_steps() as prepare:
        return run_recipe(
            read_recipe(arguments.recipe),
            arguments.recipe,
            cores=arguments.jobs,
            profile=arguments.profile,
            prepare=prepare,
        )


def run_recipe(
    recipe: Recipe, file: Path, *, cores: int, profile: Path | None, prepare: Prepare
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
    """
    _require_profile(profile)
    with hold_outdir(recipe.outdir), clean_outdir(recipe.outdir):
        project = open_project(recipe)
        stale = stale_jobs(project.plan, project.outdir)
        if _restore_inputs(project, stale):
            project = open_project(recipe)
            stale = stale_jobs(project.plan, project.outdir)
        claim_products(project, [job.job for job in stale])
        project.write_manifest()
        _warn_of_cache(recipe)
        if stale:
            prepare(dict.fromkeys(job.job.rule for job in stale))
            _run_stale(project, file, stale, cores=cores, profile=profile)
        else:
            sys.stderr.write("nothing to do: everything is up to date\n")
        release(project.outdir)
        if project.plan.clean:
            remove_intermediates(project)
        status = print_summary(project.outdir)
        sys.stderr.write(describe_waiting(waiting_images(project), file))
        return status


def _restore_inputs(project: Project, stale: list[StaleJob]) -> bool:
    """Put back the inputs that must be measured again, where the recipe writes in place.

    Elsewhere that is for the user to say, and the run is refused.
    """
    in_place = project.values["update_header"]["in_place"]
    if not in_place:
        require_measurable(stale, project.findings, in_place=in_place)
        return False
    blocked = blocked_jobs(stale, project.findings, in_place=in_place)
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


def _require_profile(profile: Path | None) -> None:
    """Refuse a profile that is not there."""
    if profile is not None and not any(profile.glob("config*.y*ml")):
        raise RecipeError(
            f"--profile {profile}: holds no Snakemake profile; name a folder with a config.yaml"
        )


def _run_stale(
    project: Project, file: Path, stale: list[StaleJob], *, cores: int, profile: Path | None
) -> None:
    """Run the stale jobs, telling how far they are; gather the log whatever happens."""
    from tweakreg_steps.running.run_progress import show_progress
    from tweakreg_steps.running.snakemake_run import run_workflow

    def details(rule: str, image: str) -> str:
        return job_log(project, rule, image) if project.values["verbose"] else ""

    jobs = [job.job for job in stale]
    try:
        with show_progress(total=len(stale), details=details) as listener:
            run_workflow(project, file, stale, cores=cores, profile=profile, listener=listener)
    except BaseException:
        with suppress(JobFailedError):  # why the run failed is the news
            write_run_log(project, jobs)
        raise
    write_run_log(project, jobs)
