"""The plot of a fit's residuals as arrows over the field."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.reporting.plot_style import (
    CLIPPED,
    KEPT,
    KEY_LINE,
    NEGLIGIBLE,
    NO_PAIR,
    describe_failure,
    describe_pairs,
    draw_legend,
    draw_message,
    leave_line,
    new_figure,
    plot_style,
    set_margins,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.quiver import Quiver

_ARROW = 0.04
"""How long an arrow of typical length is drawn, as a fraction of the field."""

_LONGEST = 4.0
"""Longer arrows are cut, in typical lengths."""

_MOST_ARROWS = 1500
"""More make a carpet: then only every second, third, ... is drawn."""

_LEAST_SPANS = (0.7, 0.4)
"""Least width and height of the drawing for sources on one line, as fractions of the field."""

_PANEL_WIDTH = 5.8
"""Inches, about."""

_SMALLEST_FIELD = 100.0
"""A single pair stands in a field of so many pixels."""


def draw_vectors(
    *,
    image: str,
    xy: FloatArray,
    residuals: FloatArray,
    kept: BoolArray,
    labelsize: int,
    reason: str,
) -> Figure:
    """Draw the residuals as arrows over the field.

    Parameters
    ----------
    image, xy, residuals, kept, labelsize, reason
        As for `draw_residuals`.

    Returns
    -------
    Figure
        One panel with equal axes and an arrow of known length; words only when there is no pair.
    """
    title = f"{image}: residual vectors"
    if len(xy) == 0:
        return draw_message(title=title, message=describe_failure(reason) or NO_PAIR)
    from tweakreg_steps.reporting.plot_ticks import Panel, frame_axes

    with plot_style():
        step = math.ceil(len(xy) / _MOST_ARROWS)
        thinned = f"; 1 of {step} drawn" if step > 1 else ""
        window = _Window.around(xy)
        figure = new_figure(
            width=6.8,
            height=0.8 + _PANEL_WIDTH * window.height_to_width,
            title=title,
            subtitle=describe_pairs(kept) + thinned,
            warning=describe_failure(reason),
        )
        set_margins(figure, labelsize=labelsize, right=0.2)
        leave_line(figure, KEY_LINE * labelsize)
        axes = figure.add_subplot(axes_class=Panel)
        _draw_arrows(axes, window, xy[::step], residuals[::step], kept[::step], labelsize)
        axes.set_xlabel("x [reference px]", size=labelsize)
        axes.set_ylabel("y [reference px]", size=labelsize)
        frame_axes(axes, size=labelsize)
        return figure


@dataclass(frozen=True)
class _Window:
    """The part of the plane that the vectors are drawn in."""

    centre: FloatArray
    half: FloatArray
    field: float

    @classmethod
    def around(cls, xy: FloatArray) -> _Window:
        """Frame the positions, never narrower than sources on one line would be legible in."""
        low, high = xy.min(axis=0), xy.max(axis=0)
        lacking = max(0.0, _SMALLEST_FIELD - float((high - low).max())) / 2
        extent = high - low + 2 * lacking
        field = float(extent.max())
        spans = np.maximum(extent, np.multiply(_LEAST_SPANS, field)) + 0.16 * field
        return cls(centre=(low + high) / 2, half=spans / 2, field=field)

    @property
    def height_to_width(self) -> float:
        """Ratio of the sides, at most 1.1 so that the figure stays on a screen."""
        return min(1.1, float(self.half[1] / self.half[0]))


def _draw_arrows(
    axes: Axes,
    window: _Window,
    xy: FloatArray,
    residuals: FloatArray,
    kept: BoolArray,
    labelsize: int,
) -> None:
    """Draw the arrows, much enlarged, and one of known length above the axes."""
    typical = _typical_length(residuals[kept] if kept.any() else residuals)
    lengths = np.hypot(residuals[:, 0], residuals[:, 1])
    is_cut = lengths > _LONGEST * typical
    arrows = np.where(is_cut, _LONGEST * typical / np.where(is_cut, lengths, 1), 1)
    arrows = arrows[:, np.newaxis] * residuals
    marks = []
    for chosen, colour, label in ((kept, KEPT, "kept"), (~kept, CLIPPED, "clipped")):
        axes.plot(*xy[chosen].T, ls="", marker=".", ms=2, color=colour)
        drawn = axes.quiver(
            *xy[chosen].T,
            *arrows[chosen].T,
            color=colour,
            angles="xy",
            scale_units="xy",
            scale=typical / (_ARROW * window.field),
            width=0.0022,
            zorder=2,
        )
        cut = f", cut at {_LONGEST * typical:.2g} px" if (chosen & is_cut).any() else ""
        marks += [(label + cut, colour, "arrow")] if chosen.any() else []
    low, high = window.centre - window.half, window.centre + window.half
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    _draw_key(axes, drawn, _round_length(2 * typical), labelsize)
    draw_legend(axes, marks, size=labelsize)


def _draw_key(axes: Axes, arrows: Quiver, length: float, labelsize: int) -> None:
    """Draw an arrow of known length above the axes, to the right."""
    height = axes.bbox.height / axes.bbox.width * _PANEL_WIDTH
    axes.quiverkey(
        arrows,
        0.93,
        1 + KEY_LINE * labelsize / (2 * height),
        length,
        f"{length:g} px",
        labelpos="W",
        color="black",
        fontproperties={"size": labelsize},
    )


def _typical_length(residuals: FloatArray) -> float:
    """Give the rms length of residuals."""
    return max(float(np.sqrt((residuals**2).sum(axis=1).mean())), NEGLIGIBLE)


def _round_length(length: float) -> float:
    """Give the largest 1, 2 or 5 times a power of ten that is not above a length."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= length)
