"""What a run says when it is through: how it went, where all is, and how to go on."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from tweakreg_steps.errors import Reason
from tweakreg_steps.records.outdir_files import ALIGNED, SUMMARY
from tweakreg_steps.reporting.summary_file import Status, read_summary
from tweakreg_steps.reviewing.waiting import describe_waiting, waiting_images
from tweakreg_steps.running.final_table import SOME_NOT_ALIGNED, print_summary
from tweakreg_steps.running.standard_streams import flush_results
from tweakreg_steps.workflow.project import Project


def end_run(project: Project, file: Path, *, quiet: bool, as_json: bool) -> int:
    """Print how each image went and how to go on; return the exit status of the run.

    Parameters
    ----------
    project
        The project, whose jobs have run.
    file
        Its recipe file, as the user calls it.
    quiet
        Whether to print the table alone.
    as_json
        Whether to print it for programs.
    """
    status = print_summary(project.outdir, as_json=as_json)
    flush_results()
    waiting = waiting_images(project)
    if not quiet:
        sys.stderr.write(describe_waiting(waiting, file))
        sys.stderr.writelines(
            f"{line}\n" for line in _ending(project, file, n_waiting=len(waiting))
        )
    return status or (SOME_NOT_ALIGNED if waiting else 0)


def _ending(project: Project, file: Path, *, n_waiting: int) -> Iterator[str]:
    """Yield the last lines."""
    summary = read_summary(project.outdir / SUMMARY)
    statuses = summary["status"]
    number = {status: statuses.count(status.value) for status in Status}
    yield (
        f"{_count(len(statuses))}: {number[Status.ALIGNED] + number[Status.REFERENCE]} aligned"
        f" ({number[Status.REFERENCE]} as the reference),"
        f" {number[Status.NOT_ALIGNED]} not aligned, {n_waiting} waiting for a decision"
    )
    outdir = _shown(project.outdir)
    yield f"results: {shlex.quote(outdir)}"
    yield f"headers: {_headers(project, outdir, n_waiting=n_waiting)}"
    next_command = _next_command(
        project,
        shlex.quote(str(file)),
        n_waiting=n_waiting,
        reasons={reason for reason in summary["reason"] if reason},
    )
    if next_command:
        yield f"next: {next_command}"


def _count(number: int) -> str:
    """Say how many images there are."""
    return f"{number} image{'' if number == 1 else 's'}"


def _shown(path: Path) -> str:
    """Return a path as short as it can be named from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _headers(project: Project, outdir: str, *, n_waiting: int) -> str:
    """Say whether headers were written, and whose."""
    header = project.recipe.header
    if not header["updatehdr"]:
        return "none was written (update_header.updatehdr is false); the input files are untouched"
    but = "; none of an image that waits" if n_waiting else ""
    if header["in_place"]:
        return f"written into the input files (`tweakreg restore` takes that back){but}"
    if n_waiting and not (project.outdir / ALIGNED).is_dir():
        return "none was written, as images wait for a decision; the input files are untouched"
    copies = shlex.quote(f"{outdir}/{ALIGNED}")
    return f"written into the copies in {copies}; the input files are untouched{but}"


def _next_command(project: Project, file: str, *, n_waiting: int, reasons: set[str]) -> str:
    """Return the command to go on with, or nothing where all is done."""
    from tweakreg_steps.curing.advice import NOTHING_HELPS

    if n_waiting:
        return f"tweakreg review {file}"
    if reasons - NOTHING_HELPS:
        return f"tweakreg suggest {file}"
    if Reason.UNREADABLE in reasons:
        return f"tweakreg run {file} once the files that are not whole are there again"
    if not project.recipe.header["updatehdr"]:
        return f"tweakreg apply {file}"
    return ""
