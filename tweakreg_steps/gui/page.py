"""The page: what every browser that looks at the desk is given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import panel as pn

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.gui.bench import Bench
from tweakreg_steps.gui.form_view import FormView
from tweakreg_steps.gui.results_view import ResultsView
from tweakreg_steps.gui.run_view import RunView
from tweakreg_steps.gui.style import CARD, HTML, PAGE, paragraph, span
from tweakreg_steps.gui.text_view import TextView

_PERIOD = 500
"""How often the page looks what is new, ms."""
_REPORT = "results/report.html"


def make_page(bench: Bench) -> Any:  # noqa: ANN401  a layout of Panel
    """Return the page of a desk for one browser."""
    pn.extension("codeeditor", "tabulator", raw_css=[PAGE], notifications=False)
    return _Page(bench).view


class _Page:
    """Head, form, run and results."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._working = threading.Lock()
        self._seen: object = None
        self._title = pn.pane.HTML(stylesheets=[HTML], sizing_mode="stretch_width")
        self._message = pn.pane.HTML(stylesheets=[HTML], sizing_mode="stretch_width")
        self._save = pn.widgets.Button(name="save", button_type="primary", width=90)
        self._reload = pn.widgets.Button(
            name="reload", width=90, description="drop what is not saved"
        )
        self._save.on_click(lambda _: self._do(bench.desk.save))
        self._reload.on_click(lambda _: self._do(bench.desk.reload))
        self._form = FormView(bench, self._say)
        self._text = TextView(bench)
        self._run = RunView(bench, self._say)
        self._results = ResultsView(bench, self._say, self._later, _REPORT)
        self._form.view.styles = {"flex": "1 1 420px", "min-width": "min(420px, 100%)"}
        self._text.view.styles = {"flex": "1 1 420px", "min-width": "min(420px, 100%)"}
        recipe = pn.FlexBox(
            self._form.view, self._text.view, gap="12px", sizing_mode="stretch_width"
        )
        self._tabs = pn.Tabs(
            ("recipe", recipe),
            ("plan and run", self._run.view),
            ("results", self._results.view),
            sizing_mode="stretch_width",
        )
        head = pn.Column(
            pn.FlexBox(self._title, pn.Row(self._save, self._reload), sizing_mode="stretch_width"),
            self._message,
            stylesheets=[CARD],
            sizing_mode="stretch_width",
        )
        self.view = pn.Column(head, self._tabs, sizing_mode="stretch_width", margin=(8, 12))
        self._title.styles = {"flex": "1 1 300px"}
        self._later(bench.look)
        pn.state.add_periodic_callback(self._tick, period=_PERIOD)
        self._tick()

    def _tick(self) -> None:
        """Show what is new since the last time."""
        bench = self._bench
        if bench.settle():
            self._later(bench.look)
        command = bench.command
        now = (
            bench.desk.version,
            bench.message,
            bench.is_busy,
            id(bench.reviewed),
            id(bench.planned),
            (len(command.lines), command.done, command.stopped) if command else None,
        )
        if now == self._seen:
            return
        self._seen = now
        self._refresh_head()
        self._form.refresh()
        self._text.refresh()
        self._run.refresh()
        self._results.refresh()

    def _refresh_head(self) -> None:
        """Say what the recipe is and how it stands."""
        desk = self._bench.desk
        n_problems = len(desk.problems)
        if n_problems:
            state = span(f"{n_problems} problem{'s' * (n_problems > 1)}: not saved", "bad")
        elif not desk.is_saved:
            state = span("valid, not saved yet", "wait")
        else:
            state = span(f"saved, {len(desk.image_names)} images", "good")
        title = paragraph(desk.path.name, "").replace("<p ", "<h1 ").replace("</p>", "</h1>")
        self._title.object = f"{title}<p>{state} {span(desk.path.absolute().parent, 'help')}</p>"
        self._save.disabled = bool(n_problems) or desk.is_saved
        self._message.object = paragraph(self._bench.message, "name")

    def _do(self, action: Callable[[], None]) -> None:
        """Do something with the recipe; say why where it cannot be done."""
        try:
            action()
            self._say("")
        except RecipeError as error:
            self._say(str(error))
        self._tick()

    def _say(self, text: str) -> None:
        """Show a message in every browser."""
        self._bench.message = text

    def _later(self, action: Callable[[], None]) -> None:
        """Do what reads many files in a thread, one after the other."""

        def work() -> None:
            with self._working:
                action()

        threading.Thread(target=work, daemon=True).start()
