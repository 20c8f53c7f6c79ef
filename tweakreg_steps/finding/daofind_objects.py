"""From the convolved image to the places where stars are measured.

A pixel above the threshold belongs to the local maximum that the steepest way up from it leads
to.  Two neighbouring maxima are one object if the saddle between them is high: a cosmic ray's
track is one ridge, two stars that the kernel resolves have a valley between them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.finding import tuning
from tweakreg_steps.finding.daofind_kernel import (
    BoolImage,
    FloatImage,
    Kernel,
)

Index = IndexArray

NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Objects:
    """Objects above the threshold, in row order of their maxima; array indices are 0-based.

    Attributes
    ----------
    peak_row, peak_column
        Pixel of the highest maximum, shape (n,).
    row, column
        Centroid of the object's heights, shape (n,); of a large one its highest maximum.
    top, bottom, left, right
        First and last row and column of the object's pixels, shape (n,).
    """

    peak_row: Index
    peak_column: Index
    row: FloatArray
    column: FloatArray
    top: Index
    bottom: Index
    left: Index
    right: Index

    def __len__(self) -> int:
        return int(self.row.size)

    def __getitem__(self, chosen: BoolArray) -> Objects:
        return Objects(*(values[chosen] for values in vars(self).values()))

    @property
    def large(self) -> BoolArray:
        """Tell which objects are no single star or track, but all of a bright area."""
        large: BoolArray = (self.bottom - self.top >= tuning.LARGE) | (
            self.right - self.left >= tuning.LARGE
        )
        return large

    def inside(self, shape: tuple[int, int], kernel: Kernel) -> BoolArray:
        """Tell which objects, grown by half a kernel, keep off the outermost pixels."""
        ny, nx = shape
        by, bx = kernel.half_y + 1, kernel.half_x + 1
        return (
            (self.top >= by) & (self.left >= bx) & (self.bottom < ny - by) & (self.right < nx - bx)
        )


@dataclass(frozen=True)
class _Above:
    """Pixels above the threshold: flat index (ascending), height, and who is among them."""

    pixel: Index
    height: NDArray[np.float32]
    member: BoolArray
    width: int

    def position(self, pixel: Index) -> Index:
        """Place of member pixels in the list."""
        return np.searchsorted(self.pixel, pixel)


def find_objects(heights: FloatImage, *, threshold_level: float) -> Objects:
    """Find the objects above a level.

    Parameters
    ----------
    heights
        The convolved image, shape (ny, nx).
    threshold_level
        Heights must exceed it; the outermost pixels never do.

    Returns
    -------
    Objects
        Each the pixels of one maximum and of those that it shares a high saddle with.
    """
    member = heights > threshold_level
    member[0] = member[-1] = False
    member[:, 0] = member[:, -1] = False
    pixel = np.flatnonzero(member)
    above = _Above(pixel, heights.reshape(-1)[pixel], member.reshape(-1), heights.shape[1])
    maximum = _climb(above, heights.reshape(-1))
    return _describe(above, _merge(above, maximum))


def joint_centres(
    heights: FloatImage,
    good: BoolImage,
    objects: Objects,
    kernel: Kernel,
    *,
    threshold_level: float,
) -> tuple[FloatArray, FloatArray]:
    """Centroids of all that is above the threshold around each object.

    Parameters
    ----------
    heights
        The convolved image, shape (ny, nx).
    good
        Masked pixels (False) do not count, shape (ny, nx).
    objects
        Objects that are inside the image, their highest pixels good.
    kernel
        An object's window is the box around it, grown by half a kernel.
    threshold_level
        Heights below it do not count.

    Returns
    -------
    tuple of numpy.ndarray
        Rows and columns, 0-based, shape (n,); the own centre of a large object.
    """
    top, left = objects.top - kernel.half_y, objects.left - kernel.half_x
    tall, wide = objects.bottom + kernel.half_y + 1 - top, objects.right + kernel.half_x + 1 - left
    row, column = objects.row.copy(), objects.column.copy()
    usual = np.flatnonzero(~objects.large)
    piece = np.cumsum((tall * wide)[usual]) // tuning.WINDOW_PIXELS
    for number in range(piece[-1] + 1 if piece.size else 0):
        some = usual[piece == number]
        dy, dx, owner = _spread(tall[some], wide[some])
        y, x = top[some][owner] + dy, left[some][owner] + dx
        height = heights[y, x].astype(np.float64)
        height[(height <= threshold_level) | ~good[y, x]] = 0.0
        total = np.bincount(owner, height, some.size)
        row[some] = np.bincount(owner, height * y, some.size) / total
        column[some] = np.bincount(owner, height * x, some.size) / total
    return row, column


def _spread(tall: Index, wide: Index) -> tuple[Index, Index, Index]:
    """Row and column in its window, and window, of each pixel of windows of some sizes."""
    size = tall * wide
    owner = np.repeat(np.arange(size.size), size)
    within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    dy, dx = np.divmod(within, wide[owner])
    return dy, dx, owner


def _climb(above: _Above, heights: NDArray[np.float32]) -> Index:
    """For each pixel the place in the list of the maximum it belongs to."""
    highest, up = above.height.copy(), above.pixel.copy()
    for dy, dx in NEIGHBOURS:
        step = dy * above.width + dx
        other = heights[above.pixel + step]
        # of equal neighbours the first one, so that the ways on a plateau do not go round
        better = (other > highest) | ((other == highest) & (above.pixel + step < up))
        highest[better], up[better] = other[better], above.pixel[better] + step
    up = np.where(above.member[up], up, above.pixel)
    return _follow(above.position(up))


def _follow(parent: Index) -> Index:
    """Apply ``parent`` until nothing changes: the ends of all ways up."""
    while True:
        further = parent[parent]
        if np.array_equal(further, parent):
            return parent
        parent = further


def _merge(above: _Above, maximum: Index) -> Index:
    """Join maxima over high saddles; the highest names the object."""
    one, other, saddle = _saddles(above, maximum)
    group = np.arange(above.pixel.size)
    while one.size:
        swap = _lower(above, other, one)
        one, other = np.where(swap, other, one), np.where(swap, one, other)
        high = saddle >= tuning.SADDLE * above.height[one]
        if not high.any():
            break
        best = np.flatnonzero(high)
        best = best[np.lexsort((other[best], saddle[best], one[best]))]
        best = best[np.flatnonzero(np.diff(one[best], append=-1))]
        group[one[best]] = other[best]
        group = _follow(group)
        one, other = group[one], group[other]
        apart = one != other
        one, other, saddle = one[apart], other[apart], saddle[apart]
    return group[maximum]


def _lower(above: _Above, one: Index, other: Index) -> BoolArray:
    """Whether maxima are lower than others, or as high and later in the list."""
    a, b = above.height[one], above.height[other]
    lower: BoolArray = (a < b) | ((a == b) & (one > other))
    return lower


def _saddles(above: _Above, maximum: Index) -> tuple[Index, Index, NDArray[np.float32]]:
    """Pairs of maxima with neighbouring pixels, and how high the lower of these pixels is."""
    ones, others, saddles = [], [], []
    for dy, dx in NEIGHBOURS[4:]:
        next_pixel = above.pixel + (dy * above.width + dx)
        here = np.flatnonzero(above.member[next_pixel])
        there = above.position(next_pixel[here])
        border = maximum[here] != maximum[there]
        here, there = here[border], there[border]
        ones.append(maximum[here])
        others.append(maximum[there])
        saddles.append(np.minimum(above.height[here], above.height[there]))
    return np.concatenate(ones), np.concatenate(others), np.concatenate(saddles)


def _describe(above: _Above, maximum: Index) -> Objects:
    """Centroid and extent of the pixels of each maximum."""
    is_peak = maximum == np.arange(maximum.size)
    peak = np.flatnonzero(is_peak)
    owner = (np.cumsum(is_peak) - 1)[maximum]
    row, column = np.divmod(above.pixel, above.width)
    weight = above.height.astype(np.float64)
    total = np.bincount(owner, weight, peak.size)
    first_row, last_row = _extent(row, owner, peak.size)
    first_column, last_column = _extent(column, owner, peak.size)
    objects = Objects(
        peak_row=row[peak],
        peak_column=column[peak],
        row=np.bincount(owner, weight * row, peak.size) / total,
        column=np.bincount(owner, weight * column, peak.size) / total,
        top=first_row,
        bottom=last_row,
        left=first_column,
        right=last_column,
    )
    return replace(
        objects,
        row=np.where(objects.large, objects.peak_row, objects.row),
        column=np.where(objects.large, objects.peak_column, objects.column),
    )


def _extent(values: Index, owner: Index, number: int) -> tuple[Index, Index]:
    """Lowest and highest value of each owner's pixels."""
    lowest = np.full(number, np.iinfo(np.intp).max)
    highest = np.zeros(number, dtype=np.intp)
    np.minimum.at(lowest, owner, values)
    np.maximum.at(highest, owner, values)
    return lowest, highest
