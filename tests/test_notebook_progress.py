"""Progress in a notebook, without one."""

from __future__ import annotations

from typing import Any

import pytest

from tweakreg_steps.running.notebook_progress import NotebookProgress, is_notebook


class Shown(list[str]):
    """What is shown, in order, where one place is shown anew."""

    def display(self, html: Any) -> Shown:  # noqa: ANN401  whatever shows itself
        self.update(html)
        return self

    def update(self, html: Any) -> None:  # noqa: ANN401
        self.append(html._repr_html_())


def test_one_place_shows_how_far_it_is_and_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown()
    progress = NotebookProgress(shown.display)
    lines = ["[ 1/20] find_sources a<b>", "tweakreg: warning: a word", "failed: fit_alignment x"]
    for line in lines:
        progress.write(f"{line}\n")
    progress.write("[20/20] write_report\n")
    progress.close()
    assert len(shown) <= 1 + 1  # within so short a time it is not shown anew but at the end
    assert '<progress value="1" max="20"></progress> 1 of 20 jobs' in shown[0]
    assert "find_sources a&lt;b&gt;" in shown[0]
    assert "20 of 20 jobs" in shown[-1]
    assert "<b>failed:</b> fit_alignment x" in shown[-1]
    assert capsys.readouterr().err == "tweakreg: warning: a word\n"


def test_without_a_run_nothing_is_shown() -> None:
    shown = Shown()
    NotebookProgress(shown.display).close()
    assert not shown
    assert not is_notebook()
