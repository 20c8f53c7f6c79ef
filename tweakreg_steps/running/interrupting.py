"""An interrupt ends a run, whether a terminal sends it to all processes or somebody to one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


@contextmanager
def keep_interrupt(*, end_jobs: bool) -> Iterator[None]:
    """Raise KeyboardInterrupt at the end if there was one: Snakemake takes it for a failed job.

    Parameters
    ----------
    end_jobs
        End the processes of the jobs, for which Snakemake would wait; not where they are commands
        that speak with a cluster.
    """
    interrupted = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        if end_jobs:
            _end_descendants()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted:
        raise KeyboardInterrupt


def _end_descendants() -> None:
    """End all processes that this one has started, and theirs."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.terminate()
