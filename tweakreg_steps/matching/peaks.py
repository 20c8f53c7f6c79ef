"""The box of a two-dimensional histogram that stands out most from its surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import log

import numpy as np

from tweakreg_steps.arrays import FloatArray, IndexArray, IntArray
from tweakreg_steps.matching.tuning import NEARLY, WIDER


@dataclass(frozen=True)
class BoxPeak:
    """A box that stands out.

    Attributes
    ----------
    row, column : int
        Its central bin, counted from 0 inside the border.
    width : int
        Its side in bins.
    excess : float
        Log of the likelihood ratio of its count, peak against chance.
    """

    row: int
    column: int
    width: int
    excess: float


def find_box_peak(counts: IntArray, *, border: int, widths: Sequence[int]) -> BoxPeak:
    """Find the box whose count is least likely to be a fluctuation of its surroundings.

    For each width w the boxes of w x w bins, n counts in each, are compared with the number m
    that the rate around them gives: the mean of the frame between boxes of w + 2 and
    max(3 w, w + 8) bins, or that of the whole histogram where it is higher. The largest
    ``n log(n / m) - (n - m)``, the log of the likelihood ratio of a Poisson excess, wins.

    Parameters
    ----------
    counts : (n, n) int array
        Histogram with its border.
    border : int
        Bins on each side in which no peak's centre may lie; at least half of
        (the largest width + ``WIDER``).
    widths : sequence of int
        Odd widths w, in bins.

    Returns
    -------
    BoxPeak
        Of equal ones, the narrowest, then the one nearest to the middle of the histogram.
    """
    integral = _integral(counts)
    overall = float(counts.mean())
    best = BoxPeak(0, 0, 1, -1.0)
    for width in widths:
        boxes = _Boxes(integral, border, width, overall)
        highest, lowest_mean = int(boxes.sums.max()), overall * width**2
        # The fullest boxes first: what they reach spares a look at nearly all others.
        if _least_count(highest, lowest_mean, best.excess) <= highest:
            best = _better(best, boxes, highest)
        least = _least_count(highest, lowest_mean, best.excess)
        if least < highest:
            best = _better(best, boxes, least)
    return _fullest_rival(best, _Boxes(integral, border, best.width, overall))


def fullest_box(counts: IntArray, *, border: int, width: int) -> int:
    """Return the largest count in a box of an odd width (bins), centred inside the border."""
    return int(_Boxes(_integral(counts), border, width, 0.0).sums.max())


def _integral(counts: IntArray) -> IntArray:
    """Return the sums of all bins below and left of each corner."""
    integral = np.zeros((counts.shape[0] + 1, counts.shape[1] + 1), dtype=np.int64)
    np.cumsum(np.cumsum(counts, axis=0), axis=1, out=integral[1:, 1:])
    return integral


@dataclass(frozen=True)
class _Boxes:
    """The boxes of one width around all bins inside the border."""

    integral: IntArray
    border: int
    width: int
    overall: float

    @cached_property
    def sums(self) -> IntArray:
        """Return their counts."""
        size = self.integral.shape[0] - 1 - 2 * self.border
        low = slice(self.border - self.width // 2, self.border - self.width // 2 + size)
        high = slice(low.start + self.width, low.stop + self.width)
        return (
            self.integral[high, high]
            - self.integral[low, high]
            - self.integral[high, low]
            + self.integral[low, low]
        )

    def excess(self, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """Return the log likelihood ratios of some of them."""
        rate = _frame_rate(self.integral, rows + self.border, columns + self.border, self.width)
        mean = self.width**2 * np.maximum(rate, self.overall)
        return _log_ratio(self.sums[rows, columns], mean)


def _better(best: BoxPeak, boxes: _Boxes, least: int) -> BoxPeak:
    """Return the best of a box and all those of one width that hold at least so many."""
    rows, columns = np.divmod(np.flatnonzero(boxes.sums >= least), boxes.sums.shape[1])
    excess = boxes.excess(rows, columns)
    if excess.max() <= best.excess * (1 + 1e-12):
        return best
    chosen = _most_central(excess, rows, columns, len(boxes.sums))
    return BoxPeak(int(rows[chosen]), int(columns[chosen]), boxes.width, float(excess[chosen]))


def _fullest_rival(best: BoxPeak, boxes: _Boxes) -> BoxPeak:
    """Choose among boxes nearly as good by a wider look.

    Sources on a grid give many peaks, and how a peak falls on the bins decides between them in
    a narrow box; a box that holds the whole of each peak counts its pairs.
    """
    enough = NEARLY * best.excess
    least = _least_count(int(boxes.sums.max()), boxes.overall * best.width**2, enough)
    rows, columns = np.divmod(np.flatnonzero(boxes.sums >= least), boxes.sums.shape[1])
    near = np.flatnonzero(boxes.excess(rows, columns) >= enough)
    rows, columns = rows[near], columns[near]
    wide = _Boxes(boxes.integral, boxes.border, best.width + WIDER, boxes.overall)
    chosen = _most_central(wide.excess(rows, columns), rows, columns, len(boxes.sums))
    return replace(best, row=int(rows[chosen]), column=int(columns[chosen]))


def _frame_rate(
    integral: IntArray, rows: IndexArray, columns: IndexArray, width: int
) -> FloatArray:
    """Return the mean count of a bin in the frames around some boxes, cut at the outer edges."""
    inner, inner_area = _cut_box(integral, rows, columns, (width + 2) // 2)
    outer, outer_area = _cut_box(integral, rows, columns, max(3 * width, width + 8) // 2)
    rate: FloatArray = (outer - inner) / np.maximum(outer_area - inner_area, 1)
    return rate


def _cut_box(
    integral: IntArray, rows: IndexArray, columns: IndexArray, half: int
) -> tuple[IntArray, IndexArray]:
    """Return counts and areas of boxes of ``2 half + 1`` bins, cut at the histogram."""
    size = integral.shape[0] - 1
    bottom, top = np.maximum(rows - half, 0), np.minimum(rows + half + 1, size)
    left, right = np.maximum(columns - half, 0), np.minimum(columns + half + 1, size)
    counts = (
        integral[top, right]
        - integral[bottom, right]
        - integral[top, left]
        + integral[bottom, left]
    )
    return counts, (top - bottom) * (right - left)


def _log_ratio(count: IntArray, mean: FloatArray) -> FloatArray:
    """Return ``n log(n / m) - (n - m)`` where n > m, else 0."""
    more = np.maximum(count / mean, 1.0)
    ratio: FloatArray = mean * (more * np.log(more) - (more - 1.0))
    return ratio


def _least_count(highest: int, mean: float, excess: float) -> int:
    """Return the least count whose log ratio at a mean reaches an excess; highest + 1: none."""
    low, high = min(int(mean), highest), highest + 1
    while low < high:
        middle = (low + high) // 2
        more = max(middle / mean, 1.0)
        if mean * (more * log(more) - (more - 1.0)) >= excess:
            high = middle
        else:
            low = middle + 1
    return low


def _most_central(excess: FloatArray, rows: IndexArray, columns: IndexArray, size: int) -> int:
    """Return which of the highest of some boxes is nearest to the middle."""
    ties = np.flatnonzero(excess >= excess.max() * (1 - 1e-12))
    middle = (size - 1) / 2
    return int(ties[np.argmin(np.hypot(rows[ties] - middle, columns[ties] - middle))])
