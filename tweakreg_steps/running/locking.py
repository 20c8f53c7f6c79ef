"""One run at a time in an output folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from tweakreg_steps.atomic import explain_failure
from tweakreg_steps.errors import InputError, LockedError
from tweakreg_steps.records.outdir_files import LOCK
from tweakreg_steps.workflow.outdir import prepare_outdir


@contextmanager
def hold_outdir(outdir: Path) -> Iterator[None]:
    """Hold the output folder for the time of a run.

    The kernel lets go of the lock when the process ends, however it ends: a killed run leaves
    nothing to unlock.

    Raises
    ------
    LockedError
        If another run holds the folder.
    """
    prepare_outdir(outdir)
    with _open_lock(outdir / LOCK) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            stream.seek(0)
            holder = stream.read().strip()
            raise LockedError(
                f"{outdir}: another run (process {holder or 'unknown'}) holds this folder; "
                "wait until it ends, or give the recipe an outdir of its own"
            ) from error
        with suppress(OSError):  # on a full disk nobody learns the number, and the lock holds
            os.truncate(stream.fileno(), 0)
            os.write(stream.fileno(), f"{os.getpid()}\n".encode())
        yield


def _open_lock(path: Path) -> TextIO:
    """Open the file that is locked."""
    try:
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        raise InputError(f"outdir: {explain_failure(error, path)}") from error
