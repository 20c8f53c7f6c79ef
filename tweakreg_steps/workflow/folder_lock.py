"""The lock of an output folder: nobody else plans in it while a run is under way."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from tweakreg_steps.atomic import explain_failure
from tweakreg_steps.errors import InputError, LockedError
from tweakreg_steps.records.outdir_files import LOCK, LOCK_OF_JOBS

HOLDERS = "TWEAKREG_HOLDERS"
"""Environment variable with the numbers of the processes that hold folders for their jobs."""


def lock_outdir(outdir: Path) -> TextIO:
    """Lock an output folder, which is there; the lock is let go with the file that is returned.

    The kernel does that when the process ends, however it ends: a killed run leaves nothing to
    unlock. What a process that holds the folder for its jobs has started locks it against its
    like alone.

    Raises
    ------
    LockedError
        If another run holds the folder.
    """
    stream = _open(outdir / LOCK)
    if _take(stream):
        return stream
    stream.seek(0)
    holder = stream.read().strip()
    stream.close()
    if holder and holder in os.environ.get(HOLDERS, "").split():
        stream = _open(outdir / LOCK_OF_JOBS)
        if _take(stream):
            return stream
        stream.close()
    raise LockedError(
        f"{outdir}: another run (process {holder or 'unknown'}) holds this folder; "
        "wait until it ends, or give the recipe an outdir of its own"
    )


def lock_for_jobs(outdir: Path) -> TextIO:
    """Lock an output folder as `lock_outdir`, but not against what this process starts.

    A workflow may go on with the products, by ``tweakreg apply`` in a rule of its own.
    """
    stream = lock_outdir(outdir)
    os.environ[HOLDERS] = f"{os.environ.get(HOLDERS, '')} {os.getpid()}".strip()
    return stream


def _take(stream: TextIO) -> bool:
    """Lock a file and write this process's number into it, or tell that another has it."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    with suppress(OSError):  # on a full disk nobody learns the number, and the lock holds
        os.truncate(stream.fileno(), 0)
        os.write(stream.fileno(), f"{os.getpid()}\n".encode())
    return True


def _open(path: Path) -> TextIO:
    """Open the file that is locked, and no file of the user's that a link leads to."""
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(path, flags, 0o666), "r+", encoding="utf-8")
    except OSError as error:
        raise InputError(f"outdir: {explain_failure(error, path)}") from error
