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
        save, drop = ("done", "drop the change") if bench.ended else ("save", "reload")
        self._save = pn.widgets.Button(name=save, color="primary", width=90)
        self._drop = pn.widgets.Button(name=drop, width=130 if bench.ended else 90)
        self._save.on_click(lambda _: self._do(self._keep))
        self._drop.on_click(lambda _: self._do(self._forget))
        self._form = FormView(bench, self._say)
        self._text = TextView(bench)
        self._run = RunView(bench, self._say)
        self._results = ResultsView(bench, self._say, self._later, self._show_log)
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
            pn.FlexBox(self._title, pn.Row(self._save, self._drop), sizing_mode="stretch_width"),
            self._message,
            stylesheets=[CARD],
            sizing_mode="stretch_width",
        )
        self.view = pn.Column(
            head, recipe if bench.ended else self._tabs, sizing_mode="stretch_width", margin=(8, 12)
        )
        self._title.styles = {"flex": "1 1 300px"}
        if bench.ended is None:
            self._later(bench.look)
        pn.state.add_periodic_callback(self._tick, period=_PERIOD)
        self._tick()

    def _tick(self) -> None:
        """Show what is new since the last time."""
        bench = self._bench
        if not self._save.visible:
            return
        bench.watch()
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
            state = span("valid" if self._bench.ended else "valid, not saved yet", "wait")
        else:
            state = span(f"saved, {len(desk.image_names)} images", "good")
        title = paragraph(desk.path.name, "").replace("<p ", "<h1 ").replace("</p>", "</h1>")
        self._title.object = f"{title}<p>{state} {span(desk.path.absolute().parent, 'help')}</p>"
        is_idle = desk.is_saved and self._bench.ended is None
        self._save.disabled = bool(n_problems) or is_idle
        self._message.object = paragraph(self._bench.message, "name")

    def _keep(self) -> None:
        """Save the recipe, or end the editor with it."""
        if self._bench.ended is None:
            self._bench.desk.save()
        else:
            self._end(self._bench.ended, keep=True)

    def _forget(self) -> None:
        """Drop what is not saved, or end the editor without it."""
        if self._bench.ended is None:
            self._bench.desk.reload()
        else:
            self._end(self._bench.ended, keep=False)

    def _end(self, ended: Callable[[bool], None], *, keep: bool) -> None:
        """End the editor."""
        ended(keep)
        self._save.visible = self._drop.visible = False
        self._title.object = paragraph("this page can be closed", "name")

    def _do(self, action: Callable[[], None]) -> None:
        """Do something with the recipe; say why where it cannot be done."""
        try:
            action()
        except RecipeError as error:
            self._say(str(error))
        else:
            self._say("")
        if self._save.visible:
            self._tick()

    def _show_log(self) -> None:
        """Show what a command says."""
        self._tabs.active = 1

    def _say(self, text: str) -> None:
        """Show a message in every browser."""
        self._bench.message = text

    def _later(self, action: Callable[[], None]) -> None:
        """Do what reads many files in a thread, one after the other."""

        def work() -> None:
            with self._working:
                action()

        threading.Thread(target=work, daemon=True).start()
