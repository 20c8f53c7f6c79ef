"""The plot of a fit's residuals against the coordinates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.reporting.plot_style import (
    CLIPPED,
    FAINT,
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
    note_in_corner,
    plot_style,
    set_margins,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EDGE = 0.96
"""Where points beyond the y limits are marked, as a fraction of the limit."""

_MANY = 1500
"""So many points or more are drawn smaller."""

_TICKS = 6
"""Intervals between the ticks of an axis, at most."""

_AXES = ("x", "y")


def draw_residuals(
    *,
    image: str,
    xy: FloatArray,
    residuals: FloatArray,
    kept: BoolArray,
    rms: FloatArray,
    ylimit: float | None,
    labelsize: int,
    reason: str,
) -> Figure:
    """Draw the residuals of the pairs along each axis against each coordinate.

    Parameters
    ----------
    image : str
        Name of the image.
    xy : ndarray, shape (n, 2)
        Positions, pixels of the reference plane.
    residuals : ndarray, shape (n, 2)
        Image minus fit, pixels.
    kept : ndarray of bool, shape (n,)
        Which pairs the fit kept; the others were clipped.
    rms : ndarray, shape (2,)
        Of the kept pairs, per axis, pixels.
    ylimit : float or None
        The panels show residuals within +-ylimit pixels; None: all kept ones. Pairs beyond are
        marked at the edge.
    labelsize : int
        Size of all letters but the title's, points.
    reason : str
        Code of `tweakreg_steps.errors.Reason`: why the image is not aligned; '' when it is.

    Returns
    -------
    Figure
        Four panels; words only when there is no pair.
    """
    title = f"{image}: residuals of the fit"
    if len(xy) == 0:
        return draw_message(title=title, message=describe_failure(reason) or NO_PAIR)
    from tweakreg_steps.reporting.plot_ticks import Panel, frame_axes

    with plot_style():
        figure = new_figure(
            width=8.4,
            height=5.4,
            title=title,
            subtitle=describe_pairs(kept),
            warning=describe_failure(reason),
        )
        set_margins(figure, labelsize=labelsize, right=0.2)
        leave_line(figure, KEY_LINE * labelsize)
        figure.subplots_adjust(hspace=0.05, wspace=0.05)
        panels = figure.subplots(2, 2, subplot_kw={"axes_class": Panel})
        limit = ylimit or _automatic_limit(residuals[kept] if kept.any() else residuals)
        for row, component in enumerate(_AXES):
            for column, coordinate in enumerate(_AXES):
                axes = panels[row, column]
                _draw_panel(axes, xy[:, column], residuals[:, row], kept, limit)
                axes.set_ylim(-limit, limit)
                frame_axes(
                    axes,
                    size=labelsize,
                    most=_TICKS,
                    prune=True,
                    x_texts=row == 1,
                    y_texts=column == 0,
                )
                if row == 1:
                    axes.set_xlabel(f"{coordinate} [reference px]", size=labelsize)
            panels[row, 0].set_ylabel(f"residual d{component} [px]", size=labelsize)
            note_in_corner(
                panels[row, 0], f"rms d{component} = {_length(rms[row])}", size=labelsize
            )
        draw_legend(panels[0, 0], _marks(residuals, kept, limit), size=labelsize)
        return figure


def _length(pixels: float) -> str:
    """Give a length in words."""
    return f"{pixels:.3g} px" if math.isfinite(pixels) else "unknown"


def _automatic_limit(residuals: FloatArray) -> float:
    """Choose a limit that shows every one of these residuals."""
    return max(1.15 * float(np.abs(residuals).max()), NEGLIGIBLE)


def _draw_panel(
    axes: Axes,
    position: FloatArray,
    residual: FloatArray,
    kept: BoolArray,
    limit: float,
) -> None:
    """Draw the residuals of one axis against one coordinate."""
    size = 4 if len(kept) < _MANY else 2
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    for chosen, colour, marker in ((kept, KEPT, "."), (~kept, CLIPPED, "x")):
        above, below = residual > limit, residual < -limit
        inside = chosen & ~above & ~below
        for where, level, sign in (
            (inside, residual, marker),
            (chosen & above, np.full_like(residual, _EDGE * limit), "^"),
            (chosen & below, np.full_like(residual, -_EDGE * limit), "v"),
        ):
            if where.any():  # an empty line costs as much as a full one
                axes.plot(
                    position[where],
                    level[where],
                    linestyle="",
                    marker=sign,
                    color=colour,
                    ms=size,
                    mew=0.8,
                )


def _marks(residuals: FloatArray, kept: BoolArray, limit: float) -> list[tuple[str, str, str]]:
    """List the marks that the panels show, with their colours and signs."""
    beyond = (np.abs(residuals) > limit).any(axis=1)
    marks = [
        ("kept", KEPT, ".", kept.any()),
        ("clipped", CLIPPED, "x", not kept.all()),
        ("kept, beyond the limits", KEPT, "^", (beyond & kept).any()),
        ("clipped, beyond the limits", CLIPPED, "^", (beyond & ~kept).any()),
    ]
    return [(label, colour, sign) for label, colour, sign, is_shown in marks if is_shown]
