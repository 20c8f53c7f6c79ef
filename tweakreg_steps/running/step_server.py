"""A warm process that runs steps in forks of itself, so that each starts in a millisecond.

Importing astropy, scipy and matplotlib costs a step more than most steps do. The server imports
them once, in the order in which a run needs them, and answers requests in between. Its standard
input is a pipe from the run that started it: a line names the rules whose steps will be asked for;
at its end the server ends, too.
"""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import select
import signal
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from subprocess import DEVNULL, PIPE, Popen

from tweakreg_steps.running.killed_step import describe_death
from tweakreg_steps.running.step_client import (
    INTERRUPTED,
    KILLED,
    SOCKET_VARIABLE,
    end_with_parent,
)

_FIRST = (
    "numpy",
    "tweakreg_steps.running.step_run",
    "tweakreg_steps.tables.ecsv",
    "astropy.io.fits",
    "astropy.wcs",
    "tweakreg_steps.fits_files.exposure",
)
"""What most steps need, in the order in which a run needs it."""
_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 28),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "MALLOC_TOP_PAD_": str(1 << 24),
}
"""Has glibc keep the memory of one large array for the next: pages that are given back and taken
anew are a third of what the search for sources costs. Other systems do not read this."""
_BACKLOG = 256
_RARELY = 20_000
"""New objects between two collections in a step."""


Prepare = Callable[[Iterable[str]], None]
"""Tells the warm process which rules will run, in their order."""


@contextmanager
def warm_steps(*, wanted: bool = True, at_once: bool = True) -> Iterator[Prepare]:
    """Keep a warm process for the steps of a run; without one, each step starts by itself.

    What it needs to import is told it when the run knows.

    The socket has a name that is no file (an abstract one, which Linux alone has), so that a killed
    run leaves nothing behind; the server answers its own user only.

    Parameters
    ----------
    wanted
        Whether there is to be one: its address would go to a cluster with the environment, where
        each job has one of its own.
    at_once
        Whether it starts before the run knows what there is to do; otherwise it does when there is
        anything.
    """
    if not (wanted and sys.platform.startswith("linux")):
        yield lambda _rules: None
        return
    address = f"@tweakreg-{os.getpid()}-{secrets.token_hex(8)}"
    # -P: modules of the working directory are none of the run's
    command = [sys.executable, "-P", "-m", "tweakreg_steps.running.step_server", address]
    environment = {**_MEMORY, **os.environ}
    servers: list[Popen[bytes]] = []

    def start() -> Popen[bytes]:
        if not servers:
            servers.append(Popen(command, stdin=PIPE, stdout=DEVNULL, env=environment))
            os.environ[SOCKET_VARIABLE] = address
        return servers[0]

    def prepare(rules: Iterable[str]) -> None:
        stdin = start().stdin
        assert stdin  # noqa: S101  it is a pipe
        with contextlib.suppress(BrokenPipeError):
            stdin.write(f"{' '.join(rules)}\n".encode())
            stdin.flush()

    try:
        if at_once:
            start()
        yield prepare
    finally:
        for server in servers:
            del os.environ[SOCKET_VARIABLE]
            with server:
                server.terminate()


def serve(address: str) -> None:
    """Answer requests at `address` until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # modules are no garbage; steps collect theirs
    children = _Children()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(address.replace("@", "\0"))
        listener.listen(_BACKLOG)
        pending = deque(_FIRST)
        warm = False
        while True:
            sources = [listener, sys.stdin, children.waker]
            ready, _, _ = select.select(sources, [], [], None if warm else 0)
            if children.waker in ready:
                children.bury()
            if sys.stdin in ready:
                rules = sys.stdin.readline().split()
                if not rules:
                    return
                pending.extend(_modules_for(rules))
                warm = False
            elif listener in ready:
                connection, _ = listener.accept()
                if _is_own(connection):
                    children.add(_fork(connection, listener, children), connection)
                else:
                    connection.close()
            elif pending:
                import_module(pending.popleft())
            else:
                _be_warm()
                warm = True


class _Children:
    """The forks that run steps, each with the connection to the client that asked for it.

    Attributes
    ----------
    waker
        Can be read when one of them has ended.
    """

    def __init__(self) -> None:
        self.waker, self._alarm = socket.socketpair()
        for end in (self.waker, self._alarm):
            end.setblocking(False)  # noqa: FBT003  the library's own signature
        self._connections: dict[int, socket.socket] = {}
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)

    def add(self, process: int, connection: socket.socket) -> None:
        """Keep the connection of a fork."""
        self._connections[process] = connection

    def bury(self) -> None:
        """Take note of the forks that have ended; tell the clients of those that were killed."""
        with contextlib.suppress(BlockingIOError):
            self.waker.recv(_BACKLOG)
        while self._connections:
            process, status, usage = os.wait4(-1, os.WNOHANG)
            if process == 0:
                return
            with self._connections.pop(process) as connection, contextlib.suppress(OSError):
                death = describe_death(status, usage.ru_maxrss)
                if death:
                    connection.sendall(bytes([KILLED]) + death.encode())
                connection.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Have nothing to do with them, in a fork."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self.waker, self._alarm, *self._connections.values()):
            end.close()


def _modules_for(rules: Iterable[str]) -> Iterator[str]:
    """Yield the modules that the steps of some rules import."""
    from tweakreg_steps.steps import all_steps

    for rule in rules:
        step = all_steps()[rule]
        yield step.module
        yield from step.imports


def _be_warm() -> None:
    """Do once what each step would do again, and keep the collector from touching the modules."""
    from tweakreg_steps.records.library_versions import library_versions

    library_versions()
    gc.freeze()


def _is_own(connection: socket.socket) -> bool:
    """Tell whether a request comes from this process's user."""
    size = struct.calcsize("3i")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, user, _ = struct.unpack("3i", credentials)
    return bool(user == os.getuid())


def _fork(connection: socket.socket, listener: socket.socket, children: _Children) -> int:
    """Run one request in a fork, and return its number."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        gc.set_threshold(_RARELY)
        gc.enable()
        end_with_parent()  # the run is over when the server is
        children.forget()
        listener.close()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        status = _answer(connection)
    finally:
        with contextlib.suppress(OSError):
            connection.sendall(bytes([status]))
        os._exit(status)


def _answer(connection: socket.socket) -> int:
    """Read one request and run its step."""
    from tweakreg_steps.running.step_run import run_step

    header, descriptors, _, _ = socket.recv_fds(connection, 8, 2)
    for target, descriptor in zip((1, 2), descriptors, strict=True):
        os.dup2(descriptor, target)
        os.close(descriptor)
    length = int.from_bytes(header, "big")
    request = b""
    while len(request) < length:
        part = connection.recv(length - len(request))
        if not part:
            return INTERRUPTED
        request += part
    folder, *arguments = request.decode().split("\0")
    os.chdir(folder)
    threading.Thread(target=_end_with_client, args=(connection,), daemon=True).start()
    try:
        return run_step(arguments)
    except BaseException:  # noqa: BLE001  whatever it was, it belongs in the job's log
        import traceback

        traceback.print_exc()
        return 1
    finally:
        sys.stderr.flush()
        sys.stdout.flush()


def _end_with_client(connection: socket.socket) -> None:
    """End this process when the client goes away: its job was killed."""
    with contextlib.suppress(OSError):
        if not connection.recv(1):
            os._exit(INTERRUPTED)


if __name__ == "__main__":
    serve(sys.argv[1])
