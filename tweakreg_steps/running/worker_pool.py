"""The workers of the warm process, and the clients for which they run steps."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Container, Iterator
from dataclasses import dataclass

from tweakreg_steps.running.killed_step import describe_death
from tweakreg_steps.running.step_client import KILLED
from tweakreg_steps.running.step_request import Request
from tweakreg_steps.running.step_worker import READY, TAKEN, work

_BACKLOG = 256


@dataclass
class _Worker:
    """A process that runs steps.

    Attributes
    ----------
    channel
        Requests go there, `TAKEN` and `READY` come from there.
    client
        The connection to the client whose step it runs, None while it waits.
    sent
        What was sent to it and has not been taken yet.
    """

    channel: socket.socket
    client: socket.socket | None
    sent: Request | None = None

    def hear(self) -> None:
        """Take note of what it says; one that has ended says nothing."""
        try:
            word = self.channel.recv(1)
        except OSError:
            return
        if word == TAKEN and self.sent:
            self.sent.close_streams()
            self.sent = None
        elif word == READY and self.client:
            self.client.close()
            self.client = None


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

    def hear(self, ready: Container[object]) -> list[Request]:
        """Take note of the workers that have taken or done a step, and of those that have ended.

        Returns
        -------
        list of Request
            Those to be given again: a worker ended before it took them.
        """
        for worker in self._workers.values():
            if worker.channel in ready:
                worker.hear()
        return list(self._bury()) if self.waker in ready else []

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
                worker.client, worker.sent = request.client, request
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

    def _bury(self) -> Iterator[Request]:
        """Take note of the workers that have ended; yield what they had not taken.

        The clients of the others that were killed are told.
        """
        with contextlib.suppress(BlockingIOError):
            self.waker.recv(_BACKLOG)
        while self._workers:
            process, status, usage = os.wait4(-1, os.WNOHANG)
            if process == 0:
                return
            worker = self._workers.pop(process)
            while worker.sent and _has_said(worker.channel):
                worker.hear()
            worker.channel.close()
            if worker.sent:
                yield worker.sent
            elif worker.client:
                _tell_of_end(worker.client, status, usage.ru_maxrss)

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
            if worker.sent:
                worker.sent.close_streams()
        for end in (self.waker, self._alarm, *others):
            end.close()


def _has_said(channel: socket.socket) -> bool:
    """Tell whether there is a word of a worker, be it dead, that was not heard yet."""
    try:
        return bool(channel.recv(1, socket.MSG_PEEK))
    except OSError:
        return False


def _tell_of_end(client: socket.socket, wait_status: int, peak_kib: int) -> None:
    """Tell a client, unless its step has told how it ended, what became of the process."""
    said = describe_death(wait_status, peak_kib)
    if said is None:
        status = os.waitstatus_to_exitcode(wait_status)
        said = f"ERROR: the step, or a library in it, ended its process with status {status}\n"
    with client, contextlib.suppress(OSError):
        client.sendall(bytes([KILLED]) + said.encode())
        client.shutdown(socket.SHUT_RDWR)
