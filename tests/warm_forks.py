"""The warm process of a run that a test starts in its own process, without the seconds of imports.

A nursery is one process a session that has imported what all steps import. Where a run would start
an interpreter for its warm process, the nursery forks, and the fork becomes that process: with the
environment, the working directory and the streams that the interpreter would have had, and nothing
of what the test has in memory. Runs that tests start as commands know nothing of this.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from tweakreg_steps.running import step_server
from tweakreg_steps.steps import all_steps

Servers = subprocess.Popen[bytes]

_LONGEST = 1 << 17
"""Bytes of a request, of which the environment is most."""


def _is_for_python(name: str) -> bool:
    """Tell whether an interpreter reads this variable when it starts."""
    return name.startswith("PYTHON")


def leave_to_the_kernel(_descriptor: int) -> None:
    """Stand in for `os.fsync`: that a file is on the disk is seen only after the machine failed."""


class Nursery:
    """A process that has imported everything, and forks into warm processes.

    It starts when the first is wanted.
    """

    def __init__(self) -> None:
        self._requests, self._other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._environment = {**step_server._MEMORY, **os.environ}
        self._process: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """End it."""
        self._requests.close()
        self._other.close()
        if self._process:
            self._process.wait()

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        **options: Any,  # noqa: ANN401  as Popen
    ) -> Servers | ForkedServer:
        """Stand in for the `Popen` that starts a warm process.

        An environment that makes another interpreter than the nursery's has an interpreter.
        """
        names = {*env, *self._environment}
        if any(_is_for_python(n) and env.get(n) != self._environment.get(n) for n in names):
            return subprocess.Popen(command, env=env, **options)
        if not self._process:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(self._other.fileno())],
                stdin=subprocess.DEVNULL,
                env=self._environment,
                pass_fds=[self._other.fileno()],
            )
            self._other.close()
        return ForkedServer(self._requests, command[-1], env)


class ForkedServer:
    """What a run needs of the `Popen` of its warm process."""

    def __init__(
        self, requests: socket.socket, address: str, environment: Mapping[str, str]
    ) -> None:
        reader, writer = os.pipe()
        request = {"address": address, "folder": os.getcwd(), "environment": dict(environment)}  # noqa: PTH109  text
        socket.send_fds(requests, [json.dumps(request).encode()], [reader, 2])
        os.close(reader)
        self.stdin = os.fdopen(writer, "wb")
        self._handle = os.pidfd_open(int(requests.recv(_LONGEST)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(BrokenPipeError):
            self.stdin.close()
        select.select([self._handle], [], [])
        os.close(self._handle)

    def terminate(self) -> None:
        """End the process."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGTERM)


def _answer_requests(requests: socket.socket) -> None:
    """Fork into a warm process for each request, until nobody is there to ask."""
    for module in (*step_server._FIRST, *step_server._modules_for(all_steps())):
        import_module(module)
    vars(os)["fsync"] = leave_to_the_kernel
    gc.freeze()
    while True:
        content, descriptors, _, _ = socket.recv_fds(requests, _LONGEST, 2)
        if not content:
            return
        process = os.fork()
        if process == 0:
            requests.close()
            _become_server(json.loads(content), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        requests.send(str(process).encode())
        _bury()


def _become_server(request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Be the warm process that was asked for, and nothing else."""
    status = 1
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        for target, descriptor in zip((0, 2, 1), (*descriptors, null), strict=True):
            os.dup2(descriptor, target)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        step_server.serve(request["address"])
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def _bury() -> None:
    """Take note of the forks that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).parent))  # the tests' modules are none of the run's
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        _answer_requests(asking)
