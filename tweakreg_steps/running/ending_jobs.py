"""Ending the processes of a run's jobs, and those that they have started."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

import psutil

_STEPS = ("tweakreg-step", "tweakreg_steps.running.step_")
"""What the command lines of the processes that run steps hold."""
_PATIENCE = 1.0
"""Seconds that a process has for its end."""


@dataclass
class Ended:
    """The processes that were asked to end.

    They are remembered: one whose parent has ended before it is nobody's descendant any more.
    """

    processes: list[psutil.Process] = field(default_factory=list)

    def end(self, *, only_steps: bool) -> None:
        """Ask the processes that this one has started, and theirs, to end.

        Parameters
        ----------
        only_steps
            Only those that run steps, with all that these have started.
        """
        found: dict[psutil.Process, None] = {}
        while new := [p for p in _of_jobs(only_steps=only_steps) if p not in found]:
            for process in new:  # first all are halted, so that none starts another meanwhile
                found[process] = None
                with suppress(psutil.Error):
                    process.suspend()
        self.processes += found
        for process in found:
            with suppress(psutil.Error):
                process.terminate()
                process.resume()

    def kill_those_left(self) -> None:
        """Kill those that did not end when they were asked to."""
        _, left = psutil.wait_procs(self.processes, timeout=_PATIENCE)
        for process in left:
            with suppress(psutil.Error):
                process.kill()

    def kill_all_and_exit(self, number: int) -> NoReturn:
        """Kill all processes that this one has started, and end it as the signal would have."""
        for process in (*self.processes, *_children(psutil.Process())):
            with suppress(psutil.Error):
                process.kill()
        sys.stderr.write("tweakreg: ended at once; run again to go on from here\n")
        sys.stderr.flush()
        os._exit(128 + number)


def _of_jobs(*, only_steps: bool) -> list[psutil.Process]:
    """Return the processes that this one has started, and theirs: all, or those of steps."""
    found = _children(psutil.Process())
    if not only_steps:
        return found
    steps = filter(_runs_step, found)
    return [process for step in steps for process in (step, *_children(step))]


def _runs_step(process: psutil.Process) -> bool:
    """Tell whether a process is a step, its shell, or the warm process."""
    try:
        return any(name in word for word in process.cmdline() for name in _STEPS)
    except psutil.Error:
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    """Return what a process has started, and theirs; nothing where it is gone."""
    try:
        found: list[psutil.Process] = process.children(recursive=True)
    except psutil.Error:
        return []
    return found
