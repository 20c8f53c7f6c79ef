"""A run in a fork of the tests' process: all the same but for the time that imports take."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from tweakreg_steps.cli import main
from tweakreg_steps.running import step_server


def import_everything() -> None:
    """Import what a run and its warm process import, once for all forks."""
    for module in ("snakemake.api", *step_server._FIRST, *step_server._LATER):
        import_module(module)


def fork_run(folder: Path, environment: Mapping[str, str], words: Sequence[str]) -> int:
    """Fork a process group that executes a command in a folder; return its number."""
    with warnings.catch_warnings():
        # the fork touches nothing that a thread of the test runner might hold
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process == 0:
        _execute(folder, environment, words)
    with contextlib.suppress(OSError):  # the child has done it
        os.setpgid(process, process)
    return process


def _execute(folder: Path, environment: Mapping[str, str], words: Sequence[str]) -> None:
    """Execute the command, in place of everything that this process was."""
    status = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = None
        _replace_streams()
        vars(step_server)["Popen"] = _ForkedServer
        status = main(words)
    finally:
        os._exit(status)


def _replace_streams() -> None:
    """Give the process streams of its own: it says nothing."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(descriptor, mode, closefd=False) for descriptor, mode in enumerate("rww")
    )


class _ForkedServer:
    """Stands in for the `Popen` of the warm process: a fork that has imported everything."""

    def __init__(self, command: Sequence[str], **_: Any) -> None:  # noqa: ANN401  as Popen
        reader, self._writer = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            try:
                os.dup2(reader, 0)
                os.close(self._writer)
                step_server.serve(command[-1])
            finally:
                os._exit(0)
        os.close(reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._writer)
        os.waitpid(self._process, 0)

    def terminate(self) -> None:
        """End the process."""
        os.kill(self._process, signal.SIGTERM)
