"""Jobs that would have to read an original in which a solution stands by now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.workflow.staleness import StaleJob


def blocked_jobs(
    stale: Iterable[StaleJob], findings: Findings, *, in_place: bool
) -> dict[Path, StaleJob]:
    """Return each input with a solution in it that would be read again, and the first such job.

    Parameters
    ----------
    stale
        The jobs that have to run.
    findings
        What is known about the inputs.
    in_place
        The headers are written in place.
    """
    files = (*findings.all_images, *(other.file for other in findings.others))
    applied = {image.image.name: image for image in files if image.applied}
    blocked: dict[Path, StaleJob] = {}
    for job in stale if applied else ():
        if in_place and job.job.step.writes_input:
            continue  # it knows of the earlier solution
        for name in applied.keys() & job.job.originals.keys():
            blocked.setdefault(applied[name].image.path, job)
    return blocked


def require_measurable(stale: Iterable[StaleJob], findings: Findings, *, in_place: bool) -> None:
    """Refuse to run jobs that would have to measure an input as it was before.

    Raises
    ------
    InputError
        Naming each such input, and why.
    """
    blocked = blocked_jobs(stale, findings, in_place=in_place)
    if blocked:
        raise InputError(
            "\n".join(describe_blocked(blocked)) + "\nput the originals back with tweakreg restore,"
            " run, and apply again"
        )


def describe_blocked(blocked: Mapping[Path, StaleJob]) -> list[str]:
    """Say of each input why it is to be restored."""
    return [
        f"{path}: a solution was written into it, but {job.job.rule} has to read it as it was "
        f"before ({'; '.join(job.reasons)})"
        for path, job in blocked.items()
    ]
