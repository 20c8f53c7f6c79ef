"""A command of `tweakreg` in a process of its own, followed line by line."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tweakreg_steps.printable import printable_line

_KEPT = 2000
"""Lines that are kept."""
_STEP = re.compile(r"\[ *(\d+)/(\d+)\] ")


class Command:
    """A command that runs beside the desk.

    Parameters
    ----------
    name
        The command: ``run``.
    arguments
        What follows it.
    folder
        Where it runs.

    Attributes
    ----------
    lines
        The last lines that it wrote on stdout and stderr, with no control characters.
    output
        What it wrote on stdout.
    done, total
        How many jobs of how many are done, as far as it says.
    """

    def __init__(self, name: str, arguments: Sequence[str], folder: Path) -> None:
        self.name = name
        self.lines: deque[str] = deque(maxlen=_KEPT)
        self.output: list[str] = []
        self.done = self.total = 0
        self.stopped = False
        # -P: modules of the working directory are none of the command's
        words = [sys.executable, "-P", "-m", "tweakreg_steps", name, *arguments]
        self._process = subprocess.Popen(
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        assert self._process.stdout and self._process.stderr  # noqa: S101, PT018  they are pipes
        self._readers = [
            threading.Thread(target=self._read, args=(stream, kept), daemon=True)
            for stream, kept in ((self._process.stdout, self.output), (self._process.stderr, None))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def is_running(self) -> bool:
        """Whether it is not at its end, or not everything that it said was read."""
        return self._process.poll() is None or any(reader.is_alive() for reader in self._readers)

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return None if self.is_running else self._process.returncode

    def stop(self) -> None:
        """Interrupt it as Ctrl-C does; what is done is kept. A second time it is terminated."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM if self.stopped else signal.SIGINT)
            self.stopped = True

    def wait(self) -> int:
        """Wait for its end, and return its exit status."""
        status = self._process.wait()
        for reader in self._readers:
            reader.join()
        return status

    def _read(self, stream: IO[str], kept: list[str] | None) -> None:
        """Take line after line."""
        with stream:
            for line in stream:
                text = line.rstrip("\n")
                self.lines.append(printable_line(text))
                if kept is not None:
                    kept.append(text)
                step = _STEP.match(text)
                if step:
                    self.done, self.total = int(step[1]), int(step[2])
