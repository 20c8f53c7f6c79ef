"""Running single steps of a recipe in this process, without Snakemake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.records.job_record import JobRecord
from tweakreg_steps.running.step_run import run_step
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.workflow.outdir import prepare_outdir
from tweakreg_steps.workflow.project import Project, open_project


def call_of(
    rule: str,
    name: str,
    *,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Any],
    files: Mapping[str, Path],
) -> StepCall[Any, Any]:
    """Return the call of a step whose job depends on nothing but its parameters and inputs."""
    record: JobRecord = {
        "rule": rule,
        "name": name,
        "parameters": parameters,
        "inputs": inputs,
        "code": "",
        "upstream": {},
        "upstream_jobs": {},
        "upstream_recipes": {},
    }
    return StepCall(rule, name, parameters, inputs, files, record, {})


def run_steps(recipe: Path, image: str, rules: Iterable[str]) -> Path:
    """Run the steps of some rules for one image, and return the output folder.

    Parameters
    ----------
    recipe
        The recipe file.
    image
        The image's name.
    rules
        Of the rules that work on one image, in their order; those that the plan has no job of are
        left out.
    """
    project = _open(recipe)
    jobs = [job for rule in rules if (job := project.plan.jobs.get((rule, image)))]
    project.write_state(jobs)
    for job in jobs:
        words = [str(project.outdir), *job.key, project.tickets[job.key]]
        with chdir(project.outdir):
            assert run_step(words) == 0
    return project.outdir


def _open(recipe: Path) -> Project:
    """Open a project whose output folder is there."""
    complete = load_recipe(recipe)
    prepare_outdir(complete.outdir)
    return open_project(complete)
