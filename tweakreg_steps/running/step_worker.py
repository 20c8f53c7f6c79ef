"""A fork of the warm process that runs one step after another.

A fork for each step would pay each time for the copies of the pages that it writes to, and for what
libraries do at their first use: fonts, units, the parser of formulas.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import socket
import sys
import threading
import warnings
from collections.abc import Sequence
from typing import NoReturn

from tweakreg_steps.running.step_client import INTERRUPTED, end_with_parent
from tweakreg_steps.running.step_request import Request, take_request

_RARELY = 20_000
"""New objects between two collections in a step."""
_LARGE_KIB = 400 * 1024
"""A worker that has grown by so much ends with its step: another starts as small as it did."""
TAKEN = b"t"
"""Told to the warm process when a step that it sent has come."""
READY = b"r"
"""Told to the warm process before the end of a step is told to the client."""


def work(request: Request | None, channel: socket.socket, *, is_to_stay: bool) -> NoReturn:
    """Run the step that is asked for, and those that are asked for through a channel.

    Parameters
    ----------
    request
        The first step.
    channel
        To the warm process: `READY` and `TAKEN` go there, further requests come from there.
    is_to_stay
        Whether there is to be a further step after the first.
    """
    try:
        gc.freeze()  # the modules of the warm process, also where it is not done with them
        gc.set_threshold(_RARELY)
        gc.enable()
        end_with_parent()  # the run is over when the server is
        begin = _peak()
        while request:
            status = _run(request)
            is_to_stay = is_to_stay and status == 0 and _peak() - begin < _LARGE_KIB
            if is_to_stay:
                channel.sendall(READY)
            _tell(request.client, status)
            request = _next(channel) if is_to_stay else None
    finally:
        os._exit(0)


def _next(channel: socket.socket) -> Request | None:
    """Wait for the next request; None at the end of the channel."""
    request = take_request(channel)
    if request:
        channel.sendall(TAKEN)
    return request


def _run(request: Request) -> int:
    """Run a step, its output where it is to go; return the exit status."""
    from tweakreg_steps.running.step_run import run_step

    _write_to(request.streams)
    ended = threading.Event()
    threading.Thread(target=_end_with, args=(request.client, ended), daemon=True).start()
    try:
        os.chdir(request.folder)
        with warnings.catch_warnings():  # each step gives its own, though one gave them before
            return run_step(request.arguments)
    except BaseException:  # noqa: BLE001  whatever it was, it belongs in the job's log
        import traceback

        traceback.print_exc()
        return 1
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            sys.stderr.flush()
            sys.stdout.flush()
        _write_to([os.open(os.devnull, os.O_WRONLY)] * 2)


def _tell(client: socket.socket, status: int) -> None:
    """Tell a client how its step ended; from here on it may go away."""
    with client, contextlib.suppress(OSError):
        client.sendall(bytes([status]))
        client.shutdown(socket.SHUT_RDWR)


def _write_to(files: Sequence[int]) -> None:
    """Have the standard output and error go to two open files, which are given up for that."""
    for target, file in zip((1, 2), files, strict=True):
        os.dup2(file, target)
    for file in set(files):
        os.close(file)


def _end_with(client: socket.socket, ended: threading.Event) -> None:
    """End this process when the client goes away before its step has ended: its job was killed."""
    with contextlib.suppress(OSError):
        if not client.recv(1) and not ended.is_set():
            os._exit(INTERRUPTED)


def _peak() -> int:
    """Return the largest memory that this process has held, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
