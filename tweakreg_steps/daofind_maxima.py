"""Where stars may be: local maxima of the convolved image, one for each flat-topped star."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.daofind_kernel import BoolImage, FloatArray, FloatImage, Kernel

Pixels = NDArray[np.int64]

FLAT_TOP = 3  # pixels of equal, highest value in a source's box


@dataclass(frozen=True)
class Maxima:
    """Array indices (0-based) of local maxima, in row order, shape (n,)."""

    row: Pixels
    column: Pixels

    def __len__(self) -> int:
        return int(self.row.size)

    def __getitem__(self, chosen: slice | NDArray[np.bool_]) -> Maxima:
        return Maxima(self.row[chosen], self.column[chosen])


def find_maxima(
    heights: FloatImage, good: BoolImage, kernel: Kernel, *, threshold_level: float
) -> Maxima:
    """Find the good pixels above a level that no other pixel inside the kernel's support exceeds.

    Bad pixels are compared with, so that the flanks of a star or hot pixel that is masked are no
    maxima.  Of several equal pixels the first in row order is taken.

    Parameters
    ----------
    heights
        The convolved image, shape (ny, nx).
    good
        False where no source may be, shape (ny, nx).
    kernel
        Its box must be inside the image around each maximum.
    threshold_level
        Heights must exceed it.

    Returns
    -------
    Maxima
        In row order.
    """
    ny, nx = heights.shape
    by, bx = kernel.half_y, kernel.half_x
    inner = np.s_[by : ny - by, bx : nx - bx]
    chosen = np.flatnonzero((heights[inner] > threshold_level) & good[inner])
    row, column = np.divmod(chosen, nx - 2 * bx)
    pixel = (row + by) * nx + column + bx
    flat = heights.reshape(-1)
    level = flat[pixel]
    for dy, dx in kernel.offsets()[1:]:
        other = flat[pixel + (dy * nx + dx)]
        earlier = (dy, dx) < (0, 0)
        highest = level > other if earlier else level >= other
        pixel, level = pixel[highest], level[highest]
    return Maxima(*np.divmod(pixel, nx))


def cut_boxes(image: NDArray[np.floating] | NDArray[np.integer], at: Maxima, kernel: Kernel) -> FloatArray:
    """Pixels around each maximum: shape (n, ny, nx) of the kernel, double precision."""
    boxes = np.lib.stride_tricks.sliding_window_view(image, kernel.gaussian.shape)
    return boxes[at.row - kernel.half_y, at.column - kernel.half_x].astype(np.float64)
