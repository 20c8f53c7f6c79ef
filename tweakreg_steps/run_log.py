"""The processing log of a run: what each of its jobs had to say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tweakreg_steps import __version__
from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.layout import LOGS
from tweakreg_steps.project import Project
from tweakreg_steps.workplan import ALL, Job


def write_run_log(project: Project, jobs: Sequence[Job]) -> None:
    """Append the logs of `jobs` to the log file that the recipe names."""
    path = project.outdir / project.recipe.values["runfile"]
    lines = [f"tweakreg-steps {__version__}: {project.recipe.name}, {len(jobs)} jobs"]
    for job in jobs:
        text = _read(project.outdir / log_of(job)).strip()
        said = [f"    {line}" for line in text.splitlines()]
        if said or project.recipe.values["verbose"]:
            lines += [f"{job.rule} {job.name}", *said]
    before = _read(path)
    write_text_atomically(path, before + "\n".join(lines) + "\n")


def log_of(job: Job) -> str:
    """Return the log file of a job, relative to the output folder."""
    return f"{LOGS}/{job.rule}.log" if job.name == ALL else f"{LOGS}/{job.rule}/{job.name}.log"


def _read(path: Path) -> str:
    """Return what a log holds, or nothing."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
