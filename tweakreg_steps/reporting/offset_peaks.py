"""The histogram of offsets as a page shows it: a picture, the peak, and its best rivals."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.alignment.match_meta import match_meta
from tweakreg_steps.arrays import FloatArray, IntArray
from tweakreg_steps.reporting.pictures import counts_png
from tweakreg_steps.tables.ecsv import ColumnTable

_MOST_BINS = 150
"""Bins a side of the picture."""
_RIVALS = 3
_APART = 3.0
"""Tolerances within which two peaks are one."""


class Peak(TypedDict):
    """A peak of the histogram: ``x``, ``y`` (pixels), and the ``pairs`` in a box about it."""

    x: float
    y: float
    pairs: int
    taken: bool


class Offsets(TypedDict):
    """The histogram of separations as a page shows it, in pixels of the reference plane.

    ``picture`` (a data URI), the ``low`` and ``high`` edge, ``tolerance``, and ``peaks``: the one
    taken first, then the fullest others.
    """

    picture: str
    low: float
    high: float
    tolerance: float
    peaks: list[Peak]


def find_offsets(
    image: str, matches: ColumnTable, sky: ColumnTable, sources: ColumnTable, plane: Path
) -> Offsets | None:
    """Describe the histogram from which the offset of an image was taken.

    Arguments as for `tweakreg_steps.reporting.offsets_of_match.draw_match`; None where it did not
    come to that.
    """
    from tweakreg_steps.reporting.offsets_of_match import histogram_of_match

    found = histogram_of_match(image, matches, sky, sources, plane)
    if found is None:
        return None
    meta = match_meta(matches)
    peak, tolerance = meta.get("offset"), meta["tolerance"]
    return describe_offsets(found.counts, found.edges, tolerance=tolerance, peak=peak)


def describe_offsets(
    counts: NDArray[Any], edges: FloatArray, *, tolerance: float, peak: list[float] | None
) -> Offsets:
    """Describe a histogram of separations, image minus reference.

    Parameters
    ----------
    counts
        Pairs by separation in y and x, shape (n, n).
    edges
        Edges of its bins, the same in x and y, pixels of the reference plane, shape (n + 1,).
    tolerance
        Radius of a peak in pixels.
    peak
        The offset that was taken, x and y in pixels, or None.

    Returns
    -------
    Offsets
        With the counts within a box of the tolerance about each peak.
    """
    low, high = float(edges[0]), float(edges[-1])
    width = (high - low) / len(counts)
    boxes = _box_sums(counts, max(1, round(2 * tolerance / width)))
    peaks: list[Peak] = []
    if peak is not None:
        column, row = (min(max(int((v - low) / width), 0), len(counts) - 1) for v in peak)
        pairs = _take(boxes, row, column, math.ceil(_APART * tolerance / width))
        peaks.append({"x": peak[0], "y": peak[1], "pairs": pairs, "taken": True})
    while counts.any() and len(peaks) < _RIVALS + 1:
        row, column = divmod(int(np.argmax(boxes)), len(counts))
        pairs = _take(boxes, row, column, math.ceil(_APART * tolerance / width))
        if pairs <= 0:
            break
        x, y = (low + (i + 0.5) * width for i in (column, row))
        peaks.append({"x": round(x, 2), "y": round(y, 2), "pairs": pairs, "taken": False})
    return {
        "picture": counts_png(_coarsen(counts)),
        "low": low,
        "high": high,
        "tolerance": tolerance,
        "peaks": peaks,
    }


def _box_sums(counts: NDArray[Any], width: int) -> IntArray:
    """Add up the counts in a box about each bin."""
    before, behind = width // 2, width - width // 2
    padded = np.pad(counts.astype(np.int64), ((before + 1, behind), (before + 1, behind)))
    whole = np.cumsum(np.cumsum(padded, axis=0), axis=1)
    n = len(counts)
    sums: IntArray = (
        whole[width : width + n, width : width + n]
        - whole[:n, width : width + n]
        - whole[width : width + n, :n]
        + whole[:n, :n]
    )
    return sums


def _take(boxes: IntArray, row: int, column: int, reach: int) -> int:
    """Return the largest count near a bin, and blank all about it."""
    rows = slice(max(0, row - reach), row + reach + 1)
    columns = slice(max(0, column - reach), column + reach + 1)
    largest = int(boxes[rows, columns].max())
    boxes[rows, columns] = -1
    return largest


def _coarsen(counts: NDArray[Any]) -> NDArray[Any]:
    """Join bins to blocks of the fullest one's count, so that the peak is not lost."""
    step = math.ceil(len(counts) / _MOST_BINS)
    padded = np.pad(counts, (0, -len(counts) % step))
    n = len(padded) // step
    joined: NDArray[Any] = padded.reshape(n, step, n, step).max(axis=(1, 3))
    return joined
