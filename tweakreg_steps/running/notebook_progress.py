"""How far a run is, in a notebook: one line that changes, in the place of a line a job."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from html import escape
from typing import Any

_DONE = re.compile(r"^\[ *(?P<done>\d+)/(?P<total>\d+)\] (?P<job>.+)$")
_FAILED = re.compile(r"^failed: (?P<job>.+)$")
_PAUSE = 0.2
"""Seconds between two changes of what is shown."""


def is_notebook() -> bool:
    """Tell whether there is a notebook that shows HTML."""
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


class NotebookProgress:
    """Shows in a notebook what a run says of its progress; the rest goes to ``sys.stderr``.

    Parameters
    ----------
    display
        Shows HTML and returns a handle whose ``update`` shows other HTML in its place:
        `IPython.display.display` with a ``display_id``.
    """

    def __init__(self, display: Callable[[Any], Any]) -> None:
        self._display = display
        self._handle: Any = None
        self._began = self._shown = time.monotonic()
        self._done = self._total = 0
        self._last = ""
        self._failed: list[str] = []

    def write(self, line: str) -> None:
        """Take one line of what the run says."""
        if found := _DONE.match(line.rstrip()):
            self._done, self._total = int(found["done"]), int(found["total"])
            self._last = found["job"]
        elif found := _FAILED.match(line.rstrip()):
            self._failed.append(found["job"])
        else:
            sys.stderr.write(line)
            sys.stderr.flush()
            return
        if self._handle is None or time.monotonic() - self._shown >= _PAUSE:
            self._show()

    def close(self) -> None:
        """Show how it ended, if anything was done."""
        if self._handle is not None:
            self._show()

    def _show(self) -> None:
        """Show how far it is."""
        self._shown = time.monotonic()
        html = _Html(self._html())
        if self._handle is None:
            self._handle = self._display(html)
        else:
            self._handle.update(html)

    def _html(self) -> str:
        """Write how far it is."""
        took = time.monotonic() - self._began
        left = took / self._done * (self._total - self._done) if self._done else 0.0
        said = [f"{self._done} of {self._total} jobs", f"{_seconds(took)}"]
        if self._done < self._total:
            said += [f"about {_seconds(left)} left", escape(self._last)] if self._done else []
        failed = "".join(f"<br><b>failed:</b> {escape(job)}" for job in self._failed)
        bar = f'<progress value="{self._done}" max="{max(self._total, 1)}"></progress>'
        return f"<div>{bar} {', '.join(said)}{failed}</div>"


class _Html:
    """HTML that shows itself in a notebook."""

    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        """Return it."""
        return self._html

    def __repr__(self) -> str:
        """Return its words alone, where no HTML is shown."""
        return re.sub(r"<[^>]*>", " ", self._html).strip()


def _seconds(time: float) -> str:
    """Write a time in seconds or minutes."""
    return f"{time:.0f} s" if time < 60 else f"{time // 60:.0f} min {time % 60:.0f} s"  # noqa: PLR2004


def notebook_progress() -> NotebookProgress:
    """Return what shows the progress in the notebook that there is."""
    from IPython.display import display

    return NotebookProgress(lambda html: display(html, display_id=True))  # type: ignore[no-untyped-call]
