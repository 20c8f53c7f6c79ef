"""How every picture of this package looks, and how it becomes a PNG.

matplotlib's object interface only: no pyplot, no window, no style of the user's, and nothing of
the process's settings is left changed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.arrays import BoolArray
from tweakreg_steps.atomic import write_bytes_atomically
from tweakreg_steps.errors import REASON_TEXTS, Reason

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEPT = "#0072b2"
CLIPPED = "#d55e00"
MARK = "#d55e00"
FAINT = "#b0b0b0"
"""Blue and vermilion of Okabe and Ito: told apart by everybody, and in print."""

KEY_LINE = 0.03
"""Inches above the axes for what explains the marks, per point of the letters."""

NEGLIGIBLE = 1e-3
"""Residuals below so many pixels are rounding errors, and are not magnified further."""

NO_PAIR = "no pair of sources was fitted"
"""What a plot of the fit says when there is nothing to show, and no reason."""

IS_REFERENCE = "the image is the reference itself: there is nothing to match or fit"
"""What the plots of the reference say, where it was not known before that it is."""

_DPI = 100
_LINE_HEIGHT = 0.18
"""Inches of one line of the title."""
_CHARACTERS_PER_INCH = 9.5
_FOOTER_SIZE = 9

_styled: ContextVar[bool] = ContextVar("styled", default=False)
"""Whether the style holds already."""


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw with matplotlib's own defaults and ours, whatever the user's matplotlibrc says.

    To hold around the drawing as well as around the saving: matplotlib makes its ticks late. Within
    another of the same kind it does nothing.
    """
    import matplotlib as mpl

    if _styled.get():
        yield
        return
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "axes.linewidth": 0.7,
                "axes.formatter.useoffset": False,
                "font.size": 9,
                "legend.frameon": False,
                "xtick.direction": "in",
                "ytick.direction": "in",
                "xtick.top": True,
                "ytick.right": True,
            }
        )
        token = _styled.set(True)
        try:
            yield
        finally:
            _styled.reset(token)


def new_figure(*, width: float, height: float, title: str, subtitle: str, warning: str) -> Figure:
    """Make a figure of `width` by `height` inches of drawing, with room for the title on top.

    Parameters
    ----------
    width, height : float
        Inches below the title; the figure is higher by as many lines as the title needs.
    title, subtitle, warning : str
        In bold, plain and coloured letters; broken into lines, never shortened; '' takes none.

    Returns
    -------
    Figure
        Its drawing area ends at ``figure.subplotpars.top``.
    """
    from matplotlib.figure import Figure

    from tweakreg_steps.reporting.plot_canvas import Canvas

    styles = ((title, "bold", "black"), (subtitle, "normal", "black"), (warning, "bold", CLIPPED))
    lines = [
        (line, weight, colour)
        for text, weight, colour in styles
        for line in wrap(text, int(width * _CHARACTERS_PER_INCH))
    ]
    full_height = height + _LINE_HEIGHT * (len(lines) + 1)
    figure = Figure(figsize=(width, full_height), dpi=_DPI)
    Canvas(figure)
    for i, (line, weight, colour) in enumerate(lines):
        y = 1 - _LINE_HEIGHT * (i + 0.6) / full_height
        figure.text(
            0.5, y, line, ha="center", va="top", weight=weight, color=colour, parse_math=False
        )
    figure.subplots_adjust(top=height / full_height)
    return figure


def set_margins(figure: Figure, *, labelsize: float, right: float) -> None:
    """Leave room around the drawing for letters of a size.

    Parameters
    ----------
    figure : Figure
        Of `new_figure`.
    labelsize : float
        Points.
    right : float
        Inches to the right of the drawing.
    """
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=(0.25 + 0.07 * labelsize) / width,
        right=1 - right / width,
        bottom=(0.15 + 0.05 * labelsize) / height,
    )


def leave_line(figure: Figure, inches: float) -> None:
    """Lower the top of the drawing area to leave room above it."""
    figure.subplots_adjust(top=figure.subplotpars.top - inches / figure.get_figheight())


