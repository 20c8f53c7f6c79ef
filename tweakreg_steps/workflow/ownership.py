"""What a run is about to write, and that none of it is a file of the user's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.json_file import read_json, recall_json
from tweakreg_steps.records.outdir_files import (
    INPUT_LIST,
    MANIFEST,
    RECIPE_NAME,
    RESOLVED_RECIPE,
    RUN_LOG_HEAD,
    note_of,
)
from tweakreg_steps.steps.products import HEADERLET, cumulative_catalog
from tweakreg_steps.workflow.jobs import Job
from tweakreg_steps.workflow.outdir import (
    claim,
    foreign_problem,
    ledger_products,
    require_own,
    require_room,
)
from tweakreg_steps.workflow.project import Project
from tweakreg_steps.workflow.resolved_recipe import input_list_text

_PRIVATE = ".tweakreg/"
"""Where all names are a run's own."""


def claim_products(project: Project, jobs: Sequence[Job]) -> None:
    """Make sure that a run may write its files into the output folder, and claim them.

    Raises
    ------
    InputError
        Naming each file of the user's that would be overwritten, and all that stands in the way; or
        the folder holds the results of another recipe.
    """
    require_products(project, jobs)
    claim(project.outdir, _outside(_files_of_jobs(project, jobs)))


def require_products(project: Project, jobs: Sequence[Job]) -> None:
    """Refuse to write the files of some jobs, and those of every run, over what is not a run's.

    Of 10,000 exposures there are half a million: they are gone through, and never kept.
    """
    of_run = [MANIFEST, RESOLVED_RECIPE, project.values["runfile"]]
    inputs = inputs_in_outdir(project)
    in_the_way: list[str] = []
    own_too: set[str] = set()

    def of_jobs() -> Iterator[str]:
        for name in _files_of_jobs(project, jobs):
            if name in inputs:
                in_the_way.append(name)
            if name in of_run:
                own_too.add(name)
            yield name

    there = require_room(project.outdir, chain(of_jobs(), of_run))
    in_the_way += [name for name in of_run if name in inputs]
    problems = [*_of_another_recipe(project)]
    problems += [
        foreign_problem(project.outdir / name)
        for name, is_ours in _notes(project).items()
        if (project.outdir / name).exists() and not is_ours(project.outdir / name)
    ]
    problems += [
        f"{project.outdir / name}: is read by the recipe, and a product has this name; rename one "
        "of them"
        for name in in_the_way
    ]
    if problems:
        raise InputError("\n".join(problems))
    owned = (name for name in there if name in own_too or name not in of_run)
    require_own(project.outdir, _outside(owned))


def _of_another_recipe(project: Project) -> Iterator[str]:
    """Yield that a folder holds results of another recipe, which would be obsolete, all of them.

    A recipe that has taken over a single image of those is taken for the same under a new name.
    """
    try:
        recipe = read_json(project.outdir / RECIPE_NAME)
    except InputError:
        return
    images = (recall_json(project.outdir / MANIFEST) or {}).get("images")
    if not isinstance(recipe, str) or recipe == project.recipe.name or not isinstance(images, list):
        return
    names = {image.get("name") for image in images if isinstance(image, dict)}
    if names.isdisjoint(project.names) and any(
        (project.outdir / product).exists() for product in ledger_products(project.outdir)
    ):
        yield (
            f"outdir: {project.outdir}: holds the results of another recipe, {recipe}, and this "
            "one has none of its images: a run would remove them; give this recipe an outdir of "
            "its own, or remove that folder"
        )


def inputs_in_outdir(project: Project) -> set[str]:
    """Return the files of the user's that are in the output folder, relative to it."""
    files = (path for own in project.plan.user_files.values() for path in own.values())
    folder = f"{project.outdir}{os.sep}"
    found = map(os.path.realpath, files)
    return {path.removeprefix(folder) for path in found if path.startswith(folder)}


def _outside(files: Iterable[str]) -> Iterator[str]:
    """Yield the files that stand where a user's may stand, too."""
    yield from (name for name in files if not name.startswith(_PRIVATE))


def _files_of_jobs(project: Project, jobs: Iterable[Job]) -> Iterator[str]:
    """Yield the files that jobs write, relative to the output folder."""
    clobber = project.values["headerlet_creation"]["clobber"]
    for job in jobs:
        for port, path in job.writes.items():
            if not (clobber and job.products.get(port) is HEADERLET):
                yield path
        yield job.log
        yield job.gathered_log
        yield note_of(*job.key)
        yield from _further_products(project, job)


def _further_products(project: Project, job: Job) -> Iterator[str]:
    """Yield the products of a job whose names are only known when it has run.

    The cumulative catalog is named after the reference, whichever image that turns out to be.
    """
    if "base" in job.record["inputs"] and "catalog" not in job.writes:
        for name in (cumulative_catalog(image).path() for image in project.names):
            if not (project.outdir / name).is_dir():  # nothing that a job could overwrite
                yield name


def _notes(project: Project) -> dict[str, Callable[[Path], bool]]:
    """Return the files that every run writes, and how a run knows its own again."""
    inputs = input_list_text(project.recipe, project.findings)
    listed = {} if inputs is None else {INPUT_LIST: _is_list(inputs)}
    return listed | {
        MANIFEST: _is_manifest,
        RESOLVED_RECIPE: _begins("# The complete recipe of a run of tweakreg-steps "),
        project.values["runfile"]: _begins(RUN_LOG_HEAD),
    }


def _is_manifest(path: Path) -> bool:
    """Tell whether a run wrote the list of its images into a file."""
    return {"images", "refimage"} <= set(recall_json(path) or {})


def _is_list(text: str) -> Callable[[Path], bool]:
    """Return the function that tells whether a file is a run's list of inputs, or says the same."""

    def tell(path: Path) -> bool:
        try:
            same = path.is_file() and path.read_text(encoding="utf-8") == text
        except (OSError, ValueError):
            same = False
        return same or _is_manifest(path.with_name(MANIFEST))

    return tell


def _begins(head: str) -> Callable[[Path], bool]:
    """Return the function that tells whether a file is empty or begins in a way."""

    def tell(path: Path) -> bool:
        if not path.is_file():  # a pipe would have nobody at its other end
            return False
        try:
            with path.open("rb") as stream:
                return stream.read(len(head)) in (head.encode(), b"")
        except OSError:
            return False

    return tell
