"""Run a command and measure what its whole process tree used (Linux)."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Usage:
    """What a command used.

    Attributes
    ----------
    wall
        Seconds until the command ended.
    cpu
        User and system seconds of the command and all its descendants.
    peak
        Largest resident memory of any single process of them, in MB (10^6 bytes).
    """

    wall: float
    cpu: float
    peak: float


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent has ended, so that they are counted."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become a subreaper")


def measure(command: list[str], *, folder: Path, log: Path) -> Usage:
    """Run a command to its end, and to the end of everything it started.

    Call :func:`adopt_orphans` first.

    Raises
    ------
    RuntimeError
        If the command fails; names its log.
    """
    os.sync()  # writing back what was made before is not the command's work
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | {"MPLBACKEND": "Agg"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command} ended with {process.returncode}; see {log}")
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss
    for orphan in _orphans():
        cpu += orphan.ru_utime + orphan.ru_stime
        peak = max(peak, orphan.ru_maxrss)
    return Usage(wall, cpu, peak * 1024 / 1e6)


def _orphans() -> list[resource.struct_rusage]:
    """Wait for the processes that outlived the command, and collect their accounts."""
    accounts: list[resource.struct_rusage] = []
    while True:
        try:
            _, _, used = os.wait4(-1, 0)
        except ChildProcessError:
            return accounts
        accounts.append(used)
