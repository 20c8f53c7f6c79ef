"""The text of the recipe beside the form, with its problems where they stand."""

from __future__ import annotations

import panel as pn

from tweakreg_steps.gui.bench import Bench
from tweakreg_steps.gui.style import CARD, HTML, paragraph

_HEIGHT = 560
_SHOWN = 8


class TextView:
    """The recipe as YAML, which may be edited, too."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._is_told = False
        self._problems = pn.pane.HTML(stylesheets=[HTML], sizing_mode="stretch_width")
        self._editor = pn.widgets.CodeEditor(
            value=bench.desk.text,
            language="yaml",
            indent=2,
            height=_HEIGHT,
            sizing_mode="stretch_width",
            css_classes=["recipe-text"],
        )
        self._editor.param.watch(lambda event: self._enter(event.new), "value")
        head = pn.pane.HTML("<h2>the recipe as a file</h2>", stylesheets=[HTML])
        self.view = pn.Column(
            head, self._problems, self._editor, stylesheets=[CARD], sizing_mode="stretch_width"
        )

    def refresh(self) -> None:
        """Show the text as it is now, and what is wrong with it."""
        desk = self._bench.desk
        found = desk.problems
        lines = [paragraph(problem.text, "bad") for problem in found[:_SHOWN]]
        more = paragraph(f"and {len(found) - _SHOWN} more", "bad") if len(found) > _SHOWN else ""
        self._problems.object = "".join(lines) + more or paragraph("valid", "good")
        annotations = [
            {"row": problem.line - 1, "column": 0, "text": problem.text, "type": "error"}
            for problem in found
            if problem.line
        ]
        if annotations != self._editor.annotations:
            self._editor.annotations = annotations
        if self._editor.value != desk.text:
            self._is_told = True
            self._editor.value = desk.text
            self._is_told = False

    def _enter(self, text: str) -> None:
        """Take what is typed."""
        if not self._is_told:
            self._bench.desk.set_text(text)
