"""The table of the images with their plots, decisions and cures; apply and restore."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import panel as pn

from tweakreg_steps.errors import TweakRegError
from tweakreg_steps.gui.bench import Bench
from tweakreg_steps.gui.outcomes import SERVED, Outcome
from tweakreg_steps.gui.style import CARD, HTML, paragraph, span
from tweakreg_steps.records.outdir_files import REPORT
from tweakreg_steps.records.review_file import Decision

_WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
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
    """

    def __init__(
        self,
        bench: Bench,
        say: Callable[[str], None],
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        self._bench = bench
        self._say = say
        self._later = later
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
            **_WIDE,
        )
        self._table.on_click(lambda event: self._choose(event.row))
        self._told = pn.pane.HTML(stylesheets=[HTML], **_WIDE)
        self._accept = self._button("accept", "success", lambda: self._decide(Decision.ACCEPT))
        self._reject = self._button("reject", "danger", lambda: self._decide(Decision.REJECT))
        self._try = self._button("try the cure", "primary", self._cure)
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
            pn.Row(self._accept, self._reject, self._try),
            self._plots,
            stylesheets=[CARD],
            **_WIDE,
        )
        self._answer(yes=False)

    def refresh(self) -> None:
        """Show the images as they are now."""
        bench = self._bench
        outcomes = bench.outcomes()
        decisions = dict(bench.reviewed.decisions) if bench.reviewed else {}
        is_busy = bench.is_busy
        self._apply.disabled = self._restore.disabled = is_busy or not outcomes
        now = (id(outcomes), len(outcomes), tuple(decisions.values()), is_busy, bench.desk.is_saved)
        if now == self._seen:
            return
        self._seen = now
        self._count.object = self._counted(outcomes)
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
        self._try.visible = bool(found and found[0].changes)
        if found:
            row = found[0].row
            told = (("reason", "bad"), ("detail", ""), ("cure", "name"))
            lines = [paragraph(row.get(key, ""), kind) for key, kind in told]
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
    return pd.DataFrame(
        {
            "image": [outcome.image for outcome in outcomes],
            "status": [str(outcome.row["status"]).replace("_", " ") for outcome in outcomes],
            "decision": [_decision(decisions.get(outcome.image)) for outcome in outcomes],
            "pairs": [f"{o.row['n_fit']} of {o.row['n_matched']}" for o in outcomes],
            "dx [px]": [_number(outcome.row["dx"], 3) for outcome in outcomes],
            "dy [px]": [_number(outcome.row["dy"], 3) for outcome in outcomes],
            "rms [mas]": [_number(outcome.rms, 2) for outcome in outcomes],
            "reason": [str(outcome.row["reason"]) for outcome in outcomes],
        },
        dtype=object,
    )


def _decision(decision: Decision | None) -> str:
    """Write a decision; nothing where it is not known."""
    return _WORDS.get(decision, str(decision)) if decision else ""


def _number(value: Any, digits: int) -> str:  # noqa: ANN401  a number
    """Write a number; nothing where there is none."""
    number = float(value)
    return f"{number:.{digits}f}" if math.isfinite(number) else ""
