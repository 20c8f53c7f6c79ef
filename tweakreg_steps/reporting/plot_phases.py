"""The plot of a fit's residuals against the place of the source in its pixel.

A centroid that is wrong by an amount that depends on where in its pixel a star is shows as a wave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.reporting.plot_style import (
    FAINT,
    KEPT,
    MARK,
    NEGLIGIBLE,
    NO_PAIR,
    describe_failure,
    draw_message,
    new_figure,
    note_in_corner,
    plot_style,
    set_margins,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


BINS = 10
"""Bins of phase."""

LEAST_IN_BIN = 5
"""Pairs without which a bin has no mean."""

_REACH = 3.5
"""Half the height of a panel in robust standard deviations of the residuals."""


@dataclass(frozen=True, eq=False)
class PhaseBias:
    """Mean residuals along one axis in bins of phase; arrays of shape (`BINS`,).

    Attributes
    ----------
    phase
        Middles of the bins in pixels from the middle of a pixel, -0.5 to 0.5.
    mean, error
        Mean residual and its standard error, pixels; nan where a bin holds too few pairs.
    """

    phase: FloatArray
    mean: FloatArray
    error: FloatArray

    @property
    def largest(self) -> float:
        """Largest absolute mean, in pixels; nan where no bin has one."""
        known = np.abs(self.mean[np.isfinite(self.mean)])
        return float(known.max()) if known.size else float("nan")


def measure_phase_bias(place: FloatArray, residual: FloatArray) -> PhaseBias:
    """Average residuals in bins of sub-pixel phase.

    Parameters
    ----------
    place
        Coordinates of the sources in their own pixels, shape (n,); the centre of a pixel is whole.
    residual
        Residuals along the same axis of the image, pixels, shape (n,).
    """
    phase = (place + 0.5) % 1.0 - 0.5
    bins = np.minimum(((phase + 0.5) * BINS).astype(np.intp), BINS - 1)
    middles = (np.arange(BINS) + 0.5) / BINS - 0.5
    mean, error = np.full((2, BINS), np.nan)
    for i in range(BINS):
        own = residual[bins == i]
        if own.size >= LEAST_IN_BIN:
            mean[i], error[i] = own.mean(), own.std(ddof=1) / np.sqrt(own.size)
    return PhaseBias(middles, mean, error)


def draw_phases(
    *,
    image: str,
    xy: FloatArray,
    residuals: FloatArray,
    kept: BoolArray,
    labelsize: int,
    reason: str,
) -> Figure:
    """Draw the residuals along x and y against the phase of x and y.

    Parameters
    ----------
    image
        What the plot is of.
    xy
        Where the sources are on their chips, FITS pixels, shape (n, 2).
    residuals
        Residuals of the fit along the chips' x and y, pixels, shape (n, 2).
    kept
        False for the pairs that the fit clipped, which are not drawn; shape (n,).
    labelsize
        Size of the letters in points.
    reason
        Code of why the image is not aligned; '' where it is.

    Returns
    -------
    Figure
        Two panels with points, and the means of bins with their errors; words only when there is
        no pair.
    """
    title = f"{image}: residuals against sub-pixel phase"
    if not kept.any():
        return draw_message(title=title, message=describe_failure(reason) or NO_PAIR)
    from tweakreg_steps.reporting.plot_ticks import Panel

    with plot_style():
        figure = new_figure(
            width=9.0,
            height=3.6,
            title=title,
            subtitle=f"{int(kept.sum())} pairs; thick: means of {BINS} bins and their errors",
            warning=describe_failure(reason),
        )
        set_margins(figure, labelsize=labelsize, right=0.2)
        figure.subplots_adjust(wspace=0.25)
        for axes, axis in zip(
            figure.subplots(1, 2, subplot_kw={"axes_class": Panel}), (0, 1), strict=True
        ):
            _draw_axis(axes, "xy"[axis], xy[kept, axis], residuals[kept, axis], labelsize)
        return figure


def _draw_axis(
    axes: Axes, name: str, place: FloatArray, residual: FloatArray, labelsize: int
) -> None:
    """Draw one axis."""
    from tweakreg_steps.reporting.plot_ticks import frame_axes

    bias = measure_phase_bias(place, residual)
    middle = float(np.median(residual))
    spread = max(1.4826 * float(np.median(np.abs(residual - middle))), NEGLIGIBLE)
    axes.axhline(0.0, color=FAINT, lw=0.8)
    axes.plot((place + 0.5) % 1.0 - 0.5, residual, ".", color=KEPT, ms=2.5, alpha=0.5)
    axes.errorbar(
        bias.phase, bias.mean, bias.error, color=MARK, lw=1.8, marker="o", ms=4.0, zorder=4
    )
    largest = f"largest mean {bias.largest:.4f} px" if np.isfinite(bias.largest) else "few pairs"
    note_in_corner(axes, largest, size=labelsize)
    axes.set_xlim(-0.5, 0.5)
    axes.set_ylim(middle - _REACH * spread, middle + _REACH * spread)
    axes.set_xlabel(f"phase of {name} [px from the pixel's middle]", size=labelsize)
    axes.set_ylabel(f"residual in {name} [px]", size=labelsize)
    frame_axes(axes, size=labelsize)
