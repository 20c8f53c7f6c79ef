"""Processes that are killed between any two of their operations on files."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable

_WRITING = os.O_WRONLY | os.O_RDWR
_OPERATIONS = frozenset({"os.rename", "os.remove", "os.mkdir", "os.chmod", "os.chown", "os.utime"})


def dies_before(operation: int, work: Callable[[], object]) -> bool:
    """Do `work` in a fork that is killed before its n-th operation (from 1) that changes a file.

    Opening for writing, renaming, removing and changing a file's status count, and the end of a
    finished job does not. Returns whether it was killed.
    """
    with warnings.catch_warnings():
        # the fork touches nothing that a thread of the test runner might hold
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process == 0:
        _work_until(operation, work)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _work_until(operation: int, work: Callable[[], object]) -> None:
    """Work in this process until it dies, one way or the other."""
    count = 0

    def count_operations(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
        if opens or event in _OPERATIONS:
            count += 1
            if count == operation:
                os.kill(os.getpid(), signal.SIGKILL)

    status = 1
    try:
        sys.addaudithook(count_operations)
        work()
        status = 0
    finally:
        os._exit(status)
