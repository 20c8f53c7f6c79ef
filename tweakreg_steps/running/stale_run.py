"""Running stale jobs: progress on the screen, the processing log, the ledger's times."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.records.ledger_file import gather_notes, open_ledger
from tweakreg_steps.running.run_log import finding_warnings, indented_log, write_run_log
from tweakreg_steps.running.snakemake_metadata import forget_metadata
from tweakreg_steps.workflow.gathered_logs import gather_logs
from tweakreg_steps.workflow.jobs import Job
from tweakreg_steps.workflow.project import Project
from tweakreg_steps.workflow.staleness import StaleJob

_SHOWN = 10
"""Warnings that are shown."""


def run_stale(
    project: Project,
    stale: list[StaleJob],
    *,
    cores: int,
    profile: Path | None,
    quiet: bool,
) -> None:
    """Run some stale jobs, telling how far they are; gather the log whatever happens."""
    from tweakreg_steps.running.run_progress import show_progress
    from tweakreg_steps.running.snakemake_run import run_workflow

    def details(log: str) -> str:
        return indented_log(project.outdir / log) if project.values["verbose"] else ""

    jobs = [job.job for job in stale]
    forget_metadata(project.outdir, jobs)
    began = datetime.now(tz=UTC)
    try:
        with show_progress(
            total=len(stale), details=details, is_cluster=profile is not None, quiet=quiet
        ) as listener:
            run_workflow(project, stale, cores=cores, profile=profile, listener=listener)
    except BaseException:
        with suppress(JobFailedError):  # why the run failed is the news
            write_run_log(project, jobs, began=began)
        raise
    write_run_log(project, jobs, began=began)
    if not quiet:
        _say_warnings(
            list(dict.fromkeys(finding_warnings(project, jobs))), project.values["runfile"]
        )
    # Snakemake has touched what they made
    gather_notes(project.outdir, {job.key: project.tickets[job.key] for job in jobs})
    gather_logs(project.plan, project.outdir, project.tickets)
    _require_done(project, jobs)


def _require_done(project: Project, jobs: Sequence[Job]) -> None:
    """Refuse to go on where Snakemake has left out jobs without a word, so that tables are old.

    Options of a profile can do that, such as dry-run, until or batch.

    Raises
    ------
    JobFailedError
        Naming the first of them.
    """
    with open_ledger(project.outdir) as ledger:
        left = [job for job in jobs if ledger.ticket(*job.key) != project.tickets[job.key]]
    if left:
        raise JobFailedError(
            f"{len(left)} of {len(jobs)} jobs were not run, though Snakemake says that all is "
            f"well: {left[0].rule} {left[0].name} is the first; remove from the profile what "
            "leaves jobs out (dry-run, touch, until, omit-from, batch), or run again"
        )


def _say_warnings(warnings: list[str], runfile: str) -> None:
    """Say on stderr what the search for sources warned of."""
    sys.stderr.writelines(f"tweakreg: warning: {text}\n" for text in warnings[:_SHOWN])
    if len(warnings) > _SHOWN:
        sys.stderr.write(f"tweakreg: and {len(warnings) - _SHOWN} more warnings in {runfile}\n")
