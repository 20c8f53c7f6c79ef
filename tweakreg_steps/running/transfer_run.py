"""Giving the corrections of a finished run to other files of the same exposures."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.json_file import read_json, recall_json, write_json
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.recipes.schema import HEADER
from tweakreg_steps.records.outdir_files import TRANSFERRED
from tweakreg_steps.running.step_run import run_planned
from tweakreg_steps.steps.declaration import Per
from tweakreg_steps.steps.products import HEADER_RECORD
from tweakreg_steps.workflow.jobs import Job
from tweakreg_steps.workflow.ownership import claim_products
from tweakreg_steps.workflow.project import Project, open_project

if TYPE_CHECKING:
    from tweakreg_steps.records.header_record import HeaderRecord


@dataclass(frozen=True)
class Transferred:
    """What became of a file.

    Attributes
    ----------
    path
        The file.
    record
        What ``headers/<file name>.json`` says of it.
    """

    path: Path
    record: HeaderRecord


def transfer_run(
    recipe: Recipe, files: Sequence[Path], *, owner: str | None
) -> Iterator[Transferred]:
    """Give other files the corrections of the exposures that they belong to.

    The run must be up to date, but for what is done here. Runs to come keep the files up to date.

    Parameters
    ----------
    recipe
        The recipe of the run; the output folder is held.
    files
        The files.
    owner
        The image whose correction all of them get; None where their root names tell.

    Raises
    ------
    InputError
        A file cannot be read or belongs to no image, or the run is not up to date.
    """
    before = recall_json(recipe.outdir / TRANSFERRED) or {}
    project = open_project(_with_files(recipe, files, owner))
    asked = {os.path.abspath(path) for path in files}  # noqa: PTH100  links stay as they are
    others = {os.fspath(other.file.image.path): other for other in project.findings.others}
    _require_others(project, sorted(asked - others.keys()))
    jobs = [job for job in project.plan.jobs.values() if job.step.per is Per.OTHER]
    stale = [job.job for job in project.stale if job.job.step.per is Per.OTHER]
    _require_up_to_date(project)
    claim_products(project, stale)
    with contextlib.chdir(project.outdir):
        for job in stale:
            run_planned(project.planned(job))
    said = {
        project.relative(Path(path)): others[path].owner.image.name
        for path in sorted(asked & others.keys())
    }
    write_json(project.outdir / TRANSFERRED, {**before, **said})
    for job in jobs:
        path = job.originals[job.image]
        if os.fspath(path) in asked:
            yield Transferred(path, _record(project, job))


def _require_others(project: Project, left: Sequence[str]) -> None:
    """Refuse files that are themselves inputs, or whose exposure is none that could be aligned."""
    inputs = {os.path.realpath(image.path) for image in project.findings.inputs}
    problems = [
        f"{path}: is an input itself: `tweakreg run` writes its copy, `tweakreg apply` the file"
        for path in left
        if os.path.realpath(path) in inputs
    ]
    if project.findings.unread and not problems:
        damaged = ", ".join(one.image.label for one in project.findings.unread)
        problems = [f"{path}: its exposure was not aligned: {damaged} not whole" for path in left]
    if problems:
        raise InputError("\n".join(problems))


def _record(project: Project, job: Job) -> HeaderRecord:
    """Return what was written about a file."""
    found: HeaderRecord = read_json(
        project.outdir / HEADER_RECORD.path(file=job.originals[job.image].name)
    )
    return found


def _with_files(recipe: Recipe, files: Sequence[Path], owner: str | None) -> Recipe:
    """Return the recipe that names further files, and writes headers."""
    names = [glob.escape(os.path.abspath(path)) for path in files]  # noqa: PTH100  links stay
    added = names if owner is None else [{owner: names}]
    also: Any = recipe.header["also"]
    kept: list[Any] = [] if also is None else [also]
    return replace(
        recipe,
        values={
            **recipe.values,
            HEADER: {**recipe.header, "updatehdr": True, "also": [*kept, *added]},
        },
    )


def _require_up_to_date(project: Project) -> None:
    """Refuse to hand on corrections that are not those of the recipe and the inputs as they are.

    Headers of the inputs themselves need not have been written.
    """
    stale = [
        job
        for job in project.stale
        if not job.job.step.writes_input and not _only_reports(project, job.job)
    ]
    if stale:
        first = stale[0]
        raise InputError(
            f"{first.job.rule} {first.job.name}: {'; '.join(first.reasons)}\nthe results are not up"
            f" to date ({len(stale)} jobs); run first: tweakreg run {project.recipe.name}"
        )


def _only_reports(project: Project, job: Job) -> bool:
    """Tell whether no transfer depends on a job."""
    wanted = {
        key
        for other in project.plan.jobs.values()
        if other.step.per is Per.OTHER
        for key in other.upstream
    }
    seen = set(wanted)
    while wanted:
        wanted = {key for one in wanted for key in project.plan.jobs[one].upstream} - seen
        seen |= wanted
    return job.key not in seen
