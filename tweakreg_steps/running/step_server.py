"""A warm process that runs steps in forks of itself, so that each starts at once.

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
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from subprocess import DEVNULL, PIPE, Popen
from typing import NoReturn

from tweakreg_steps.running.step_client import SOCKET_VARIABLE
from tweakreg_steps.running.step_request import receive_request
from tweakreg_steps.running.worker_pool import WorkerPool

_FIRST = (
    "numpy",
    "tweakreg_steps.running.unused_modules",
    "tweakreg_steps.running.step_run",
    "tweakreg_steps.tables.table_file",
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
    pool = WorkerPool()
    signal.signal(signal.SIGTERM, lambda *_: _leave(pool))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(address.replace("@", "\0"))
        listener.listen(_BACKLOG)
        pending = deque(_FIRST)
        warm = False
        while True:
            sources = [listener, sys.stdin, *pool.sources]
            ready, _, _ = select.select(sources, [], [], None if warm else 0)
            for again in pool.hear(ready):
                pool.give(again, listener, is_warm=warm)
            if sys.stdin in ready:
                rules = sys.stdin.readline().split()
                if not rules:
                    _leave(pool)
                pending.extend(_modules_for(rules))
                warm = False
            elif listener in ready:
                connection, _ = listener.accept()
                request = receive_request(connection) if _is_own(connection) else None
                if request is None:
                    connection.close()
                    continue
                # once for all forks: each would have to do it otherwise
                _import_for(request.rule)
                pool.give(request, listener, is_warm=warm)
            elif pending:
                import_module(pending.popleft())
            elif not warm:
                _be_warm()
                warm = True


def _leave(pool: WorkerPool) -> NoReturn:
    """End the workers and this process, with no time spent on taking leave of all modules."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pool.end()
    os._exit(0)


def _modules_for(rules: Iterable[str]) -> Iterator[str]:
    """Yield the modules that the steps of some rules import."""
    from tweakreg_steps.steps import all_steps

    for rule in rules:
        step = all_steps()[rule]
        yield step.module
        yield from step.imports


def _import_for(rule: str | None) -> None:
    """Import what the step of a rule needs; what is no rule has its error in the step."""
    from tweakreg_steps.steps import all_steps

    if rule in all_steps():
        for module in (*_FIRST, *_modules_for([rule])):
            import_module(module)


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


if __name__ == "__main__":
    serve(sys.argv[1])
