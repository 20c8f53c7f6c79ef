"""The plot of the 2-D histogram of offsets between an image's sources and the reference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.reporting.plot_style import (
    MARK,
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
    from matplotlib.image import AxesImage

_ZOOM = 6.0
"""Half-width of the close-up of the peak, in tolerances."""

_NO_PAIR = "no reference source lies within the search radius of any source"

_LETTERS = 9
"""Size of the letters, points."""

_MOST_BINS = 300
"""Bins a side that the whole histogram is drawn with; a screen does not show more."""


def draw_offsets(
    *,
    image: str,
    counts: NDArray[Any],
    x_edges: FloatArray,
    y_edges: FloatArray,
    peak: FloatArray | None,
    n_peak: float,
    n_expected: float,
    tolerance: float,
    reason: str,
) -> Figure:
    """Draw the 2-D histogram of the separations between sources and reference sources.

    Parameters
    ----------
    image : str
        Name of the image.
    counts : ndarray, shape (ny, nx)
        Pairs per bin; rows go along y.
    x_edges, y_edges : ndarray, shape (nx + 1,) and (ny + 1,)
        Edges of the bins, equally wide: image minus reference, pixels of the reference plane.
    peak : ndarray, shape (2,), or None
        The offset found; None when there is none.
    n_peak, n_expected : float
        Pairs in the peak, and how many chance alone would put there.
    tolerance : float
        Radius of the circle around the peak, pixels.
    reason : str
        Code of `tweakreg_steps.errors.Reason`: why the image is not aligned; '' when it is.

    Returns
    -------
    Figure
        The whole histogram, and a close-up when there is a peak; words when there is no pair.
    """
    title = f"{image}: offsets from the reference"
    if not counts.any():
        return draw_message(title=title, message=describe_failure(reason) or _NO_PAIR)
    from tweakreg_steps.reporting.plot_ticks import Panel, frame_axes

    with plot_style():
        n_panels = 1 if peak is None else 2
        figure = new_figure(
            width=1.3 + 3.9 * n_panels,
            height=4.1,
            title=title,
            subtitle=_describe_peak(peak, n_peak, n_expected),
            warning=describe_failure(reason),
        )
        set_margins(figure, labelsize=_LETTERS, right=0.8)
        panels = figure.subplots(1, n_panels, squeeze=False, subplot_kw={"axes_class": Panel})[0]
        shown = _draw_counts(panels[0], *_coarsen(counts, x_edges, y_edges))
        if peak is not None:
            _draw_counts(panels[1], counts, x_edges, y_edges)
            _mark_peak(panels[0], panels[1], peak, tolerance)
        for axes in panels:
            frame_axes(axes, size=_LETTERS)
        _draw_scale(figure, shown, counts)
        return figure


def _describe_peak(peak: FloatArray | None, n_peak: float, n_expected: float) -> str:
    """Say where the peak is and how far it stands above chance."""
    if peak is None:
        return "no offset was adopted"
    digits = 1 if n_expected < 100 else 0  # noqa: PLR2004 - three digits are enough
    return (
        f"peak at dx = {peak[0]:.2f}, dy = {peak[1]:.2f} px: {n_peak:.0f} pairs, "
        f"{n_expected:.{digits}f} expected by chance"
    )


def _coarsen(
    counts: NDArray[Any], x_edges: FloatArray, y_edges: FloatArray
) -> tuple[NDArray[Any], FloatArray, FloatArray]:
    """Join bins to blocks of the fullest one's count, so that no drawn pixel hides the peak."""
    step = math.ceil(max(counts.shape) / _MOST_BINS)
    padding = [(0, -n % step) for n in counts.shape]
    ny, nx = (n // step for n in np.pad(counts, padding).shape)
    blocks = np.pad(counts, padding).reshape(ny, step, nx, step).max(axis=(1, 3))
    widths = (x_edges[1] - x_edges[0]) * step, (y_edges[1] - y_edges[0]) * step
    return (
        blocks,
        x_edges[0] + widths[0] * np.arange(nx + 1),
        y_edges[0] + widths[1] * np.arange(ny + 1),
    )


def _draw_counts(
    axes: Axes, counts: NDArray[Any], x_edges: FloatArray, y_edges: FloatArray
) -> AxesImage:
    """Draw the histogram; the root of the counts makes both background and peak visible."""
    from matplotlib.colors import PowerNorm

    axes.set_xlabel("dx, image - reference [reference px]")
    axes.set_ylabel("dy [reference px]")
    extent = (x_edges[0], x_edges[-1], y_edges[0], y_edges[-1])
    return axes.imshow(
        counts,
        origin="lower",
        extent=extent,
        cmap="Greys",
        norm=PowerNorm(0.5, vmin=0, vmax=max(1, counts.max())),
        interpolation="nearest",
    )


def _draw_scale(figure: Figure, shown: AxesImage, counts: NDArray[Any]) -> None:
    """Draw the grey scale of the counts to the right, as high as the panels."""
    from matplotlib.ticker import MaxNLocator

    from tweakreg_steps.reporting.plot_ticks import Panel, Ticks, draw_scale

    width, place = figure.get_figwidth(), figure.subplotpars
    bottom, height = place.bottom, place.top - place.bottom
    corner = (place.right + 0.1 / width, bottom, 0.15 / width, height)
    scale = figure.add_axes(corner, axes_class=Panel)
    most = max(1, int(counts.max()))
    found = MaxNLocator(nbins=6, integer=True, min_n_ticks=1).tick_values(0.0, most)
    at = np.array([count for count in found if 0 <= count <= most])
    places = np.asarray(shown.norm(at), dtype=np.float64)
    ticks = Ticks(places, [f"{count:.0f}" for count in at])
    draw_scale(scale, ticks, colours=shown.cmap, label="pairs per bin", size=_LETTERS)


def _mark_peak(whole: Axes, zoom: Axes, peak: FloatArray, tolerance: float) -> None:
    """Point at the peak in the whole histogram, and circle the tolerance in the close-up."""
    from matplotlib.patches import Circle, Rectangle

    half = _ZOOM * tolerance
    x, y = float(peak[0]), float(peak[1])
    corner = (x - half, y - half)
    whole.add_patch(Rectangle(corner, 2 * half, 2 * half, fill=False, edgecolor=MARK))
    zoom.set_xlim(x - half, x + half)
    zoom.set_ylim(y - half, y + half)
    zoom.add_patch(Circle((x, y), tolerance, fill=False, edgecolor=MARK, linewidth=1.5))
    gap = 0.5 + tolerance / (4 * half)
    for line, position in ((zoom.axhline, y), (zoom.axvline, x)):
        line(position, 0, 1 - gap, color=MARK, linewidth=0.8)
        line(position, gap, 1, color=MARK, linewidth=0.8)
    zoom.set_ylabel("")
    note_in_corner(zoom, f"circle: tolerance {tolerance:g} px", size=8)