def draw_message(*, title: str, message: str) -> Figure:
    """Make a figure that only says, in words, why there is nothing to see.

    Returns
    -------
    Figure
        To be saved with `save_figure`.
    """
    with plot_style():
        figure = new_figure(width=6.0, height=1.4, title=title, subtitle="", warning="")
        lines = "\n".join(wrap(message, 60))
        figure.text(0.5, 0.42, lines, ha="center", va="center", color=CLIPPED, parse_math=False)
        return figure


def add_footer(figure: Figure, text: str) -> None:
    """Make a figure higher, and write a text below all that it shows; '' leaves it as it is.

    Parameters
    ----------
    figure : Figure
        With all that it is to show.
    text : str
        Broken into lines, never shortened.
    """
    if not text:
        return
    width, height = figure.get_size_inches()
    lines = [
        line
        for part in text.splitlines()
        for line in wrap(part, int(width * _CHARACTERS_PER_INCH), subsequent_indent="    ")
    ]
    added = _LINE_HEIGHT * (len(lines) + 1)
    full = height + added

    def raised(y: float) -> float:
        return float((y * height + added) / full)

    left = 0.2 / width
    # in a higher figure, matplotlib would shrink those of equal scales
    places = [axes.get_position() for axes in figure.axes]
    figure.set_size_inches(width, full)
    for written in figure.texts:
        written.set_y(raised(written.get_position()[1]))
    for axes, place in zip(figure.axes, places, strict=True):
        bottom, top = raised(place.y0), raised(place.y1)
        axes.set_position((place.x0, bottom, place.width, top - bottom))
    for i, line in enumerate(lines):
        y = (added - _LINE_HEIGHT * (i + 0.5)) / full
        figure.text(left, y, line, va="top", size=_FOOTER_SIZE, color=CLIPPED, parse_math=False)


def describe_cure(record: Mapping[str, object]) -> str:
    """Say what was found of an image that is not aligned, and what to change; '' of others."""
    return "\n".join(
        f"{label}: {record[key]}"
        for key, label in (("detail", "found"), ("cure", "cure"))
        if record.get("reason") and record.get(key)
    )


def note_in_corner(axes: Axes, text: str, *, size: float) -> None:
    """Write a few words near the upper left corner of the axes, readable over the data."""
    axes.text(
        0.015,
        0.945,
        text,
        transform=axes.transAxes,
        ha="left",
        va="top",
        size=size,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
        zorder=5,
        parse_math=False,
    )


def describe_pairs(kept: BoolArray) -> str:
    """Say how many pairs there are."""
    n_kept = int(np.count_nonzero(kept))
    return f"pairs: {n_kept} kept, {len(kept) - n_kept} clipped"


def describe_failure(reason: str) -> str:
    """Say in words why the image is not aligned; '' for the reason ''."""
    return f"not aligned: {REASON_TEXTS[Reason(reason)]}" if reason else ""


def draw_legend(axes: Axes, marks: list[tuple[str, str, str]], *, size: float) -> None:
    """Explain the marks in a line above the axes.

    A mark is its label, its colour and its sign: one of matplotlib's markers, or ``arrow``.
    """
    from matplotlib.lines import Line2D
    from matplotlib.path import Path as Outline

    # matplotlib's own arrow is a formula: reading its grammar takes longer than the whole drawing
    arrow = Outline([(-1, 0), (1, 0), (0.4, 0.4), (1, 0), (0.4, -0.4)], [1, 2, 2, 1, 2])
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=arrow if sign == "arrow" else sign,
            fillstyle="none" if sign == "arrow" else "full",
            color=colour,
            markersize=8 if sign == "arrow" else 5,
            label=label,
        )
        for label, colour, sign in marks
    ]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.1,
        handletextpad=0.1,
        ncols=len(marks),
        fontsize=size,
    )


def save_figure(figure: Figure, path: Path, *, texts: Mapping[str, str]) -> None:
    """Write a figure as PNG; the same figure gives the same bytes at any time.

    `texts` go into the file, each under its keyword.

    Raises
    ------
    JobFailedError
        If the file cannot be written.
    """
    from tweakreg_steps.reporting.plot_canvas import draw_pixels
    from tweakreg_steps.reporting.png_file import encode_png

    with plot_style():
        pixels = draw_pixels(figure)
    write_bytes_atomically(path, encode_png(pixels, dpi=figure.dpi, texts=texts))
