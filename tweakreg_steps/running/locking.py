"""One run at a time in an output folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tweakreg_steps.workflow.folder_lock import lock_outdir
from tweakreg_steps.workflow.outdir import prepare_outdir


@contextmanager
def hold_outdir(outdir: Path) -> Iterator[None]:
    """Hold the output folder for the time of a run.

    Raises
    ------
    LockedError
        If another run holds the folder.
    """
    prepare_outdir(outdir)
    with lock_outdir(outdir):
        yield
