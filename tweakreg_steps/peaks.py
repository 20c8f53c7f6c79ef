"""The box of a two-dimensional histogram that stands out most from its surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class BoxPeak:
    """The most significant box.

    Attributes
    ----------
    row, column : int
        Its central bin, counted from 0 inside the border.
    width : int
        Its side in bins.
    """

    row: int
    column: int
    width: int


def find_box_peak(counts: IntArray, *, border: int, widths: Sequence[int]) -> BoxPeak:
    """Find the box whose count is least likely to be a fluctuation of its surroundings.

    For each width w the boxes of w x w bins, n counts in each, are compared with the number m
    that the rate around them gives: the mean of the frame between boxes of w + 2 and
    max(3 w, w + 8) bins, or that of the whole histogram where it is higher. The largest
    ``n log(n / m) - (n - m)``, the log of the likelihood ratio of a Poisson excess, wins.

    Parameters
    ----------
    counts : (n, n) int array
        Histogram with its border; boxes are cut at its outer edges.
    border : int
        Bins on each side in which no peak's centre may lie.
    widths : sequence of int
        Odd widths w, in bins.

    Returns
    -------
    BoxPeak
        Of equal ones, the narrowest, then the one nearest to the middle of the histogram.
    """
    integral = np.zeros((counts.shape[0] + 1, counts.shape[1] + 1), dtype=np.int64)
    np.cumsum(np.cumsum(counts, axis=0), axis=1, out=integral[1:, 1:])
    overall = float(counts.mean())
    best, best_excess = BoxPeak(0, 0, 1), -1.0
    for width in widths:
        excess = _excess(integral, border, width, overall)
        highest = float(excess.max())
        if highest > best_excess * (1 + 1e-12):
            best_excess = highest
            row, column = _most_central(excess >= highest * (1 - 1e-12))
            best = BoxPeak(row, column, width)
    return best


def _excess(integral: IntArray, border: int, width: int, overall: float) -> FloatArray:
    """Give the log likelihood ratio of the box around each bin inside the border."""
    count, area = _box_sums(integral, border, width)
    inner, inner_area = _box_sums(integral, border, width + 2)
    outer, outer_area = _box_sums(integral, border, max(3 * width, width + 8))
    frame = np.maximum(outer_area - inner_area, 1.0)
    mean = np.maximum((outer - inner) / frame, overall) * area
    stands_out = count > mean
    excess = np.zeros(count.shape)
    n, m = count[stands_out], mean[stands_out]
    excess[stands_out] = n * np.log(n / m) - (n - m)
    return excess


def _box_sums(integral: IntArray, border: int, width: int) -> tuple[FloatArray, FloatArray]:
    """Give counts and area of the boxes around all bins inside the border."""
    size = integral.shape[0] - 1
    middle = np.arange(border, size - border)
    low = np.maximum(middle - width // 2, 0)
    high = np.minimum(middle + width // 2 + 1, size)
    columns = integral[:, high] - integral[:, low]
    sums = (columns[high] - columns[low]).astype(np.float64)
    side = (high - low).astype(np.float64)
    return sums, np.outer(side, side)


def _most_central(chosen: NDArray[np.bool_]) -> tuple[int, int]:
    """Give row and column of the chosen bin nearest to the middle."""
    rows, columns = np.nonzero(chosen)
    from_middle = 2 * np.stack([rows, columns]) - (np.array(chosen.shape) - 1)[:, None]
    nearest = int(np.argmin((from_middle**2).sum(axis=0)))
    return int(rows[nearest]), int(columns[nearest])
