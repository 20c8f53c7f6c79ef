"""Neighbours in the plane: all pairs of two point lists that are closer than a radius.

A list is sorted by (row, x), a row being a strip of constant height in y. The candidates of a
point are then a contiguous run in each of the few rows it reaches, found by bisection, and are
expanded in pieces of bounded size: the cost is O(N log N + pairs), the memory O(N) whatever the
number of pairs. Positions may be in any unit; points with a position that is not finite have no
neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.matching.tuning import BLOCK, PIECE, SPACINGS_PER_ROW

Shape = Literal["circle", "square"]


@dataclass(frozen=True)
class PointTable:
    """A point list sorted for searches; points far outside the bulk share its border rows.

    Attributes
    ----------
    x, y : (n,) float arrays
        Finite positions, sorted by ``key``, then y, then x: the order of the list does not matter.
    index : (n,) int array
        Their indices in the list.
    key : (n,) float array
        ``row * span + along``, ascending.
    low, high : (2,) float arrays
        Corners of the bulk, x and y.
    height, span : float
        Height of a row; distance of two rows in ``key``.
    """

    x: FloatArray
    y: FloatArray
    index: IndexArray
    key: FloatArray
    low: FloatArray
    high: FloatArray
    height: float
    span: float

    @classmethod
    def build(cls, xy: FloatArray) -> Self:
        """Sort a list.

        Parameters
        ----------
        xy : (n, 2) float array
            Positions x, y.
        """
        index = np.flatnonzero(np.isfinite(xy[:, 0]) & np.isfinite(xy[:, 1]))
        x, y = xy[index, 0], xy[index, 1]
        low, high = _bulk(x, y)
        width, tall = (high - low).tolist()
        number = max(1, len(x))
        height = max(SPACINGS_PER_ROW * float(np.sqrt(width * tall / number)), tall / number)
        table = cls(x, y, index, x, low, high, height if height > 0 else 1.0, 2 * width + 1.0)
        key = table.row(y) * table.span + table.along(x)
        order = np.argsort(key, kind="stable")
        ascending = key[order]
        if np.any(ascending[1:] == ascending[:-1]):
            order = np.lexsort((x, y, key))
        return replace(table, x=x[order], y=y[order], index=index[order], key=key[order])

    def __len__(self) -> int:
        return len(self.x)

    def choose(self, chosen: BoolArray | slice) -> Self:
        """Return the table of some of the points, a mask or a slice of this one."""
        return replace(
            self,
            x=self.x[chosen],
            y=self.y[chosen],
            index=self.index[chosen],
            key=self.key[chosen],
        )

    def distinct(self) -> Self:
        """Return the table with each position once: that of the first in the list."""
        repeated = (self.x[1:] == self.x[:-1]) & (self.y[1:] == self.y[:-1])
        return self.choose(np.concatenate([[True], ~repeated])) if repeated.any() else self

    def row(self, y: FloatArray) -> FloatArray:
        """Return the row of each y; never decreasing in y."""
        inside = np.minimum(np.maximum(y, self.low[1]), self.high[1])
        rows: FloatArray = np.floor((inside - self.low[1]) / self.height)
        return rows

    def along(self, x: FloatArray) -> FloatArray:
        """Return how far each x is along its row; never decreasing in x."""
        along: FloatArray = np.minimum(np.maximum(x, self.low[0]), self.high[0]) - self.low[0]
        return along


@dataclass(frozen=True)
class Pairs:
    """Some pairs of points of a first and a second table.

    Attributes
    ----------
    first, second : (n,) int arrays
        Rows of the two tables.
    dx, dy : (n,) float arrays
        Position in the first table minus the shift minus position in the second.
    """

    first: IndexArray
    second: IndexArray
    dx: FloatArray
    dy: FloatArray


@dataclass(frozen=True)
class Nearest:
    """The nearest neighbour of each point of a table.

    Attributes
    ----------
    second : (n,) int array
        Row of the neighbour in the second table; -1 where there is none within the radius.
    distance : (n,) float array
        Distance to it; inf where there is none.
    """

    second: IndexArray
    distance: FloatArray


def iter_pairs(
    first: PointTable,
    second: PointTable,
    *,
    shift: FloatArray | tuple[float, float],
    radius: float,
    shape: Shape,
) -> Iterator[Pairs]:
    """Find all pairs of points of two tables whose separation is at most a radius.

    Parameters
    ----------
    first, second : PointTable
        The two lists.
    shift : (dx, dy)
        Subtracted from the positions of the first list.
    radius : float
        Largest separation, inclusive, in the unit of the positions.
    shape : {"circle", "square"}
        Limit of the distance, or of the separation in x and in y.

    Yields
    ------
    Pairs
        In increasing order of ``first``, all pairs of one point of the first table at once.
    """
    for start in range(0, len(first), BLOCK):
        x = first.x[start : start + BLOCK] - shift[0]
        y = first.y[start : start + BLOCK] - shift[1]
        point, begin, count, ends = _find_runs(x, y, second, radius)
        for low, high in _pieces(count, ends):
            run, found = _expand(begin[low:high], count[low:high])
            owner = point[low:high][run]
            dx, dy = x[owner] - second.x[found], y[owner] - second.y[found]
            if shape == "circle":
                inside = np.flatnonzero(dx**2 + dy**2 <= radius**2)
            else:
                inside = np.flatnonzero((np.abs(dx) <= radius) & (np.abs(dy) <= radius))
            yield Pairs(start + owner[inside], found[inside], dx[inside], dy[inside])


def find_nearest(
    first: PointTable, second: PointTable, *, shift: FloatArray | tuple[float, float], radius: float
) -> Nearest:
    """Find, for each point of the first table, the nearest of the second within a radius.

    Parameters
    ----------
    first, second : PointTable
        The two lists.
    shift : (dx, dy)
        Subtracted from the positions of the first list.
    radius : float
        Largest distance, inclusive.

    Returns
    -------
    Nearest
        Of neighbours at the same distance the one that comes first in the second table.
    """
    index = np.full(len(first), -1, dtype=np.intp)
    distance = np.full(len(first), np.inf)
    for pairs in iter_pairs(first, second, shift=shift, radius=radius, shape="circle"):
        apart = np.hypot(pairs.dx, pairs.dy)
        order = np.lexsort((pairs.second, apart, pairs.first))
        best = order[np.flatnonzero(np.diff(pairs.first[order], prepend=-1))]
        index[pairs.first[best]] = pairs.second[best]
        distance[pairs.first[best]] = apart[best]
    return Nearest(index, distance)


def estimate_pair_count(first: PointTable, second: PointTable, *, radius: float) -> float:
    """Estimate how many pairs a square search would give, from a sample of the first list.

    Parameters
    ----------
    first, second : PointTable
        The two lists.
    radius : float
        Largest separation in x and in y.

    Returns
    -------
    float
        Expected number of pairs; exact where the first list has less than 400 points.
    """
    sample = first.choose(slice(None, None, max(1, len(first) // 200)))
    pieces = iter_pairs(sample, second, shift=(0.0, 0.0), radius=radius, shape="square")
    return sum(len(pairs.first) for pairs in pieces) * len(first) / max(1, len(sample))


def _find_runs(
    x: FloatArray, y: FloatArray, second: PointTable, radius: float
) -> tuple[IndexArray, IndexArray, IndexArray, IndexArray]:
    """Bisect the table: the point, begin and length of each run, and each point's end of runs."""
    # Rounding of y - radius and of the key may not lose a pair on the limit.
    last_row = float(second.row(second.high)[1])
    largest = max(second.span * (last_row + 1.0), *np.abs([*second.low, *second.high]))
    slack = 1e-9 * radius + 8 * float(np.spacing(largest))
    reach = radius + slack
    low_row = second.row(y - reach)
    n_rows = (second.row(y + reach) - low_row).astype(np.intp) + 1
    point, step = _expand(np.zeros(len(x), dtype=np.intp), n_rows)
    base = (low_row[point] + step) * second.span
    begin = np.searchsorted(second.key, base + (second.along(x - reach) - slack)[point], "left")
    end = np.searchsorted(second.key, base + (second.along(x + reach) + slack)[point], "right")
    return point, begin, end - begin, np.cumsum(n_rows)


