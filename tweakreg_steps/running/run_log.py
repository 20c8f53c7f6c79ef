"""The processing log of a run: what each of its jobs had to say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tweakreg_steps import __version__
from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.layout import LOGS
from tweakreg_steps.planning.jobs import ALL, Job
from tweakreg_steps.planning.project import Project
from tweakreg_steps.printable import printable

HEAD = "tweakreg-steps "
"""How the processing log begins."""


def write_run_log(project: Project, jobs: Sequence[Job]) -> None:
    """Append the logs of `jobs` to the log file that the recipe names."""
    path = project.outdir / project.values["runfile"]
    lines = [f"{HEAD}{__version__}: {project.recipe.name}, {len(jobs)} jobs"]
    for job in jobs:
        said = job_log(project, job.rule, job.name)
        if said or project.values["verbose"]:
            lines += [f"{job.rule} {job.name}", *said.splitlines()]
    before = _read(path)
    write_text_atomically(path, before + "\n".join(lines) + "\n")


def job_log(project: Project, rule: str, name: str) -> str:
    """Return what a job said, indented; `name` is empty or ``all`` for a job of all images."""
    text = printable(_read(project.outdir / log_of(rule, name))).strip()
    return "".join(f"    {line}\n" for line in text.splitlines())


def log_of(rule: str, name: str) -> str:
    """Return the log of a job, relative to the output folder; `name` as for `job_log`."""
    return f"{LOGS}/{rule}.log" if name in ("", ALL) else f"{LOGS}/{rule}/{name}.log"


def _read(path: Path) -> str:
    """Return what a log holds, or nothing."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
