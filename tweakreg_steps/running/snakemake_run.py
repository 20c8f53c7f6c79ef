"""Running the workflow through Snakemake, in this process."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tweakreg_steps.atomic import explain_failure, require_space
from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.resources import provide_step_command, user_cache, workflow_folder
from tweakreg_steps.running.interrupting import keep_interrupt
from tweakreg_steps.running.snakemake_log import NAME, Listener, register
from tweakreg_steps.scratch import private_folder
from tweakreg_steps.workflow.project import Project
from tweakreg_steps.workflow.snakefile import handing_over
from tweakreg_steps.workflow.staleness import StaleJob

_TAIL = 40
"""Lines of a failed job's log that are shown."""
_SAID = 300
"""Characters of what Snakemake says that are shown."""


def run_workflow(
    project: Project,
    recipe_file: Path,
    stale: list[StaleJob],
    *,
    cores: int,
    profile: Path | None,
    listener: Listener,
) -> None:
    """Run the stale jobs of a project, all of them and no other.

    Snakemake is shown only these jobs, and made to run each of them: which jobs are stale is
    known already, and better (see `tweakreg_steps.workflow.staleness`).

    Raises
    ------
    JobFailedError
        Naming each job that failed with what its log says.
    """
    register(listener)
    jobs = [stale_job.job for stale_job in stale]
    rules = sorted({"all", *(job.rule for job in jobs)})
    provide_step_command()
    folder = Path.cwd()
    try:
        with (
            keep_interrupt(end_jobs=profile is None),
            _quiet_logging(),
            handing_over(project, [job.key for job in jobs]),
            private_folder(_cache_place(profile)) as sources,
        ):
            if profile:
                succeeded = _run_with_profile(
                    project, recipe_file, rules, cores, profile, sources=sources
                )
            else:
                succeeded = _run_here(project, recipe_file, rules, cores, sources=sources)
    except RecursionError:
        # so ends Python's removal of a temporary folder that cannot be written any more
        succeeded = False
    except OSError as error:
        raise JobFailedError(
            explain_failure(error, Path(error.filename or project.outdir))
        ) from error
    finally:
        os.chdir(folder)
    if listener.failures or not succeeded:
        raise JobFailedError(_failure_text(listener, project.outdir))


def _run_here(
    project: Project, recipe_file: Path, rules: list[str], cores: int, *, sources: Path
) -> bool:
    """Run on this machine: through Snakemake's API, which starts a quarter of a second sooner."""
    from snakemake.api import (
        ConfigSettings,
        DAGSettings,
        ExecutionSettings,
        OutputSettings,
        ResourceSettings,
        SchedulingSettings,
        SnakemakeApi,
        WorkflowSettings,
    )
    from snakemake.scheduling.greedy import SchedulerSettings
    from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

    from tweakreg_steps.running import warm_executor

    warm_executor.register()
    logging_settings = OutputSettings(log_handler_settings={NAME: LogHandlerSettingsBase()})
    with SnakemakeApi(logging_settings) as snakemake:
        workflow = snakemake.workflow(
            resource_settings=ResourceSettings(cores=cores),
            config_settings=ConfigSettings(configfiles=[recipe_file.resolve()]),
            workflow_settings=WorkflowSettings(runtime_source_cache_path=sources),
            snakefile=workflow_folder() / "Snakefile",
            workdir=project.outdir,
        )
        try:
            dag = workflow.dag(
                dag_settings=DAGSettings(
                    forceall=True,
                    allowed_rules=frozenset(rules),
                    force_incomplete=True,
                )
            )
            dag.execute_workflow(
                executor=warm_executor.NAME,
                execution_settings=ExecutionSettings(lock=False, keep_going=True),
                scheduling_settings=SchedulingSettings(scheduler="greedy"),
                scheduler_settings=SchedulerSettings(),
            )
        except Exception as error:  # noqa: BLE001  Snakemake raises what it likes
            snakemake.print_exception(error)
            return False
    return True


def _run_with_profile(
    project: Project,
    recipe_file: Path,
    rules: list[str],
    cores: int,
    profile: Path,
    *,
    sources: Path,
) -> bool:
    """Run where a profile says: through Snakemake's command line, which alone reads profiles."""
    from snakemake import cli

    arguments: dict[str, list[object]] = {
        "--snakefile": [workflow_folder() / "Snakefile"],
        "--configfile": [recipe_file.resolve()],
        "--directory": [project.outdir],
        "--profile": [profile.resolve()],
        "--cores": [cores],
        "--runtime-source-cache-path": [sources],
        "--scheduler": ["greedy"],
        "--logger": [NAME],
        "--nolock": [],
        "--rerun-incomplete": [],
        "--keep-going": [],
        "--forceall": [],
        "--allowed-rules": [*rules],
    }
    words = [str(word) for option, values in arguments.items() for word in (option, *values)]
    parser, parsed = cli.parse_args(words)
    return bool(cli.args_to_api(parsed, parser))


def _cache_place(profile: Path | None) -> Path | None:
    """Return where Snakemake's copies of the rules go: with a profile, where other machines look.

    Never into the output folder: what is there may come from anybody, and Snakemake believes it.
    """
    return None if profile is None else user_cache()


@contextmanager
def _quiet_logging() -> Iterator[None]:
    """Have no traceback printed for each line that Snakemake cannot write into its own log."""
    before = logging.raiseExceptions
    logging.raiseExceptions = False
    try:
        yield
    finally:
        logging.raiseExceptions = before


def _failure_text(listener: Listener, outdir: Path) -> str:
    """Say which jobs failed and why."""
    lines = []
    for rule, image, logs in dict.fromkeys(listener.failures):
        text = "".join(_tail(outdir / log) for log in logs.split()).strip()
        lines.append(f"{rule} {image} failed: {text or _silent_death(logs, listener.errors)}")
    lines = lines or listener.errors or ["Snakemake ended without saying why"]
    try:
        require_space(outdir)
    except JobFailedError as error:
        lines.append(str(error))
    return "\n".join(lines)


def _silent_death(logs: str, errors: list[str]) -> str:
    """Say what may have happened to a job that wrote nothing into its log."""
    said = "; ".join(line.strip() for error in errors for line in error.splitlines()[-1:])
    return (
        f"it ended without a word in {logs}, so that it or what watched over it was killed from "
        "outside, most often for want of memory or time: run fewer jobs at once (-j), or give it "
        f"more of both{f' (Snakemake says: {said[:_SAID]})' if said else ''}"
    )


def _tail(path: Path) -> str:
    """Return the last lines of a log, or nothing."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = text.splitlines(keepends=True)
    left_out = f"(the last {_TAIL} of {len(lines)} lines of {path})\n"
    return "".join([left_out, *lines[-_TAIL:]] if len(lines) > _TAIL else lines)