def _bulk(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the corners of the box that holds all but the outer hundredths in x and y."""
    if len(x) == 0:
        return np.zeros(2), np.zeros(2)
    outer = len(x) // 100
    ranks = (outer, len(x) - 1 - outer)
    edges = np.stack([np.partition(axis, ranks)[list(ranks)] for axis in (x, y)])
    margin = 0.05 * (edges[:, 1] - edges[:, 0])
    return edges[:, 0] - margin, edges[:, 1] + margin


def _expand(first: IndexArray, count: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Write out runs: for each element its run, and ``first`` of the run, + 1, + 2, ..."""
    run = np.repeat(np.arange(len(count)), count)
    skipped = np.cumsum(count) - count
    return run, np.arange(len(run)) + (first - skipped)[run]


def _pieces(count: IndexArray, ends: IndexArray) -> Iterator[tuple[int, int]]:
    """Cut runs into pieces of about ``PIECE`` elements, only where a point's runs end."""
    filled = np.cumsum(count)[ends - 1] if len(ends) else ends
    low, n_done = 0, 0
    while low < len(count):
        last = max(int(np.searchsorted(filled, n_done + PIECE, "right")) - 1, 0)
        last = max(last, int(np.searchsorted(ends, low, "right")))
        high = int(ends[last])
        yield low, high
        low, n_done = high, int(filled[last])
