"""A run in a fork of the tests' process: all the same but for the time that imports take."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from tweakreg_steps.cli import main
from tweakreg_steps.running import step_server
from tweakreg_steps.steps import all_steps


def import_everything() -> None:
    """Import what a run and its warm process import, once for all forks."""
    for module in ("snakemake.api", *step_server._FIRST, *step_server._modules_for(all_steps())):
        import_module(module)


@dataclass(frozen=True)
class Command:
    """A command of ``tweakreg``, and how it is to be executed.

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
    """

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    said: int | None = None
    size_limit: int | None = None


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
        _replace_streams(command.said)
        if command.size_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (command.size_limit, command.size_limit))
        vars(step_server)["Popen"] = _ForkedServer
        status = main(command.words)
        sys.stderr.flush()
    finally:
        os._exit(status)


def _replace_streams(said: int | None) -> None:
    """Give the process streams of its own: what it says goes to one that is given, or nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    if said is not None:
        os.dup2(said, 2)
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
                step_server.serve(command[-1])
            finally:
                os._exit(0)
        os.close(reader)
        self.stdin = os.fdopen(writer, "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdin.close()
        os.waitpid(self._process, 0)

    def terminate(self) -> None:
        """End the process."""
        os.kill(self._process, signal.SIGTERM)
