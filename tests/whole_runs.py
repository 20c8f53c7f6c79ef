"""Runs as processes of their own, in a world that holds whatever they leave behind."""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

import pytest
from forked_run import Command, fork_command, import_everything
from ledgers import entries
from matplotlib import get_configdir

from tweakreg_steps.records.outdir_files import LEDGER, NOTES
from tweakreg_steps.resources import user_cache

_MARK = "TWEAKREG_TESTED_RUN"
_TIMES = ("mtime_ns", "inode", "ticket")
_STORY = {LEDGER, ".tweakreg/plan.sqlite", ".tweakreg/plane.json", ".tweakreg/story.js"}
_LOG_OF_SNAKEMAKE = re.compile(r"\.snakemake/log/.*\.snakemake\.log$")
_COMMAND = ("run", "recipe.yaml", "-j", "2")


@dataclass
class ForkedRun:
    """What a test needs of the `Popen` of a run, of a forked one.

    Attributes
    ----------
    pid
        The number of the process.
    stderr
        What it says.
    returncode
        The exit status, or the negative signal that ended it; None while it runs.
    """

    pid: int
    stderr: TextIO
    returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status if it has ended."""
        return self._wait(os.WNOHANG)

    def wait(self, _patience: float = math.inf) -> int | None:
        """Wait for its end, however long; return the exit status."""
        return self._wait(0)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            process, status = os.waitpid(self.pid, options)
            if process:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


@dataclass(frozen=True)
class World:
    """A folder for everything that a run writes: products, caches, temporary files.

    Attributes
    ----------
    folder
        The folder, with a recipe.
    mark
        What the environment of every process of its runs holds.
    groups
        The process groups of its runs.
    is_first
        Whether its first run is the user's first, which has to read the code of all steps: that
        takes longer than a small run.
    """

    folder: Path
    is_first: bool = False
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    groups: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Leave the test out where its processes cannot be looked at."""
        if not sys.platform.startswith("linux"):
            pytest.skip("what a run leaves behind is looked for in /proc, which only Linux has")

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.folder / "out"

    def environment(self) -> dict[str, str]:
        """Return the environment of its runs."""
        (self.folder / "tmp").mkdir(exist_ok=True)
        cache = self.folder / "cache"
        if not self.is_first and not cache.exists() and user_cache().is_dir():
            shutil.copytree(user_cache(), cache / user_cache().name, ignore=_all_but_code)
        return {
            **os.environ,
            "TMPDIR": str(self.folder / "tmp"),
            "XDG_CACHE_HOME": str(cache),
            "MPLCONFIGDIR": get_configdir(),
            _MARK: self.mark,
        }

    def command(self, *words: str, flags: Sequence[str] = ()) -> list[str]:
        """Return the command line of a run; `flags` are those of Python."""
        return [sys.executable, *flags, "-m", "tweakreg_steps", *_COMMAND, *words]

    def start(
        self,
        *words: str,
        before: Sequence[str] = (),
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        stream: bool = True,
    ) -> subprocess.Popen[str]:
        """Start a run in a process group of its own.

        `before` is what executes the command, `stream` gives what it says.
        """
        run = subprocess.Popen(
            [*before, *self.command(*words, flags=flags)],
            cwd=self.folder,
            env={**self.environment(), **(environment or {})},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if stream else subprocess.DEVNULL,
            text=True,
        )
        self.groups.add(run.pid)
        return run

    def finish(
        self,
        *words: str,
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Run to the end; return the exit status and what was said."""
        with self.start(*words, flags=flags, environment=environment) as run:
            assert run.stderr
            said = run.stderr.read()
        return run.returncode, said

    def kill_after(self, seconds: float) -> bool:
        """Start a run and kill its process group after a time; tell whether it was running."""
        with self.start(stream=False) as run:
            try:
                run.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
        assert run.returncode in (0, -signal.SIGKILL)
        return run.returncode == -signal.SIGKILL

    def fork(self, *words: str) -> int:
        """Fork this process, which has imported everything already, into a run of its own group."""
        return self._fork(words or _COMMAND, None, None)

    @contextmanager
    def start_fork(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> Iterator[ForkedRun]:
        """Start a run as `start` does, as a fork of this process, which has imported everything."""
        import_everything()
        reader, writer = os.pipe()
        process = self._fork((*_COMMAND, *words), writer, None, environment or {})
        os.close(writer)
        with os.fdopen(reader) as stream:
            run = ForkedRun(process, stream)
            try:
                yield run
            finally:
                run.wait()

    def finish_fork(self, *words: str, size_limit: int | None = None) -> tuple[int, str]:
        """Execute a command, a run if none is given, in a fork; return status and what was said."""
        reader, writer = os.pipe()
        process = self._fork(words or _COMMAND, writer, size_limit)
        os.close(writer)
        with os.fdopen(reader) as stream:
            said = stream.read()
        _, status = os.waitpid(process, 0)
        return os.waitstatus_to_exitcode(status), said

    def _fork(
        self,
        words: tuple[str, ...],
        said: int | None,
        size_limit: int | None,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> int:
        """Fork this process into a command."""
        environment = {**self.environment(), **more}
        process = fork_command(Command(words, self.folder, environment, said, size_limit))
        self.groups.add(process)
        return process

    def kill_fork_after(self, seconds: float) -> bool:
        """Kill a forked run and its group after a time; tell whether it was running."""
        process = self.fork()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                assert os.waitstatus_to_exitcode(status) == 0
                return False
            time.sleep(0.002)
        os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
        return True

    def living(self, patience: float = 60.0) -> list[str]:
        """Return the commands of the runs' processes that are still there after some seconds.

        Those that are ending need a moment, a long one on a busy machine.
        """
        end = time.monotonic() + patience
        while True:
            found = [text for text in map(self._command, Path("/proc").iterdir()) if text]
            if not found or time.monotonic() > end:
                return found
            time.sleep(0.02)

    def _command(self, process: Path) -> str:
        """Return the command of a process of this world's runs, nothing of any other.

        One that is ending has neither command nor environment any more, but still its open files
        and with them its locks.
        """
        try:
            *_, state, _, group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
            is_own = int(group) in self.groups
            is_own |= f"{_MARK}={self.mark}".encode() in (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, ValueError):
            return ""
        return (command or "ending") if is_own and state not in "ZX" else ""

    def names(self) -> set[str]:
        """Return the names of all files and folders, but for Snakemake's logs, one a run."""
        found = (str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))
        return {name for name in found if not _LOG_OF_SNAKEMAKE.search(name)}

    def contents(self) -> dict[str, Any]:
        """Return the content of every file that does not tell the story of the runs.

        That is all but logs and Snakemake's notes; the times of files are taken out of the others.
        """
        told = {"logs", ".snakemake", "tweakreg.log", ".tweakreg.lock"}
        jobs = {
            f"{LEDGER} {rule} {name}": _without_times(entry)
            for (rule, name), entry in entries(self.out).items()
        }
        return jobs | {
            str(path.relative_to(self.out)): _timeless(path)
            for path in sorted(self.out.rglob("*"))
            if path.is_file() and path.relative_to(self.out).parts[0] not in told
            if str(path.relative_to(self.out)) not in _STORY
            and not path.is_relative_to(self.out / NOTES)
        }


def _all_but_code(_folder: str, names: list[str]) -> set[str]:
    """Return what of the user's cache is not what was learnt of the code."""
    return {*names} - {"code.json"}


def _timeless(path: Path) -> Any:  # noqa: ANN401  bytes, or any JSON value
    """Return what a file holds; of a JSON file without the times and places of other files."""
    content = path.read_bytes()
    return _without_times(json.loads(content)) if path.suffix == ".json" else content


def _without_times(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """Return a JSON value without the times and places of files."""
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k not in _TIMES}
    return [_without_times(v) for v in value] if isinstance(value, list) else value
