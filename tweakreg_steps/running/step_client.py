"""The command ``tweakreg-step``: one step of the workflow, with as little start-up as possible.

Where a run has a warm process (see `step_server`), the step is run by a fork of it; otherwise here.
This module imports nothing that takes time.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from tweakreg_steps.running.killed_step import describe_death

INTERRUPTED = 130
KILLED = 255
"""In place of a step's exit status: what has become of it follows, as text."""
_NO_ANSWER = (
    "ERROR: the warm process was killed while it ran this step, most likely for want of memory: run"
    " fewer jobs at once (-j)\n"
)
_SET_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
SOCKET_VARIABLE = "TWEAKREG_STEP_SOCKET"


def main() -> int:
    """Run the step that the command line asks for."""
    try:
        address = os.environ.get(SOCKET_VARIABLE)
        status = _ask_server(address, sys.argv[1:]) if address else None
        if status is None:
            status = _watch_over(sys.argv[1:])
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _watch_over(arguments: list[str]) -> int:
    """Run a step in a process of its own, and say it if that is killed."""
    step = os.fork()
    if step == 0:
        _run_and_exit(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it has gone to the step as well
    signal.signal(signal.SIGTERM, lambda *_: os.kill(step, signal.SIGTERM))
    _, status, usage = os.wait4(step, 0)
    death = describe_death(status, usage.ru_maxrss)
    if death is None:
        return os.waitstatus_to_exitcode(status)
    sys.stderr.write(death)
    return 128 + os.WTERMSIG(status)


def _run_and_exit(arguments: list[str]) -> NoReturn:
    """Run a step, and end this process, which does not outlive the one that watches over it."""
    status = 1
    try:
        end_with_parent()
        from tweakreg_steps.running.step_run import run_step

        status = run_step(arguments)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BaseException:  # noqa: BLE001  whatever it was, it belongs in the job's log
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def end_with_parent() -> None:
    """Have the kernel, if it is Linux, end this process when its parent ends."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def _ask_server(address: str, arguments: list[str]) -> int | None:
    """Have the warm process run the step; None where there is none to ask."""
    import _socket  # half of the client's start-up would be the import of socket

    request = "\0".join([os.getcwd(), *arguments]).encode()  # noqa: PTH109  pathlib costs start-up
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(address.replace("@", "\0"))
    except OSError:
        return None
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (1, 2))
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)
    try:
        connection.sendmsg([len(request).to_bytes(8, "big")], [rights])
        connection.sendall(request)
        answer = connection.recv(1)
        if answer and answer[0] != KILLED:
            return answer[0]
        told = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError:
        told = ""
    sys.stderr.write(told or _NO_ANSWER)
    return 1


if __name__ == "__main__":
    sys.exit(main())
