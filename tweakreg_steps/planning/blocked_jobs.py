"""Jobs that would have to read an original in which a solution stands by now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.planning.jobs import ALL
from tweakreg_steps.planning.staleness import StaleJob
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.surveying.inspection import Inspected

READERS = (
    "make_masks",
    "find_sources",
    "read_catalogs",
    "undistort_sources",
    "build_reference_plane",
    "update_wcs",
    "write_headerlet",
)
"""The rules that read the inputs, but for the one that writes their headers."""

WRITER = "update_header"
"""The rule that reads an input to write its header; in place, it knows of an earlier solution."""


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
    readers = READERS if in_place else (*READERS, WRITER)
    applied = [image for image in findings.all_images if image.applied]
    blocked: dict[Path, StaleJob] = {}
    for job in stale if applied else ():
        for image in applied:
            if job.job.rule in readers and _reads(job, image, findings):
                blocked.setdefault(image.image.path, job)
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


def _reads(job: StaleJob, image: Inspected, findings: Findings) -> bool:
    """Tell whether a reader's job reads an image itself, and not its working copy."""
    if ("update_wcs", image.image.name) in job.job.upstream:
        return False
    if job.job.image != ALL:
        return job.job.image == image.image.name
    return image is findings.refimage if findings.refimage else True


def describe_blocked(blocked: Mapping[Path, StaleJob]) -> list[str]:
    """Say of each input why it is to be restored."""
    return [
        f"{path}: a solution was written into it, but {job.job.rule} has to read it as it was "
        f"before ({'; '.join(job.reasons)})"
        for path, job in blocked.items()
    ]
