"""Running the workflow through Snakemake, in this process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.planning.project import Project
from tweakreg_steps.planning.staleness import StaleJob
from tweakreg_steps.resources import provide_step_command, workflow_folder
from tweakreg_steps.running.snakemake_log import Listener, register
from tweakreg_steps.running.step_server import warm_steps


def run_workflow(
    project: Project,
    recipe_file: Path,
    stale: list[StaleJob],
    *,
    cores: int,
    profile: Path | None,
    listener: Listener,
) -> None:
    """Run the stale jobs of a project.

    Raises
    ------
    JobFailedError
        Naming each job that failed with what its log says.
    """
    from snakemake import cli

    name = register(listener)
    arguments = [
        "--snakefile",
        str(workflow_folder() / "Snakefile"),
        "--configfile",
        str(recipe_file.resolve()),
        "--directory",
        str(project.outdir),
        "--cores",
        str(cores),
        "--nolock",
        "--rerun-incomplete",
        "--keep-going",
        "--scheduler",
        "greedy",
        "--rerun-triggers",
        "params",
        "--logger",
        name,
        *(["--profile", str(profile)] if profile else []),
        "--forcerun",
        *[stale_job.job.outputs[0] for stale_job in stale if stale_job.own_reasons],
    ]
    provide_step_command()
    folder = Path.cwd()
    try:
        with _keep_interrupt(), warm_steps():
            parser, parsed = cli.parse_args(arguments)
            succeeded = cli.args_to_api(parsed, parser)
    finally:
        os.chdir(folder)
    if listener.failures or not succeeded:
        raise JobFailedError(_failure_text(listener, project.outdir))


@contextmanager
def _keep_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end if there was one: Snakemake takes it for a failed job."""
    interrupted = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted:
        raise KeyboardInterrupt


def _failure_text(listener: Listener, outdir: Path) -> str:
    """Say which jobs failed and why."""
    lines = []
    for rule, image, logs in dict.fromkeys(listener.failures):
        text = "".join(_read(outdir / log) for log in logs.split())
        lines.append(f"{rule} {image} failed: {text.strip() or f'see {logs} in {outdir}'}")
    return "\n".join(lines or listener.errors or ["Snakemake ended without saying why"])


def _read(path: Path) -> str:
    """Return what a log holds, or nothing."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
