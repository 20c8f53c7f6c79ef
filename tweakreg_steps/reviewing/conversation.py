"""Asking about one image after another, on a terminal or through a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tweakreg_steps.fit_file import read_fit
from tweakreg_steps.records.outdir_files import REVIEW
from tweakreg_steps.records.review_file import Decision, Review, read_reviews, write_reviews
from tweakreg_steps.reviewing.plot_window import PlotWindow, has_display
from tweakreg_steps.steps.products import FIT
from tweakreg_steps.workflow.decisions import fit_stamp
from tweakreg_steps.workflow.project import Project

_QUESTION = "y or Enter accepts, n rejects, b goes back, q quits: "
_ANSWERS = {
    "": Decision.ACCEPT,
    "y": Decision.ACCEPT,
    "yes": Decision.ACCEPT,
    "n": Decision.REJECT,
    "no": Decision.REJECT,
}
_QUIT, _BACK = "q", "b"


def ask_about(project: Project, names: Sequence[str]) -> None:
    """Show each image, ask, and record the answer at once; ``b`` asks about the last one again.

    The end of the input is as good as ``q``: the images that are left wait on. What was typed
    on a terminal before a question was asked is no answer to it.
    """
    number = 0
    with _window() as window:
        while number < len(names):
            name = names[number]
            plots = plots_of(project, name)
            sys.stderr.write(f"\n{number + 1} of {len(names)}: {_describe(project, name)}")
            if window and plots:
                window.show(plots, name)
            else:
                sys.stderr.writelines(f"{plot}\n" for plot in plots)
            answer = _ask(window)
            if answer == _QUIT:
                return
            if isinstance(answer, Decision):
                record_decisions(project, {name: answer})
            number = max(number - 1, 0) if answer == _BACK else number + 1


def record_decisions(project: Project, decisions: Mapping[str, Decision]) -> None:
    """Write decisions about the present fits into ``review.yaml``, in the order of the images."""
    path = project.outdir / REVIEW
    reviews = read_reviews(path)
    for name, decision in decisions.items():
        reviews[name] = Review(decision, fit_stamp(project.plan, name) or "")
    inputs = [name for name in project.names if name in reviews]
    others = [name for name in reviews if name not in inputs]
    write_reviews(path, {name: reviews[name] for name in [*inputs, *others]})


def plots_of(project: Project, name: str) -> list[Path]:
    """Return the plots of an image."""
    return [
        project.outdir / output
        for job in project.plan.jobs.values()
        if job.image == name
        for output in job.outputs
        if output.endswith(".png")
    ]


@contextmanager
def _window() -> Iterator[PlotWindow | None]:
    """Give a window for the plots, where there is a display."""
    if not has_display():
        yield None
        return
    window = PlotWindow()
    try:
        yield window
    finally:
        window.close()


def _describe(project: Project, name: str) -> str:
    """Give the row of the summary for the fit of an image."""
    from tweakreg_steps import __version__
    from tweakreg_steps.reporting.report_table import format_plain
    from tweakreg_steps.reporting.summary import build_summary

    fit = read_fit(project.outdir / FIT.path(image=name))
    summary = build_summary(
        [fit], version=__version__, recipe_digest="", reference=fit["reference"]
    )
    return f"{name}, aligned to {fit['reference']}\n{format_plain(summary)}"


def _ask(window: PlotWindow | None) -> Decision | str:
    """Ask until there is an answer: a decision, or to quit, or to go back."""
    _forget_typing()
    while True:
        sys.stderr.write(_QUESTION)
        sys.stderr.flush()
        if window and sys.stdin.isatty():
            window.wait_for_line(sys.stdin)
        line = sys.stdin.readline()
        answer = line.strip().lower()
        if not line or answer == _QUIT:
            sys.stderr.write("" if line else "\n")
            return _QUIT
        if answer == _BACK:
            return _BACK
        if answer in _ANSWERS:
            return _ANSWERS[answer]
        sys.stderr.write(f"{answer!r} is no answer; ")


def _forget_typing() -> None:
    """Drop what was typed on a terminal before the question: a key pressed twice is a slip."""
    if not sys.stdin.isatty():
        return
    import termios

    with suppress(termios.error):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
