"""Running single steps of a recipe in this process, without Snakemake."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.layout import CODE_CACHE
from tweakreg_steps.planning.jobs import Job
from tweakreg_steps.planning.project import Project, open_project
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.running.step_run import run_step

_CODE: list[str] = []
_PRODUCTS = {
    "make_masks": "mask=masks/{}.fits",
    "find_sources": "catalog=catalogs/{}.ecsv",
    "read_catalogs": "catalog=catalogs/{}.ecsv",
    "undistort_sources": "sky=sky/{}.ecsv",
}
_TAKEN = {
    "find_sources": ["mask=masks/{}.fits"],
    "undistort_sources": ["catalog=catalogs/{}.ecsv"],
}


def call_of(
    rule: str,
    name: str,
    *,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Any],
    files: Mapping[str, Path],
) -> StepCall:
    """Return the call of a step whose job depends on nothing but its parameters and inputs."""
    record = {
        "rule": rule,
        "name": name,
        "parameters": parameters,
        "inputs": inputs,
        "code": "",
        "upstream": {},
        "upstream_jobs": {},
        "upstream_recipes": {},
    }
    return StepCall(rule, name, parameters, inputs, files, record)


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
    project.write_manifest()
    for rule in rules:
        job = project.plan.jobs.get((rule, image))
        if job is not None:
            with chdir(project.outdir):
                assert run_step([job.text, *_files(project, job)]) == 0
    return project.outdir


def _open(recipe: Path) -> Project:
    """Open a project, with what is known of the code from the last one: it does not change."""
    complete = load_recipe(recipe)
    cache = complete.outdir / CODE_CACHE
    if _CODE:
        write_text_atomically(cache, _CODE[0])
    project = open_project(complete)
    _CODE[:] = [cache.read_text()]
    return project


def _files(project: Project, job: Job) -> list[str]:
    """Return the files of a job as its rule names them."""
    (path,) = (i.image.path for i in project.findings.all_images if i.image.name == job.name)
    exclusions = project.file_parameter("exclusions")
    product = _PRODUCTS[job.rule].format(job.name)
    Path(product.partition("=")[2]).parent.mkdir(exist_ok=True)
    return [
        f"image={os.path.relpath(path)}",
        f"exclusions={''.join(exclusions)}",
        *(taken.format(job.name) for taken in _TAKEN.get(job.rule, [])),
        *(f"{key}={os.path.relpath(file)}" for key, file in job.files.items()),
        product,
    ]
