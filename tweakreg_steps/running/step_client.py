"""The command ``tweakreg-step``: one step of the workflow, with as little start-up as possible.

Where a run has a warm process (see `step_server`), one of its workers runs the step; otherwise it
is run here. This module imports nothing that takes time.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing and signal is four fifths of what starting this costs
    from typing import NoReturn

INTERRUPTED = 130
LENGTH = 8
"""Bytes before a request, which say how many bytes it has."""
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
        here = os.getcwd()  # noqa: PTH109  pathlib costs start-up
        answer = ask_server(address, here, sys.argv[1:], streams=(1, 2)) if address else None
        if answer is None:
            return _watch_over(sys.argv[1:])
    except KeyboardInterrupt:
        return INTERRUPTED
    status, told = answer
    sys.stderr.write(told)
    return status


def _watch_over(arguments: list[str]) -> int:
    """Run a step in a process of its own, and say it if that is killed."""
    import signal

    from tweakreg_steps.running.killed_step import describe_death

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
        import signal

        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def framed(text: bytes) -> bytes:
    """Return a text as it goes to the warm process and from there to a worker: its length first."""
    return len(text).to_bytes(LENGTH, "big") + text


def ask_server(
    address: str, folder: str, arguments: list[str], *, streams: tuple[int, int]
) -> tuple[int, str] | None:
    """Have the warm process run a step, and wait for its end.

    Parameters
    ----------
    address
        Where it listens.
    folder
        The working directory of the step.
    arguments
        What ``tweakreg-step`` is called with.
    streams
        File descriptors for what the step writes to its standard output and error.

    Returns
    -------
    tuple of int and str or None
        Exit status and what is left to say of it, for its standard error; None where there is no
        warm process to ask.
    """
    import _socket  # half of the client's start-up would be the import of socket

    request = "\0".join([folder, *arguments]).encode()
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(address.replace("@", "\0"))
    except OSError:
        return None
    descriptors = b"".join(number.to_bytes(4, sys.byteorder) for number in streams)
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)
    try:
        message = framed(request)
        rest = message[connection.sendmsg([message], [rights]) :]
        if rest:  # with nothing, this would fail where the step is done by now
            connection.sendall(rest)
        answer = connection.recv(1)
        if answer and answer[0] != KILLED:
            return answer[0], ""
        told = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError:
        told = ""
    finally:
        connection.close()
    return 1, told or _NO_ANSWER


if __name__ == "__main__":
    sys.exit(main())
