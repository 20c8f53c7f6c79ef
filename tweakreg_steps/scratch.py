"""Temporary files stand in one folder of the output folder, so that a killed run's can be removed.

Whatever asks Python for a temporary file or folder gets it there: Snakemake, and the steps that
call other programs.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tweakreg_steps.atomic import explain_failure, remove
from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.records.outdir_files import SCRATCH

_PRIVATE = "tweakreg-private-"

log = logging.getLogger(__name__)


@contextmanager
def scratch_in(outdir: Path) -> Iterator[Path]:
    """Have this process make its temporary files in the scratch folder of an output folder.

    Yields
    ------
    Path
        The scratch folder, absolute.

    Raises
    ------
    JobFailedError
        It cannot be made.
    """
    folder = (outdir / SCRATCH).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JobFailedError(explain_failure(error, folder)) from error
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before


def remove_scratch(outdir: Path) -> None:
    """Remove the scratch folder; only for a caller that knows that no step is running.

    Raises
    ------
    JobFailedError
        Something in it cannot be removed.
    """
    remove(outdir / SCRATCH)


@contextmanager
def private_folder(parent: Path | None) -> Iterator[Path]:
    """Give a new folder that this user alone can enter, outside any folder that travels.

    It is removed at the end; one that a killed process left, by `remove_orphans`.

    Parameters
    ----------
    parent
        Where to make it; None for the system's place for temporary files, wherever Python has been
        told to make its own.
    """
    place = parent or _system_temporary()
    place.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=_PRIVATE, dir=place))
    held = _hold(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, onerror=_say)
        if held is not None:
            os.close(held)


def _system_temporary() -> Path:
    """Return the system's place for temporary files."""
    before = tempfile.tempdir
    tempfile.tempdir = None
    try:
        return Path(tempfile.gettempdir())
    finally:
        tempfile.tempdir = before


def remove_orphans(*parents: Path) -> None:
    """Remove the private folders of this user's processes that are no more: nobody holds them.

    Parameters
    ----------
    *parents
        Where to look, beside the system's place for temporary files.
    """
    for entry in (
        e for place in (_system_temporary(), *parents) for e in place.glob(f"{_PRIVATE}*")
    ):
        status = entry.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            continue
        held = _hold(entry)
        if held is not None:
            shutil.rmtree(entry, onerror=_say)
            os.close(held)


def _hold(folder: Path) -> int | None:
    """Hold a folder for as long as this process lives; None where another one does."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _say(_function: object, path: str, error: tuple[object, BaseException, object]) -> None:
    """Say that a temporary file stays behind."""
    log.warning("%s: cannot be removed (%s); remove it yourself", path, error[1])
