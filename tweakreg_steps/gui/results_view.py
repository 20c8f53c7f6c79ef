"""The table of the images with their plots, decisions and cures; apply and restore."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import panel as pn
from bokeh.models import NumberFormatter

from tweakreg_steps.errors import TweakRegError
from tweakreg_steps.gui.bench import Bench
from tweakreg_steps.gui.fields import value_text
from tweakreg_steps.gui.outcomes import SERVED, Outcome
from tweakreg_steps.gui.style import CARD, HTML, paragraph, span
from tweakreg_steps.records.outdir_files import REPORT
from tweakreg_steps.records.review_file import Decision

_WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
_SMALL = ":host .tabulator { font-size: 13px; }"
_DECISION = "decision"
_DIGITS = {"rms [mas]": 2, "kept": 0, "matched": 0, "dx [px]": 3, "dy [px]": 3}
_PAGE = 25
"""Images on a page of the table."""
_PLOT_WIDTH = 345
"""Pixels on the screen; two beside each other are not wider than 800."""
_WORDS = {Decision.ACCEPT: "accepted", Decision.REJECT: "rejected", Decision.REFERENCE: "reference"}
_PLOT = 20 << 20
"""The largest plot that is shown, bytes."""
_SURE = {
    "apply": "Write the accepted solutions into the headers of the original files?",
    "restore": "Put every original file back as it was before its solution was written?",
}


class ResultsView:
    """The images of the last run.

    Parameters
    ----------
    bench
        What it shows.
    say
        Shows a message.
    later
        Calls a function that takes its time, beside the page.
    show_log
        Shows what a command says.
    """

    def __init__(
        self,
        bench: Bench,
        say: Callable[[str], None],
        later: Callable[[Callable[[], None]], None],
        show_log: Callable[[], None],
    ) -> None:
        self._bench = bench
        self._say = say
        self._later = later
        self._show_log = show_log
        self._seen: object = None
        self._image = ""
        self._asked = ""
        self._count = pn.pane.HTML(stylesheets=[HTML], **_WIDE)
        self._table = pn.widgets.Tabulator(
            _frame([], {}),
            disabled=True,
            show_index=False,
            selectable=1,
            pagination="remote",
            page_size=_PAGE,
            layout="fit_data_fill",
            stylesheets=[_SMALL],
            **_WIDE,
        )
        self._table.on_click(lambda event: self._choose(event.row))
        self._table.formatters = {
            name: NumberFormatter(
                format=f"0.{'0' * digits}" if digits else "0", nan_format="", text_align="right"
            )
            for name, digits in _DIGITS.items()
        }
        self._told = pn.pane.HTML(stylesheets=[HTML], **_WIDE)
        self._accept = self._button("accept", "success", lambda: self._decide(Decision.ACCEPT))
        self._reject = self._button("reject", "danger", lambda: self._decide(Decision.REJECT))
        self._try = self._button("", "primary", self._cure)
        self._suggest = self._button("what would align it?", "default", self._measure)
        self._suggest.width = 170
        self._plots = pn.FlexBox(**_WIDE)
        self._drawn: object = None
        self._apply = self._button("apply …", "default", lambda: self._ask("apply"))
        self._restore = self._button("restore …", "default", lambda: self._ask("restore"))
        self._question = pn.Column(visible=False, **_WIDE)
        self.view = pn.Column(
            self._count,
            self._table,
            pn.Row(self._apply, self._restore),
            self._question,
            self._told,
            pn.FlexBox(self._accept, self._reject, self._try, self._suggest, **_WIDE),
            self._plots,
            stylesheets=[CARD],
            **_WIDE,
        )
        self._answer(yes=False)

    def refresh(self) -> None:
        """Show the images as they are now."""
        bench = self._bench
        outcomes = bench.outcomes()
        is_asked = bench.reviewed and bench.is_interactive
        decisions = dict(bench.reviewed.decisions) if bench.reviewed and is_asked else {}
        is_busy = bench.is_busy
        self._apply.disabled = self._restore.disabled = is_busy or not outcomes
        now = (id(outcomes), len(outcomes), tuple(decisions.values()), is_busy, bench.desk.is_saved)
        if now == self._seen:
            return
        self._seen = now
        self._count.object = self._counted(outcomes)
        self._table.hidden_columns = [] if bench.is_interactive else [_DECISION]
        self._table.value = _frame(outcomes, decisions)
        names = [outcome.image for outcome in outcomes]
        self._show(self._image if self._image in names else "")

    def _counted(self, outcomes: list[Outcome]) -> str:
        """Say how many images went how, and where the report is."""
        if not outcomes:
            return paragraph("there are no results yet: run", "help")
        n_bad = sum(bool(outcome.row["reason"]) for outcome in outcomes)
        good = span(f"{len(outcomes) - n_bad} of {len(outcomes)} images aligned", "good")
        bad = span(f", {n_bad} not aligned", "bad") if n_bad else ""
        outdir = self._bench.outdir
        has_report = outdir is not None and (outdir / REPORT).is_file()
        link = f' · <a href="{SERVED}/{REPORT}" target="_blank" rel="noreferrer">report</a>'
        return f"<p>{good}{bad}{link if has_report else ''}</p>"

    def _choose(self, row: int) -> None:
        """Show the image of a row."""
        outcomes = self._bench.outcomes()
        if row < len(outcomes):
            self._show(outcomes[row].image)

    def _show(self, image: str) -> None:
        """Show one image: what was found, its plots, and what can be done."""
        self._image = image
        found = [outcome for outcome in self._bench.outcomes() if outcome.image == image]
        reviewed, is_busy = self._bench.reviewed, self._bench.is_busy
        is_open = bool(reviewed and image in reviewed.open_to) and not is_busy
        self._accept.visible = self._reject.visible = bool(found)
        self._accept.disabled = self._reject.disabled = not is_open
        changes = found[0].changes if found else {}
        self._try.visible = bool(changes)
        self._try.name = "try " + ", ".join(
            f"{key} {value_text(v)}" for own in changes.values() for key, v in own.items()
        )
        self._try.width = 40 + 8 * len(self._try.name)
        self._suggest.visible = bool(found and found[0].row["reason"])
        self._suggest.disabled = is_busy
        if found:
            row = found[0].row
            told = (("reason", "bad"), ("detail", ""), ("cure", "name"))
            lines = [paragraph(row.get(key, ""), kind) for key, kind in told]
            if not row["reason"] and not self._bench.is_interactive:
                lines.append(paragraph("set interactive: true to accept or reject fits", "help"))
            self._told.object = f"<h2>{span(image, '')}</h2>{''.join(lines)}"
        else:
            hint = "click an image for its plots and to accept or reject it" * bool(
                self._bench.outcomes()
            )
            self._told.object = paragraph(hint, "help")
        self._draw(reviewed.plots.get(image, ()) if reviewed else ())

    def _draw(self, plots: Iterable[Path]) -> None:
        """Show some plots, unless they are shown already."""
        found = [data for data in map(self._plot, plots) if data]
        if found != self._drawn:
            self._drawn = found
            self._plots[:] = [pn.pane.PNG(data, width=_PLOT_WIDTH) for data in found]

    def _plot(self, path: Path) -> bytes | None:
        """Return a plot, if it is there."""
        try:
            is_ours = self._bench.desk.folders.hold(path) and path.stat().st_size < _PLOT
            return path.read_bytes() if is_ours else None
        except OSError:
            return None

    def _decide(self, decision: Decision) -> None:
        """Record a decision about the image that is shown."""
        image = self._image

        def record() -> None:
            try:
                self._bench.decide({image: decision})
                self._say(f"{image} is {_WORDS[decision]}; run to have it so")
            except TweakRegError as error:
                self._say(str(error))

        self._later(record)

    def _cure(self) -> None:
        """Put the cure of the image that is shown into the recipe."""
        try:
            self._say(self._bench.try_cure(self._image))
        except TweakRegError as error:
            self._say(str(error))

    def _measure(self) -> None:
        """Measure what would align the image that is shown."""
        try:
            self._bench.start("suggest", self._image)
            self._show_log()
        except TweakRegError as error:
            self._say(str(error))

    def _ask(self, name: str) -> None:
        """Ask before the user's own files are written."""
        self._asked = name
        outcomes = self._bench.outcomes()
        inputs = f"{len(outcomes)} images of {self._bench.desk.path.name}"
        self._question[:] = [
            pn.pane.HTML(paragraph(f"{_SURE[name]} ({inputs})", "wait"), stylesheets=[HTML]),
            pn.Row(
                self._button(f"yes, {name}", "danger", lambda: self._answer(yes=True)),
                self._button("no", "default", lambda: self._answer(yes=False)),
            ),
        ]
        self._question.visible = True

    def _answer(self, *, yes: bool) -> None:
        """Do what was asked about, or not."""
        self._question.visible = False
        if yes:
            try:
                self._bench.start(self._asked)
            except TweakRegError as error:
                self._say(str(error))

    @staticmethod
    def _button(name: str, kind: str, action: Callable[[], None]) -> Any:  # noqa: ANN401  a widget
        """Return a button."""
        button = pn.widgets.Button(name=name, color=kind, width=110)
        button.on_click(lambda _: action())
        return button


def _frame(outcomes: list[Outcome], decisions: dict[str, Decision]) -> pd.DataFrame:
    """Return the rows of the table."""
    rows = [outcome.row for outcome in outcomes]
    texts = {
        "image": [outcome.image for outcome in outcomes],
        "status": [str(row["status"]).replace("_", " ") for row in rows],
        "reason": [str(row["reason"]) for row in rows],
        _DECISION: [_decision(decisions.get(outcome.image)) for outcome in outcomes],
    }
    numbers = {
        "rms [mas]": [outcome.rms for outcome in outcomes],
        "kept": [row["n_fit"] for row in rows],
        "matched": [row["n_matched"] for row in rows],
        "dx [px]": [row["dx"] for row in rows],
        "dy [px]": [row["dy"] for row in rows],
    }
    # an empty table has the types of a full one, which the page keeps
    columns = {name: pd.Series(values, dtype=object) for name, values in texts.items()}
    columns |= {name: pd.Series(values, dtype=float) for name, values in numbers.items()}
    return pd.DataFrame(columns)


def _decision(decision: Decision | None) -> str:
    """Write a decision; nothing where it is not known."""
    return _WORDS.get(decision, str(decision)) if decision else ""
