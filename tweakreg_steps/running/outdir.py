"""The output folder: there and writable, or refused before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path

from tweakreg_steps.errors import InputError


def prepare_outdir(outdir: Path) -> None:
    """Make the output folder if it is not there.

    Raises
    ------
    InputError
        If it cannot be made or written.
    """
    try:
        outdir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"outdir: {outdir}: cannot be made ({error.strerror}); choose a folder you may write"
        ) from error
    if not os.access(outdir, os.W_OK | os.X_OK):
        raise InputError(f"outdir: {outdir}: is not writable; choose a folder you may write")
