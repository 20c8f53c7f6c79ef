"""What is said of the jobs of a run that failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tweakreg_steps.atomic import require_space
from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.running.job_state import is_done
from tweakreg_steps.running.snakemake_log import Listener
from tweakreg_steps.workflow.project import Project

_TAIL = 40
"""Lines of a failed job's log that are shown."""
_CAUSES = ("ERROR: ", "Traceback ")
"""How the line of a log begins that tells why a job failed."""
_NOTE = "INFO: "
_SAID = 300
"""Characters of what Snakemake says that are shown."""
_SHOWN = 20
"""Failed jobs of a cluster that are named."""
_ENDED = ("slurmstepd", "CANCELLED", "oom", "OOM", "Killed")
"""What a line holds by which a cluster tells that it has ended a job."""


def failure_text(listener: Listener, project: Project, *, is_cluster: bool) -> str:
    """Say which jobs failed and why: on a cluster in one line each."""
    outdir = project.outdir
    lines = list(_of_cluster(listener, project) if is_cluster else _here(listener, outdir))
    lines = lines or listener.errors or ["Snakemake ended without saying why"]
    try:
        require_space(outdir)
    except JobFailedError as error:
        lines.append(str(error))
    return "\n".join(lines)


def _here(listener: Listener, outdir: Path) -> Iterator[str]:
    """Yield what each job says that failed on this machine."""
    for rule, image, logs in dict.fromkeys(listener.failures):
        text = "".join(_tail(outdir / log) for log in logs.split()).strip()
        yield f"{rule} {image} failed: {text or _silent_death(logs, listener.errors)}"


def _of_cluster(listener: Listener, project: Project) -> Iterator[str]:
    """Yield one line for each step that failed on a cluster, and for each job that it ended.

    If one job of a group fails, Snakemake says so of all: which are done the ledger knows. Those
    whose log tells of no error were not come to, or cut off.
    """
    planned = {job.log: project.planned(job) for job in project.plan.jobs.values()}
    found = [planned.get(log.partition(" ")[0]) for *_, log in dict.fromkeys(listener.failures)]
    failed = [job for job in found if job and not is_done(job, project.outdir)]
    said = {job.key: _last_line(project.outdir / job.log) for job in failed}
    named = [job for job in failed if said[job.key]][:_SHOWN]
    for job in named:
        yield f"{job.rule} {job.name} failed: {said[job.key]} (log: {project.outdir / job.log})"
    yield from dict.fromkeys(filter(None, map(_cluster_said, listener.cluster_logs)))
    if len(failed) > len(named):
        left = len(failed) - len(named)
        yield f"{left} more jobs of these were not done; run again to go on from here"


def _cluster_said(log: str) -> str:
    """Return what the log of a job on a cluster says of its end, if that came from outside."""
    for line in reversed(_read(Path(log)).splitlines()):
        if any(word in line for word in _ENDED):
            return f"the cluster ended a job: {line.strip()[:_SAID]} (log: {log})"
    return ""


def _silent_death(logs: str, errors: list[str]) -> str:
    """Say what may have happened to a job that wrote nothing into its log."""
    said = "; ".join(line.strip() for error in errors for line in error.splitlines()[-1:])
    return (
        f"it ended without saying why in {logs}, so that it or what watched over it was killed "
        "from outside, most often for want of memory or time: run fewer jobs at once (-j), or give "
        f"it more of both{f' (Snakemake says: {said[:_SAID]})' if said else ''}"
    )


def _tail(path: Path) -> str:
    """Return the last lines of a log, or nothing: the cause of a failure before the warnings.

    Notes of what was done before are left out.
    """
    lines = [line for line in _read(path).splitlines(keepends=True) if not line.startswith(_NOTE)]
    first = next((i for i, line in enumerate(lines) if line.startswith(_CAUSES)), 0)
    cause, before = lines[first:], lines[:first]
    left_out = f"(the last {_TAIL} of {len(cause)} lines of {path})\n" * (len(cause) > _TAIL)
    return "".join([left_out, *cause[-_TAIL:], *before[-_TAIL:]])


def _last_line(path: Path) -> str:
    """Return the last line of a log if it tells of an error."""
    last = _read(path).strip().rpartition("\n")[2]
    return "" if last.startswith((_NOTE, "WARNING")) else last


def _read(path: Path) -> str:
    """Return what a log holds, or nothing."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
