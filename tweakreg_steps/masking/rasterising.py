"""Which pixels of a chip lie inside a shape in image pixels, with DS9's edges.

A pixel belongs to a shape when its centre does. A centre on the very edge counts as in DS9: inside
an ellipse, outside its hole; inside at the lower ends of a box's axes and outside at the upper
ones; inside at the left and lower edges of a polygon; inside at the start of a sector.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IntArray
from tweakreg_steps.masking.ds9_regions import Ds9Region

Floats = FloatArray
Mask = BoolArray
Window = tuple[slice, slice]

_BAND = 1 << 20  # pixels tested at once, which bounds the memory


def shape_pixels(region: Ds9Region, shape: tuple[int, int]) -> tuple[Window, Mask]:
    """Return the pixels of a shape in image pixels.

    Parameters
    ----------
    region
        The region, all of it in image pixels.
    shape
        (ny, nx) of the chip.

    Returns
    -------
    tuple of slices (rows, columns), ndarray of bool
        A window of the chip that holds the shape, and its pixels there.
    """
    if region.shape == "polygon":
        return polygon_pixels([np.array(region.points).T], shape)
    center, reach = np.array(region.points[0]), np.hypot(*region.outer)
    window = _window(center - reach, center + reach, shape)
    x = np.arange(window[1].start, window[1].stop) + 1 - center[0]
    y = np.arange(window[0].start, window[0].stop)[:, np.newaxis] + 1 - center[1]
    step = max(1, _BAND // max(len(x), 1))
    bands = [_inside(region, x, y[i : i + step]) for i in range(0, len(y), step)]
    return window, np.concatenate([np.zeros((0, len(x)), dtype=bool), *bands])


def _inside(region: Ds9Region, x: Floats, y: Floats) -> Mask:
    """Whether points (x, y) from the centre lie inside a region other than a polygon."""
    cosine, sine = _cosine_sine(region.angle)
    u, v = x * cosine + y * sine, y * cosine - x * sine
    inside = _within(region.outer, u, v, is_box=region.is_box)
    if region.inner is not None:
        inside &= ~_within(region.inner, u, v, is_box=region.is_box)
    if region.sector is not None:
        start, stop = region.sector
        span = (stop - start) % 360.0 or 360.0
        inside &= (np.degrees(np.arctan2(v, u)) - start) % 360.0 < span
    return inside


def polygon_pixels(rings: Sequence[Floats], shape: tuple[int, int]) -> tuple[Window, Mask]:
    """Return the pixels of a polygon, hole or not by turns from its outer line inwards.

    Parameters
    ----------
    rings
        Closed lines, vertices (2, n) in 1-based pixels, the first not repeated.
    shape
        (ny, nx) of the chip.

    Returns
    -------
    tuple of slices (rows, columns), ndarray of bool
        A window of the chip that holds the polygon, and its pixels there.
    """
    every = np.concatenate(rings, axis=1)
    window = _window(every.min(axis=1), every.max(axis=1), shape)
    rows, columns = (part.stop - part.start for part in window)
    crossings = np.zeros((rows, columns + 1), dtype=np.int32)
    for ring in rings:
        x, y = ring - np.array([[window[1].start + 1], [window[0].start + 1]])
        row, at = _crossings(x, y, np.roll(x, -1), np.roll(y, -1), rows)
        column = np.ceil(at).clip(0, columns).astype(np.int64)
        np.add.at(crossings, (row, column), 1)
    return window, np.cumsum(crossings, axis=1)[:, :columns] % 2 == 1


def _crossings(
    x0: Floats, y0: Floats, x1: Floats, y1: Floats, rows: int
) -> tuple[IntArray, Floats]:
    """Row, and place in it, of each crossing of edges (0-based pixels) with the rows' middles."""
    first = np.ceil(np.minimum(y0, y1)).clip(0, rows).astype(np.int64)
    last = np.ceil(np.maximum(y0, y1)).clip(0, rows).astype(np.int64)
    count = last - first
    edge = np.repeat(np.arange(len(x0)), count)
    row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    part = (row - y0[edge]) / (y1 - y0)[edge]
    return row, x0[edge] + part * (x1 - x0)[edge]


def _cosine_sine(angle: float) -> tuple[float, float]:
    """Cosine and sine of an angle in degrees, exact at right angles, where edges meet pixels."""
    quarter, rest = divmod(angle, 90.0)
    cosine, sine = (1.0, 0.0) if rest == 0 else (math.cos(rad := math.radians(rest)), math.sin(rad))
    turned = ((cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine))
    return turned[int(quarter) % 4]


def _within(sizes: tuple[float, float], u: Floats, v: Floats, *, is_box: bool) -> Mask:
    """Whether points lie inside a box or ellipse of these half sizes about the origin."""
    a, b = sizes
    if is_box:
        return np.asarray((u >= -a) & (u < a) & (v >= -b) & (v < b))
    return np.asarray((u / a) ** 2 + (v / b) ** 2 <= 1.0)


def _window(low: Floats, high: Floats, shape: tuple[int, int]) -> Window:
    """Window of the chip between two corners (x, y) in 1-based pixels; it may be empty."""
    ny, nx = shape
    x0, y0 = np.floor(low - 1).clip(0, (nx, ny)).astype(int)
    x1, y1 = np.ceil(high).clip(0, (nx, ny)).astype(int)
    return slice(int(y0), max(int(y0), int(y1))), slice(int(x0), max(int(x0), int(x1)))
