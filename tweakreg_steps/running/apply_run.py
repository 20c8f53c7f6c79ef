"""Writing the solutions of a finished run into the originals."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tweakreg_steps.applying.original_file import holds
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.digests import digest_content
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.recipes.schema import HEADER
from tweakreg_steps.records.undo_record import read_record
from tweakreg_steps.running.step_run import call_of
from tweakreg_steps.steps.update_header import Call, update_original
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.workflow.project import Project, open_project

if TYPE_CHECKING:
    from tweakreg_steps.records.header_record import HeaderRecord


@dataclass(frozen=True)
class Applied:
    """What became of one original.

    Attributes
    ----------
    name
        The image.
    path
        Its original.
    record
        As `tweakreg_steps.steps.update_header.update_original` gives it.
    was_there
        The original held this solution already.
    """

    name: str
    path: Path
    record: HeaderRecord
    was_there: bool

    @property
    def holds_solution(self) -> bool:
        """The original holds the solution now."""
        return bool(self.record.get("undo"))


def apply_run(recipe: Recipe) -> Iterator[Applied]:
    """Write the solutions of a recipe's run into the originals, whatever the recipe says of it.

    The run must be up to date.

    Yields
    ------
    Applied
        Each image, when it is done.

    Raises
    ------
    InputError
        Naming every original that may not be written or is not the one that was measured; nothing
        is written then.
    LockedError, JobFailedError
        As `tweakreg_steps.applying.in_place.apply_solution`; the files before are done.
    """
    project = open_project(_in_place(recipe))
    problems = [text for image in _files(project) for text in _problems(image, project)]
    if problems:
        raise InputError("\n".join(problems))
    for image in _files(project):
        before = read_record(project.outdir, image.image.path.name)
        with contextlib.chdir(project.outdir):
            call = _header_call(project, image)
            record = update_original(call)
        was_there = (
            image.applied and before is not None and before.solution == call.statement["stamp"]
        )
        yield Applied(image.image.name, image.image.path, record, was_there)


def _files(project: Project) -> list[Inspected]:
    """Return the inputs, and the other files of their exposures that get the same correction."""
    return [*project.images, *(other.file for other in project.findings.others)]


def _in_place(recipe: Recipe) -> Recipe:
    """Return the recipe that writes its headers in place."""
    header = {**recipe.header, "updatehdr": True, "in_place": True}
    return replace(recipe, values={**recipe.values, HEADER: header})


def _problems(image: Inspected, project: Project) -> Iterator[str]:
    """Yield that an original is not the file that was measured."""
    path = image.image.path
    record = read_record(project.outdir, path.name)
    if not (record and holds(path, record.applied)) and digest_content(path)["file"] != image.file:
        yield f"{path}: is not the file that was measured, it was changed since; run again"


def _header_call(project: Project, image: Inspected) -> Call:
    """Return the call of the step that writes the header of an image."""
    name = image.image.name
    (job,) = (j for j in project.plan.jobs.values() if j.step.writes_input and j.image == name)
    return cast("Call", call_of(project.planned(job)))
