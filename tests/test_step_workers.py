"""Workers of the warm process run one step after another, each as if it were alone."""

from __future__ import annotations

import _socket
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest

from tweakreg_steps.records.outdir_files import PLAN
from tweakreg_steps.records.plan_file import PlannedJob, write_plan
from tweakreg_steps.running.step_client import SOCKET_VARIABLE, ask_server
from tweakreg_steps.running.step_request import receive_request
from tweakreg_steps.running.step_server import warm_steps
from tweakreg_steps.workflow.outdir import prepare_outdir

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self"), reason="only Linux has it")  # noqa: PTH110

ODD = """\
import sys, types
step = types.ModuleType("tweakreg_steps.steps.odd")
def run(call):
    import os, warnings
    print(os.getpid(), os.path.basename(os.getcwd()))
    warnings.warn("this is odd")
    if call.name == "failing":
        raise ValueError(call.name)
    if call.name == "killed":
        os.kill(os.getpid(), 9)
    if call.name == "leaving":
        os._exit(7)
step.run = run
from tweakreg_steps.steps.declaration import Per, Step
step.STEP = Step(step.__name__, per=Per.ALL, facts=dict, writes={})
sys.modules["tweakreg_steps.steps.odd"] = step
"""
_A_WHILE = 0.5
"""Seconds."""
NAMES = ("first", "second", "failing", "killed", "leaving")


@dataclass(frozen=True)
class Answer:
    """How a step ended, and what it wrote."""

    status: int
    told: str
    output: str
    errors: str

    @property
    def process(self) -> int:
        """The process that ran it."""
        return int(self.output.split()[0])


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Answer]]:
    """Have the warm process run a step that is told by name."""
    record: Any = {
        "rule": "odd",
        "name": "all",
        "parameters": {},
        "inputs": {},
        "upstream_jobs": {},
    }
    jobs = [
        PlannedJob("odd", name, "ticket", "odd.log", record, {}, {}, {}, {}, {}, {}, 1, 1)
        for name in NAMES
    ]
    prepare_outdir(tmp_path)
    write_plan(tmp_path / PLAN, jobs, labels={})
    (tmp_path / "sitecustomize.py").write_text(ODD)
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", paths)

    def run(name: str) -> Answer:
        output, errors = tmp_path / "output.txt", tmp_path / "errors.txt"
        with output.open("wb") as out, errors.open("wb") as err:
            streams = (out.fileno(), err.fileno())
            words = [".", "odd", name, "ticket"]
            answer = ask_server(os.environ[SOCKET_VARIABLE], str(tmp_path), words, streams=streams)
        assert answer
        return Answer(*answer, output.read_text(), errors.read_text())

    with warm_steps():
        _wait_for_server()
        yield run


def test_a_worker_runs_one_step_after_another(ask: Callable[[str], Answer]) -> None:
    first, second = _two_of_one_worker(ask)
    assert first.process == second.process
    assert first.output == second.output
    for answer in (first, second):
        assert (answer.status, answer.told) == (0, "")
        assert answer.errors.count("UserWarning: this is odd") == 1


def test_after_a_failure_another_worker_goes_on(ask: Callable[[str], Answer]) -> None:
    before, _ = _two_of_one_worker(ask)
    failed = ask("failing")
    assert failed.process == before.process
    assert failed.status == 1
    assert "ValueError: failing" in failed.errors
    assert ask("first").process != before.process


def test_of_a_killed_worker_the_client_is_told(ask: Callable[[str], Answer]) -> None:
    _two_of_one_worker(ask)
    killed = ask("killed")
    assert killed.status == 1
    assert "the step was killed (SIGKILL)" in killed.told
    assert ask("first").status == 0


def test_of_a_worker_that_a_step_ended_the_client_is_told(ask: Callable[[str], Answer]) -> None:
    left = ask("leaving")
    assert left.status == 1
    assert "ended its process with status 7" in left.told


def test_a_worker_that_waits_may_be_killed(ask: Callable[[str], Answer]) -> None:
    waiting, _ = _two_of_one_worker(ask)
    psutil.Process(waiting.process).kill()
    after = ask("first")
    assert (after.status, after.told) == (0, "")
    assert after.process != waiting.process


@pytest.mark.slow
def test_a_step_that_a_worker_has_not_taken_is_given_to_another(
    ask: Callable[[str], Answer],
) -> None:
    waiting, _ = _two_of_one_worker(ask)
    process = psutil.Process(waiting.process)
    process.suspend()
    with ThreadPoolExecutor() as pool:
        after = pool.submit(ask, "second")
        time.sleep(_A_WHILE)  # it is sent to the one that does not move
        assert not after.done()
        process.kill()
        answer = after.result()
    assert (answer.status, answer.told) == (0, "")
    assert answer.process != waiting.process
    assert ask("first").process == answer.process


def test_a_step_may_be_done_before_its_client_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    done = Event()

    class Slow(_socket.socket):
        """A client that is held up when it has asked."""

        def sendmsg(self, *arguments: Any) -> int:  # noqa: ANN401  as the library's
            """Ask, and go on when the step is done."""
            sent = super().sendmsg(*arguments)
            assert done.wait(60)
            return sent

    address = f"@tweakreg-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address.replace("@", "\0"))
        listener.listen()

        def answer() -> None:
            request = receive_request(listener.accept()[0])
            assert request
            request.close_streams()
            with request.client as client:
                client.sendall(b"\0")
                client.shutdown(socket.SHUT_RDWR)
            done.set()

        with ThreadPoolExecutor() as pool:
            served = pool.submit(answer)
            monkeypatch.setattr(_socket, "socket", Slow)
            words = [".", "odd", "first", "ticket"]
            assert ask_server(address, "/", words, streams=(1, 2)) == (0, "")
            served.result()


def test_workers_end_with_the_run(ask: Callable[[str], Answer]) -> None:
    waiting, _ = _two_of_one_worker(ask)
    worker = psutil.Process(waiting.process)
    server = worker.parent()
    assert server
    server.terminate()
    assert not psutil.wait_procs([server, worker], timeout=300)[1]


def _two_of_one_worker(ask: Callable[[str], Answer]) -> tuple[Answer, Answer]:
    """Ask for steps until one worker has run two, which it does when all is imported."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        first, second = ask("first"), ask("second")
        if first.process == second.process:
            return first, second
    raise AssertionError("no worker has stayed")


def _wait_for_server() -> None:
    """Wait until the warm process answers."""
    import socket

    address = os.environ[SOCKET_VARIABLE].replace("@", "\0")
    until = time.monotonic() + 300
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            if connection.connect_ex(address) == 0:
                return
        time.sleep(0.01)
    raise AssertionError("it does not answer")
