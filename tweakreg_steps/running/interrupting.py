"""An interrupt ends a run, whether a terminal sends it to all processes or somebody to one.

So does a termination, as batch systems and ``timeout`` send it. A second one of either kind ends
the run at once; what it leaves the next run removes.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM)."""


@contextmanager
def heed_termination() -> Iterator[None]:
    """Raise `Terminated` when this process is asked to end, as Python does for an interrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def keep_interrupt(*, end_jobs: bool) -> Iterator[None]:
    """Raise KeyboardInterrupt or `Terminated` at the end if there was one.

    Snakemake takes an interrupt for a failed job, and at a termination waits for the jobs.

    Parameters
    ----------
    end_jobs
        End all processes that this one has started; otherwise only those that run steps, for the
        others are commands that speak with a cluster, whose jobs Snakemake cancels by them.
    """
    from tweakreg_steps.running.ending_jobs import Ended

    count = 0
    terminations: list[int] = []
    ended = Ended()

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        if count > 1:
            ended.kill_all_and_exit(signal.SIGTERM if terminations else signal.SIGINT)
        ended.end(only_steps=not end_jobs)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        with _terminations_as_interrupts(terminations):
            try:
                yield
            finally:
                ended.kill_those_left()
    finally:
        signal.signal(signal.SIGINT, before)
    if terminations:
        raise Terminated
    if count:
        raise KeyboardInterrupt


@contextmanager
def _terminations_as_interrupts(terminations: list[int]) -> Iterator[None]:
    """Have each SIGTERM act as a SIGINT, whoever sets a handler for it meanwhile; note it down.

    Snakemake does set one, which waits for the jobs. But whatever the handlers are, Python writes
    the number of each signal that comes into the pipe that it is given.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    main = threading.main_thread().ident
    assert main is not None  # noqa: S101  it runs

    def watch() -> None:
        while number := os.read(reader, 1):
            if number[0] == signal.SIGTERM:
                terminations.append(number[0])
                signal.pthread_kill(main, signal.SIGINT)

    before = signal.signal(signal.SIGTERM, lambda *_: None)
    former = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(former)
        signal.signal(signal.SIGTERM, before)
        os.close(writer)
        thread.join()
        os.close(reader)
