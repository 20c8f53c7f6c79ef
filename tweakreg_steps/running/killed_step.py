"""What is said of a step whose process was killed: it cannot say it itself.

This module imports nothing that takes time.
"""

from __future__ import annotations

import os
import signal

_CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT})
_KIB = 1024
_GB = 1e9


def describe_death(wait_status: int, peak_kib: int) -> str | None:
    """Say which signal ended a process, and how much memory it had held.

    Parameters
    ----------
    wait_status
        As `os.wait4` gives it.
    peak_kib
        The largest memory of the process, KiB: ``ru_maxrss``.

    Returns
    -------
    str or None
        One line for the job's log; None where the process ended by itself.
    """
    if not os.WIFSIGNALED(wait_status):
        return None
    number = os.WTERMSIG(wait_status)
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    held = f"it had held {peak_kib * _KIB / _GB:.2f} GB of memory{_of_machine()}"
    if number == signal.SIGKILL:
        return (
            f"ERROR: the step was killed ({name}); {held}. The system kills so for want of "
            "memory: run fewer jobs at once (-j), or where there is more\n"
        )
    if number in _CRASHES:
        return f"ERROR: the step crashed ({name}), most likely in a library; {held}\n"
    return f"ERROR: the step was ended from outside ({name}); {held}\n"


def _of_machine() -> str:
    """Say how much memory the machine has, where it tells."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return ""
    return f" of the machine's {total / _GB:.1f} GB" if total > 0 else ""
