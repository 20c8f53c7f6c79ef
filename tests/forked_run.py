"""A command in a fork of the tests' process: all the same but for the time that imports take."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from tweakreg_steps.cli import main
from tweakreg_steps.running import own_process, step_server
from tweakreg_steps.steps import all_steps


def import_everything() -> None:
    """Import what a run and its warm process import, once for all forks."""
    for module in ("snakemake.cli", *step_server._FIRST, *step_server._modules_for(all_steps())):
        import_module(module)
    gc.freeze()  # what is here already is looked through in no fork


@dataclass(frozen=True)
class Command:
    """A command, and how it is to be executed.

    Attributes
    ----------
    words
        The command line.
    folder
        The working directory.
    environment
        All environment variables.
    said
        The descriptor that takes what it says, or None.
    size_limit
        How large it may make a file, bytes, or None.
    printed
        The descriptor that takes what it prints, or None.
    program
        What executes the words and returns the exit status.
    """

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    said: int | None = None
    size_limit: int | None = None
    printed: int | None = None
    program: Callable[[Sequence[str]], int] = main


def execute(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    program: Callable[[Sequence[str]], int] = main,
) -> subprocess.CompletedProcess[str]:
    """Execute a command in a fork to its end, and return what it said."""
    import_everything()
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said:
        streams = {"printed": printed.fileno(), "said": said.fileno()}
        command = Command(words, folder, dict(environment), program=program, **streams)
        process = fork_command(command)
        _, status = os.waitpid(process, 0)
        texts = []
        for stream in (printed, said):
            stream.seek(0)
            texts.append(stream.read().decode())
    return subprocess.CompletedProcess(words, os.waitstatus_to_exitcode(status), *texts)


def snakemake(words: Sequence[str]) -> int:
    """Do what the program ``snakemake`` does; a warning is no error there."""
    from snakemake import cli

    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    # it keeps the stream that it met when it was imported, perhaps one that pytest captures
    import_module("snakemake.shell").STDOUT = sys.stdout  # type: ignore[attr-defined]
    sys.argv = ["snakemake", *words]
    try:
        cli.main(list(words))
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def fork_command(command: Command) -> int:
    """Fork a process group that executes a command; return its number."""
    with warnings.catch_warnings():
        # the fork touches nothing that a thread of the test runner might hold
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process == 0:
        _execute(command)
    with contextlib.suppress(OSError):  # the child has done it
        os.setpgid(process, process)
    return process


def _execute(command: Command) -> None:
    """Execute the command, in place of everything that this process was."""
    status = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(command.folder)
        os.environ.clear()
        os.environ.update(command.environment)
        tempfile.tempdir = None
        _replace_streams(command.printed, command.said)
        if command.size_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (command.size_limit, command.size_limit))
        vars(step_server)["Popen"] = _ForkedServer
        status = command.program(command.words)
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001  as an interpreter does
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _replace_streams(printed: int | None, said: int | None) -> None:
    """Give the process streams of its own: output goes to what is given, or nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor, target in enumerate((None, printed, said)):
        os.dup2(null if target is None else target, descriptor)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(descriptor, mode, closefd=False) for descriptor, mode in enumerate("rww")
    )


class _ForkedServer:
    """Stands in for the `Popen` of the warm process: a fork that has imported everything."""

    def __init__(self, command: Sequence[str], **_: Any) -> None:  # noqa: ANN401  as Popen
        reader, writer = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            try:
                os.dup2(reader, 0)
                os.close(writer)
                self._before = sys.stdin  # a thread that is not here may hold its lock
                sys.stdin = os.fdopen(0, closefd=False)
                step_server.serve(command[-1])
            finally:
                os._exit(0)
        os.close(reader)
        self.stdin = os.fdopen(writer, "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        with contextlib.suppress(ChildProcessError):  # whoever ended it has waited for it
            os.waitpid(self._process, 0)

    def terminate(self) -> None:
        """End the process."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGTERM)


class ForkedCall:
    """Stands in for the `Popen` of the run of a Python call, as a fork with everything imported."""

    def __init__(self, command: Sequence[str], **_: Any) -> None:  # noqa: ANN401  as Popen
        import_everything()
        reader, writer = os.pipe()
        said, saying = os.pipe()
        with warnings.catch_warnings():
            # as in `fork_command`
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            for descriptor in (writer, said):
                os.close(descriptor)
            _run_call(command, reader, saying)
        with contextlib.suppress(OSError):  # the child has done it
            os.setpgid(self.pid, self.pid)
        for descriptor in (reader, saying):
            os.close(descriptor)
        self.stdin, self.stderr = os.fdopen(writer, "w"), os.fdopen(said, errors="replace")
        self.returncode: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdin.close()
        self.stderr.close()
        self.wait()

    def wait(self) -> int:
        """Wait for its end; return the exit status."""
        if self.returncode is None:
            _, status = os.waitpid(self.pid, 0)
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _run_call(command: Sequence[str], reader: int, saying: int) -> None:
    """Execute the run of a Python call, in place of everything that this process was."""
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        warnings.simplefilter("ignore")
        _replace_streams(None, saying)
        os.dup2(reader, 0)
        vars(step_server)["Popen"] = _ForkedServer
        sys.argv = list(command[command.index(own_process.__name__) :])
        own_process.main()
    finally:
        os._exit(1)
