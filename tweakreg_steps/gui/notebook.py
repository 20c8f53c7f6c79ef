"""The desk in a notebook: a server of its own, shown in a frame of the cell."""

from __future__ import annotations

import atexit
import contextlib
import signal
import subprocess
import sys
from html import escape
from pathlib import Path

from tweakreg_steps.errors import RecipeError

_ENDING = 30.0
"""Seconds within which a run that is going on has to be stopped."""


class NotebookDesk:
    """A desk that is served while this object lives; a notebook shows it.

    The server is `tweakreg gui` in a process of its own: it listens on 127.0.0.1 of the machine
    that the notebook runs on, behind a token. Where the browser is on another machine, its port
    needs a tunnel of its own, as the notebook's has.

    Parameters
    ----------
    recipe
        The recipe.
    port
        Its port; 0 for any that is free.
    height
        Pixels of the frame.
    """

    def __init__(self, recipe: Path, *, port: int, height: int) -> None:
        self._height = height
        command = [sys.executable, "-P", "-m", "tweakreg_steps", "gui", str(recipe)]
        self._server = subprocess.Popen(
            [*command, "--no-browser", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._server.stdout  # noqa: S101  it is a pipe
        self.address = self._server.stdout.readline().strip()
        if not self.address:
            said = self._server.communicate()[1].strip()
            raise RecipeError(said.removeprefix("tweakreg: ") or "the desk could not be opened")
        atexit.register(self.close)

    def close(self) -> None:
        """End the server, and a run that it has begun."""
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.communicate(timeout=_ENDING)
            except subprocess.TimeoutExpired:
                self._server.kill()
        with contextlib.suppress(OSError):
            for stream in (self._server.stdout, self._server.stderr):
                if stream:
                    stream.close()
        atexit.unregister(self.close)

    def __repr__(self) -> str:
        """Name the address."""
        return f"<desk at {self.address}>" if self._server.poll() is None else "<desk, closed>"

    def _repr_html_(self) -> str:
        """Show it in a frame, with its address above for a page of its own."""
        if self._server.poll() is not None:
            return "<p>The desk is closed.</p>"
        address = escape(self.address)
        return (
            f'<p><a href="{address}" target="_blank">open in a page of its own</a></p>'
            f'<iframe src="{address}" width="100%" height="{self._height}" '
            'style="border:1px solid #888"></iframe>'
        )
