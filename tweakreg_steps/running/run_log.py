"""The processing log of a run: what each of its jobs had to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tweakreg_steps import __version__
from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.printable import printable
from tweakreg_steps.records.outdir_files import RUN_LOG_HEAD
from tweakreg_steps.running.step_run import DONE
from tweakreg_steps.steps.products import CATALOG, POSITIONS, PSF
from tweakreg_steps.workflow.gathered_logs import said_by
from tweakreg_steps.workflow.jobs import Job
from tweakreg_steps.workflow.project import Project

_WARNING = "WARNING: "
_DONE = f"INFO: {DONE}"
_TIME = "%Y-%m-%d %H:%M:%S UTC"


def write_run_log(project: Project, jobs: Sequence[Job], *, began: datetime) -> None:
    """Append the logs of `jobs`, begun then, to the log file that the recipe names."""
    path = project.outdir / project.values["runfile"]
    now = datetime.now(tz=UTC)
    count = f"{len(jobs)} job{'' if len(jobs) == 1 else 's'}"
    times = (
        f"began {began:{_TIME}}, ended {now:{_TIME}}, took {(now - began).total_seconds():.1f} s"
    )
    lines = [f"{RUN_LOG_HEAD}{__version__}: {project.recipe.name}, {count}, {times}"]
    for job in jobs:
        said = _indented(said_by(job, project.outdir)).splitlines()
        if project.values["verbose"] or not all(line.lstrip().startswith(_DONE) for line in said):
            lines += [f"{job.rule} {job.name}", *said]
    before = _read(path)
    write_text_atomically(path, before + "\n".join(lines) + "\n")


def finding_warnings(project: Project, jobs: Sequence[Job]) -> list[str]:
    """Return what the search for sources warned of, and their measurement, chip by chip."""
    return [
        line.removeprefix(_WARNING)
        for job in jobs
        if {CATALOG, POSITIONS, PSF} & {*job.products.values()}
        for line in printable(said_by(job, project.outdir)).splitlines()
        if line.startswith(_WARNING)
    ]


def indented_log(path: Path) -> str:
    """Return what a job said, indented."""
    return _indented(_read(path))


def _indented(said: str) -> str:
    """Return what was said, indented."""
    return "".join(f"    {line}\n" for line in printable(said).strip().splitlines())


def _read(path: Path) -> str:
    """Return what a log holds, or nothing."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
