"""Plan, run, stop, and what the program says meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import panel as pn

from tweakreg_steps.errors import TweakRegError
from tweakreg_steps.gui.bench import Bench
from tweakreg_steps.gui.style import CARD, HTML, paragraph, table

_JOBS = 300
"""Jobs of a plan that are shown."""
_LINES = 200
"""Lines of the log that are shown."""

_TAIL = (
    ":host { display: flex; flex-direction: column-reverse; max-height: 60vh; overflow-y: auto; }"
)
"""A log of which the end is seen."""


class RunView:
    """Buttons for the commands, their progress and their words."""

    def __init__(self, bench: Bench, say: Callable[[str], None]) -> None:
        self._bench = bench
        self._say = say
        self._plan = _button("plan", "default", lambda: self._start("plan"))
        self._check = _button("check", "default", lambda: self._start("validate"))
        self._run = _button("run", "primary", lambda: self._start("run"))
        self._stop = _button("stop", "danger", bench.stop)
        self._bar = pn.indicators.Progress(
            name="progress", value=0, max=100, sizing_mode="stretch_width", height=14
        )
        self._state = pn.pane.HTML(stylesheets=[HTML], sizing_mode="stretch_width")
        self._jobs = pn.pane.HTML(stylesheets=[HTML], sizing_mode="stretch_width")
        self._log = pn.pane.HTML(stylesheets=[HTML, _TAIL], sizing_mode="stretch_width")
        self.view = pn.Column(
            pn.FlexBox(self._check, self._plan, self._run, self._stop),
            self._state,
            self._bar,
            self._jobs,
            self._log,
            stylesheets=[CARD],
            sizing_mode="stretch_width",
        )

    def refresh(self) -> None:
        """Show how far the command is."""
        bench = self._bench
        command, is_busy = bench.command, bench.is_busy
        is_wrong = bool(bench.desk.problems)
        for button in (self._check, self._plan, self._run):
            button.disabled = is_busy or is_wrong
        self._stop.disabled = not is_busy
        self._bar.visible = is_busy
        if command is None:
            text = (
                "check looks at all files that the recipe names; plan lists the jobs that would "
                "run, and why; run makes what is not up to date"
            )
            self._state.object = paragraph(text, "help")
            return
        if is_busy and command.total:
            self._bar.param.update(active=False, max=command.total, value=command.done)
        elif is_busy:
            self._bar.param.update(active=True, value=-1)
        counted = f": {command.done} of {command.total} jobs" if command.total else ""
        stopping = ", stopping" if command.stopped else ""
        text = f"{command.name} is running{counted}{stopping}" if is_busy else ""
        self._state.object = paragraph(text, "wait")
        self._show_plan()
        lines = list(command.lines)[-_LINES:]
        hidden = command.name == "plan" and bench.planned is not None
        kept = [line for line in lines if not hidden or not line.startswith(("[", " ", "]"))]
        log = "\n".join(kept)
        self._log.object = f"<pre>{escape(log)}</pre>"

    def _show_plan(self) -> None:
        """Show the jobs that would run."""
        planned = self._bench.planned
        if planned is None:
            self._jobs.object = ""
            return
        rows = [
            [str(job["rule"]), str(job["image"]), "; ".join(map(str, job["reasons"]))]
            for job in planned[:_JOBS]
        ]
        more = f"and {len(planned) - _JOBS} more jobs" if len(planned) > _JOBS else ""
        head = f"{len(planned)} jobs would run" if planned else "nothing to do"
        shown = table(["job", "image", "why"], rows) if rows else ""
        self._jobs.object = f"{paragraph(head, 'name')}{shown}{paragraph(more, 'help')}"

    def _start(self, name: str) -> None:
        """Start a command."""
        try:
            self._bench.start(name)
        except TweakRegError as error:
            self._say(str(error))
        self.refresh()


def _button(name: str, kind: str, action: Callable[[], None]) -> pn.widgets.Button:
    """Return a button."""
    button = pn.widgets.Button(name=name, color=kind, width=90)
    button.on_click(lambda _: action())
    return button
