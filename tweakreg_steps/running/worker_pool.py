"""The workers of the warm process, and the clients for which they run steps."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Container
from dataclasses import dataclass

from tweakreg_steps.running.killed_step import describe_death
from tweakreg_steps.running.step_client import KILLED
from tweakreg_steps.running.step_request import Request
from tweakreg_steps.running.step_worker import READY, work

_BACKLOG = 256


@dataclass
class _Worker:
    """A process that runs steps.

    Attributes
    ----------
    channel
        Requests go there, `READY` comes from there.
    client
        The connection to the client whose step it runs, None while it waits.
    """

    channel: socket.socket
    client: socket.socket | None


class WorkerPool:
    """Forks workers when they are needed, gives them steps, and tells of those that were killed.

    There are as many as steps were asked for at once.

    Attributes
    ----------
    waker
        Can be read when a worker has ended.
    """

    def __init__(self) -> None:
        self.waker, self._alarm = socket.socketpair()
        for end in (self.waker, self._alarm):
            end.setblocking(False)  # noqa: FBT003  the library's own signature
        self._workers: dict[int, _Worker] = {}
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)

    @property
    def sources(self) -> list[socket.socket]:
        """What is to be listened to."""
        return [self.waker, *(worker.channel for worker in self._workers.values())]

    def hear(self, ready: Container[object]) -> None:
        """Take note of the workers that have done a step, and of those that have ended."""
        for worker in self._workers.values():
            if worker.channel in ready and _says_ready(worker.channel) and worker.client:
                worker.client.close()
                worker.client = None
        if self.waker in ready:
            self._bury()

    def give(self, request: Request, listener: socket.socket, *, is_warm: bool) -> None:
        """Have a step run, by a worker that waits or by a new one.

        Parameters
        ----------
        request
            The step.
        listener
            Closed in a new worker.
        is_warm
            Whether this process has imported all that the steps need: a worker that is forked
            before does a single step, or it would have to import what is missing by itself.
        """
        for worker in self._workers.values():
            if worker.client is None and request.pass_on(worker.channel):
                worker.client = request.client
                return
        ours, theirs = socket.socketpair()
        process = os.fork()
        if process == 0:
            try:
                self._forget(ours, listener)
                work(request, theirs, is_to_stay=is_warm)
            finally:
                os._exit(1)
        theirs.close()
        request.close_streams()
        self._workers[process] = _Worker(ours, request.client)

    def _bury(self) -> None:
        """Take note of the workers that have ended; tell the clients of those that were killed."""
        with contextlib.suppress(BlockingIOError):
            self.waker.recv(_BACKLOG)
        while self._workers:
            process, status, usage = os.wait4(-1, os.WNOHANG)
            if process == 0:
                return
            worker = self._workers.pop(process)
            worker.channel.close()
            if worker.client:
                _tell_of_end(worker.client, describe_death(status, usage.ru_maxrss))

    def end(self) -> None:
        """End all workers, and wait for that: so their use of time is accounted for."""
        for process in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for process in self._workers:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)

    def _forget(self, *others: socket.socket) -> None:
        """Have nothing to do with the other workers, in a new one."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        for worker in self._workers.values():
            worker.channel.close()
            if worker.client:
                worker.client.close()
        for end in (self.waker, self._alarm, *others):
            end.close()


def _says_ready(channel: socket.socket) -> bool:
    """Tell whether a worker waits for a step; one that has ended says nothing."""
    try:
        return channel.recv(1) == READY
    except OSError:
        return False


def _tell_of_end(client: socket.socket, death: str | None) -> None:
    """Tell a client that the process which ran its step has ended."""
    with client, contextlib.suppress(OSError):
        if death:
            client.sendall(bytes([KILLED]) + death.encode())
        client.shutdown(socket.SHUT_RDWR)
