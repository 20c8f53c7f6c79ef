"""Running the workflow through Snakemake, in this process."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from inspect import iscoroutinefunction
from pathlib import Path

from tweakreg_steps.atomic import explain_failure
from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.records.outdir_files import RUN_CONFIG
from tweakreg_steps.resources import provide_step_command, user_cache, workflow_folder
from tweakreg_steps.running.cluster_run import run_with_profile
from tweakreg_steps.running.failed_jobs import failure_text
from tweakreg_steps.running.interrupting import keep_interrupt
from tweakreg_steps.running.lean_snakemake import lean_snakemake
from tweakreg_steps.running.snakemake_log import NAME, Listener, register
from tweakreg_steps.scratch import private_folder
from tweakreg_steps.workflow.project import Project
from tweakreg_steps.workflow.snakefile import handing_over
from tweakreg_steps.workflow.staleness import StaleJob


def run_workflow(
    project: Project,
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
            nullcontext() if profile else lean_snakemake(),
        ):
            register(listener)
            if profile:
                succeeded = run_with_profile(
                    project.outdir, rules, jobs=cores, profile=profile, sources=sources
                )
            else:
                succeeded = _run_here(project.outdir, rules, cores, sources=sources)
    except RecursionError:
        # so ends Python's removal of a temporary folder that cannot be written any more
        succeeded = False
    except OSError as error:
        raise JobFailedError(
            explain_failure(error, Path(error.filename or project.outdir))
        ) from error
    finally:
        os.chdir(folder)
    if not succeeded or (listener.failures and profile is None):  # on a cluster, all was retried
        raise JobFailedError(failure_text(listener, project, is_cluster=profile is not None))


def _run_here(outdir: Path, rules: list[str], cores: int, *, sources: Path) -> bool:
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
    with SnakemakeApi(logging_settings) as snakemake, _products_stay():
        workflow = snakemake.workflow(
            resource_settings=ResourceSettings(cores=cores),
            config_settings=ConfigSettings(configfiles=[outdir / RUN_CONFIG]),
            workflow_settings=WorkflowSettings(runtime_source_cache_path=sources),
            snakefile=workflow_folder() / "Snakefile",
            workdir=outdir,
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
                execution_settings=ExecutionSettings(
                    lock=False, keep_going=True, keep_metadata=False
                ),
                scheduling_settings=SchedulingSettings(scheduler="greedy"),
                scheduler_settings=SchedulerSettings(),
            )
        except Exception as error:  # noqa: BLE001  Snakemake raises what it likes
            snakemake.print_exception(error)
            return False
    return True


def _cache_place(profile: Path | None) -> Path | None:
    """Return where Snakemake's copies of the rules go: with a profile, where other machines look.

    Never into the output folder: what is there may come from anybody, and Snakemake believes it.
    """
    return None if profile is None else user_cache()


@contextmanager
def _products_stay() -> Iterator[None]:
    """Have Snakemake not remove what a job made before: the step replaces it, or parts of it.

    Where a version of Snakemake does that in another way, products are written whole.
    """
    from snakemake.jobs import Job

    remove = getattr(Job, "remove_existing_output", None)
    if not iscoroutinefunction(remove):
        yield
        return

    async def keep(_job: Job) -> None:
        pass

    Job.remove_existing_output = keep
    try:
        yield
    finally:
        Job.remove_existing_output = remove


@contextmanager
def _quiet_logging() -> Iterator[None]:
    """Have no traceback printed for each line that Snakemake cannot write into its own log."""
    before = logging.raiseExceptions
    logging.raiseExceptions = False
    try:
        yield
    finally:
        logging.raiseExceptions = before
