"""The lock of an output folder: nobody else plans in it while a run is under way."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from tweakreg_steps.atomic import explain_failure
from tweakreg_steps.errors import InputError, LockedError
from tweakreg_steps.records.outdir_files import LOCK


def lock_outdir(outdir: Path) -> TextIO:
    """Lock an output folder, which is there; the lock is let go with the file that is returned.

    The kernel does that when the process ends, however it ends: a killed run leaves nothing to
    unlock.

    Raises
    ------
    LockedError
        If another run holds the folder.
    """
    stream = _open(outdir / LOCK)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stream.seek(0)
        holder = stream.read().strip()
        stream.close()
        raise LockedError(
            f"{outdir}: another run (process {holder or 'unknown'}) holds this folder; "
            "wait until it ends, or give the recipe an outdir of its own"
        ) from error
    with suppress(OSError):  # on a full disk nobody learns the number, and the lock holds
        os.truncate(stream.fileno(), 0)
        os.write(stream.fileno(), f"{os.getpid()}\n".encode())
    return stream


def _open(path: Path) -> TextIO:
    """Open the file that is locked."""
    try:
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        raise InputError(f"outdir: {explain_failure(error, path)}") from error
