"""What a run is about to write, and that none of it is a file of the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tweakreg_steps import layout
from tweakreg_steps.errors import InputError
from tweakreg_steps.json_file import recall_json
from tweakreg_steps.planning.jobs import Job
from tweakreg_steps.planning.project import Project
from tweakreg_steps.planning.resolved_recipe import input_list_text
from tweakreg_steps.running.outdir import claim, foreign_problem, require_own, require_room
from tweakreg_steps.running.run_log import HEAD, log_of

_PRIVATE = ".tweakreg/"
"""Where all names are a run's own."""


def claim_products(project: Project, jobs: Iterable[Job]) -> None:
    """Make sure that a run may write its files into the output folder, and claim them.

    Raises
    ------
    InputError
        Naming each file of the user's that would be overwritten, and all that stands in the way.
    """
    files = list(files_of_jobs(project, jobs))
    require_products(project, files)
    claim(project.outdir, _outside(files))


def require_products(project: Project, files: Iterable[str]) -> None:
    """Refuse to write some files, and those of every run, over what is not a run's."""
    names = list(files)
    ledger = [layout.MANIFEST, layout.RESOLVED_RECIPE, project.values["runfile"]]
    require_room(project.outdir, [*names, *ledger])
    problems = [
        foreign_problem(project.outdir / name)
        for name, is_ours in _notes(project).items()
        if (project.outdir / name).exists() and not is_ours(project.outdir / name)
    ]
    problems += _inputs_in_the_way(project, [*names, *ledger])
    if problems:
        raise InputError("\n".join(problems))
    require_own(project.outdir, _outside(names))


def _inputs_in_the_way(project: Project, names: Iterable[str]) -> Iterator[str]:
    """Yield each file of the user's that a product would replace."""
    inputs = {p.resolve() for files in project.plan.user_files.values() for p in files.values()}
    for name in names:
        path = project.outdir / name
        if path in inputs:
            yield f"{path}: is read by the recipe, and a product has this name; rename one of them"


def _outside(files: Iterable[str]) -> Iterator[str]:
    """Yield the files that stand where a user's may stand, too."""
    yield from (name for name in files if not name.startswith(_PRIVATE))


def files_of_jobs(project: Project, jobs: Iterable[Job]) -> Iterator[str]:
    """Yield the files that jobs write, relative to the output folder."""
    for job in jobs:
        yield from job.outputs
        yield log_of(job.rule, job.name)
        yield layout.ledger_of(job.rule, job.name)
        yield from _further_products(project, job)


def _further_products(project: Project, job: Job) -> Iterator[str]:
    """Yield the products of a job whose names its rule does not know."""
    if job.rule == "update_header" and not project.values["update_header"]["in_place"]:
        yield f"{layout.ALIGNED}/{job.record['inputs']['name']}"
    if job.rule == "write_refcat":
        base = job.record["inputs"]["base"]
        for name in map(layout.cumulative_refcat_of, project.names if base is None else [base]):
            if not (project.outdir / name).is_dir():  # nothing that a job could overwrite
                yield name
    if job.rule == "write_headerlet" and not project.values["headerlet_creation"]["clobber"]:
        from tweakreg_steps.fits_files.headerlet import headerlet_name

        hdrfile = project.values["headerlet_creation"]["hdrfile"]
        name = headerlet_name(job.record["inputs"]["name"], hdrfile)
        yield f"{layout.HEADERLETS}/{name}"


def _notes(project: Project) -> dict[str, Callable[[Path], bool]]:
    """Return the files that every run writes, and how a run knows its own again."""
    inputs = input_list_text(project.recipe, project.findings)
    listed = {} if inputs is None else {layout.INPUT_LIST: _is_list(inputs)}
    return listed | {
        layout.MANIFEST: _is_manifest,
        layout.RESOLVED_RECIPE: _begins("# The complete recipe of a run of tweakreg-steps "),
        project.values["runfile"]: _begins(HEAD),
    }


def _is_manifest(path: Path) -> bool:
    """Tell whether a run wrote the list of its images into a file."""
    return {"images", "refimage"} <= set(recall_json(path) or {})


def _is_list(text: str) -> Callable[[Path], bool]:
    """Return the function that tells whether a file is a run's list of inputs, or says the same."""

    def tell(path: Path) -> bool:
        try:
            same = path.read_text(encoding="utf-8") == text
        except (OSError, ValueError):
            same = False
        return same or _is_manifest(path.with_name(layout.MANIFEST))

    return tell


def _begins(head: str) -> Callable[[Path], bool]:
    """Return the function that tells whether a file is empty or begins in a way."""

    def tell(path: Path) -> bool:
        try:
            with path.open("rb") as stream:
                return stream.read(len(head)) in (head.encode(), b"")
        except OSError:
            return False

    return tell
