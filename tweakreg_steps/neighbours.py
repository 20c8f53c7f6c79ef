"""Neighbours in the plane: all pairs of two point lists that are closer than a radius.

The second list is sorted once by (row, x), a row being a strip of constant height in y. The
candidates of a point are then a contiguous run in each of the few rows it reaches, found by
bisection, and are expanded in pieces of bounded size: the cost is O(N log N + pairs), the memory
O(N) whatever the number of pairs. Positions may be in any unit; points with a position that is
not finite have no neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
Shape = Literal["circle", "square"]

PIECE = 1 << 18
"""Candidate pairs expanded at a time: some ten arrays of 2 MB."""

BLOCK = 1 << 15
"""Points of the first list searched at a time."""

ROWS_PER_RADIUS = 8
"""Rows are never lower than this part of the radius."""

SPACINGS_PER_ROW = 3.0
"""Row height in mean point distances, where bisections and surplus candidates cost the same."""


@dataclass(frozen=True)
class Pairs:
    """Some pairs of points of a first and a second list.

    Attributes
    ----------
    first, second : (n,) int arrays
        Places in the two lists.
    dx, dy : (n,) float arrays
        Position in the first list minus position in the second.
    """

    first: IndexArray
    second: IndexArray
    dx: FloatArray
    dy: FloatArray


@dataclass(frozen=True)
class Nearest:
    """The nearest neighbour of each point of a list.

    Attributes
    ----------
    index : (n,) int array
        Place of the neighbour in the second list; -1 where there is none within the radius.
    distance : (n,) float array
        Distance to it; inf where there is none.
    """

    index: IndexArray
    distance: FloatArray


def iter_pairs(
    first_xy: FloatArray, second_xy: FloatArray, *, radius: float, shape: Shape
) -> Iterator[Pairs]:
    """Find all pairs of points of two lists whose separation is at most a radius.

    Parameters
    ----------
    first_xy, second_xy : (n, 2), (m, 2) float arrays
        Positions x, y.
    radius : float
        Largest separation, inclusive, in the unit of the positions.
    shape : {"circle", "square"}
        Limit of the distance, or of the separation in x and in y.

    Yields
    ------
    Pairs
        All pairs of some consecutive points of the first list, which comes in its own order;
        a list sorted by y is searched fastest.
    """
    usable = _finite_places(first_xy)
    table = _RowTable.build(second_xy, radius)
    for begin in range(0, len(usable), BLOCK):
        places = usable[begin : begin + BLOCK]
        for pairs in table.pairs_of(first_xy[places], radius):
            inside = _inside(pairs, radius, shape)
            yield Pairs(
                places[pairs.first[inside]],
                table.order[pairs.second[inside]],
                pairs.dx[inside],
                pairs.dy[inside],
            )


def iter_close_pairs(xy: FloatArray, *, radius: float) -> Iterator[Pairs]:
    """Find all pairs within one list whose distance is at most a radius, each once.

    Parameters
    ----------
    xy : (n, 2) float array
        Positions x, y.
    radius : float
        Largest distance, inclusive.

    Yields
    ------
    Pairs
        ``first`` < ``second``; over all pieces, ``first`` never decreases.
    """
    for pairs in iter_pairs(xy, xy, radius=radius, shape="circle"):
        once = np.flatnonzero(pairs.first < pairs.second)
        yield Pairs(pairs.first[once], pairs.second[once], pairs.dx[once], pairs.dy[once])


def find_nearest(first_xy: FloatArray, second_xy: FloatArray, *, radius: float) -> Nearest:
    """Find, for each point of the first list, the nearest point of the second within a radius.

    Parameters
    ----------
    first_xy, second_xy : (n, 2), (m, 2) float arrays
        Positions x, y.
    radius : float
        Largest distance, inclusive.

    Returns
    -------
    Nearest
        Of neighbours at the same distance the one that comes first in the second list.
    """
    index = np.full(len(first_xy), -1, dtype=np.intp)
    distance = np.full(len(first_xy), np.inf)
    for pairs in iter_pairs(first_xy, second_xy, radius=radius, shape="circle"):
        apart = np.hypot(pairs.dx, pairs.dy)
        order = np.lexsort((pairs.second, apart, pairs.first))
        owner = pairs.first[order]
        best = order[np.flatnonzero(np.diff(owner, prepend=-1))]
        index[pairs.first[best]] = pairs.second[best]
        distance[pairs.first[best]] = apart[best]
    return Nearest(index, distance)


def estimate_pair_count(first_xy: FloatArray, second_xy: FloatArray, *, radius: float) -> float:
    """Estimate how many pairs a square search would give, from a sample of the first list.

    Parameters
    ----------
    first_xy, second_xy : (n, 2), (m, 2) float arrays
        Positions x, y.
    radius : float
        Largest separation in x and in y.

    Returns
    -------
    float
        Expected number of pairs; exact where the first list has no more than 1000 points.
    """
    step = max(1, len(first_xy) // 1000)
    sample = first_xy[::step]
    found = sum(
        len(pairs.first) for pairs in iter_pairs(sample, second_xy, radius=radius, shape="square")
    )
    return found * len(first_xy) / max(1, len(sample))


def sort_by_position(xy: FloatArray) -> IndexArray:
    """Order points by y, then x: an order that does not depend on that of the list.

    Parameters
    ----------
    xy : (n, 2) float array
        Positions x, y.

    Returns
    -------
    (n,) int array
        Places in increasing order of position; points at the same position keep their order.
    """
    order = np.argsort(xy[:, 1], kind="stable")
    y = xy[order, 1]
    if np.any(y[1:] == y[:-1]):
        order = np.lexsort((xy[:, 0], xy[:, 1]))
    return order


@dataclass(frozen=True)
class _RowTable:
    """A point list sorted by row and x; far outliers share the border rows."""

    x: FloatArray
    y: FloatArray
    order: IndexArray
    key: FloatArray
    low: FloatArray
    high: FloatArray
    height: float
    span: float

    @classmethod
    def build(cls, xy: FloatArray, radius: float) -> Self:
        """Sort a list for searches within a radius."""
        places = _finite_places(xy)
        x, y = xy[places, 0], xy[places, 1]
        low, high = _bulk(x, y)
        width, tall = high - low
        height = max(
            SPACINGS_PER_ROW * float(np.sqrt(width * tall / max(1, len(x)))),
            radius / ROWS_PER_RADIUS,
            float(tall) / max(1, len(x)),
        )
        table = cls(
            x=x,
            y=y,
            order=places,
            key=x,
            low=low,
            high=high,
            height=height if height > 0 else 1.0,
            span=2 * float(width) + 1.0,
        )
        key = table.row(y) * table.span + table.along(x)
        order = np.argsort(key, kind="stable")
        fields = {**vars(table), "x": x[order], "y": y[order], "key": key[order]}
        return cls(**{**fields, "order": places[order]})

    def row(self, y: FloatArray) -> FloatArray:
        """Give the row of each y; never decreasing in y."""
        inside = np.clip(y, self.low[1], self.high[1])
        rows: FloatArray = np.floor((inside - self.low[1]) / self.height)
        return rows

    def along(self, x: FloatArray) -> FloatArray:
        """Give the place of each x along its row; never decreasing in x."""
        places: FloatArray = np.clip(x, self.low[0], self.high[0]) - self.low[0]
        return places

    def pairs_of(self, xy: FloatArray, radius: float) -> Iterator[Pairs]:
        """Expand the candidates of a block of points; ``second`` counts in the sorted list."""
        x, y = xy[:, 0], xy[:, 1]
        # Rounding of y - radius and of the key may not lose a pair on the limit.
        last_row = float(self.row(self.high)[1])
        largest = max(self.span * (last_row + 1.0), *np.abs([*self.low, *self.high]))
        slack = 1e-9 * radius + 8 * float(np.spacing(largest))
        reach = radius + slack
        low_row, high_row = self.row(y - reach), self.row(y + reach)
        n_rows = (high_row - low_row + 1).astype(np.intp)
        point, step = _expand(np.zeros(len(xy), dtype=np.intp), n_rows)
        base = (low_row[point] + step) * self.span
        begin = np.searchsorted(self.key, base + self.along(x - reach)[point] - slack, "left")
        end = np.searchsorted(self.key, base + self.along(x + reach)[point] + slack, "right")
        for low, high in _pieces(end - begin, np.cumsum(n_rows)):
            run, place = _expand(begin[low:high], (end - begin)[low:high])
            owner = point[low:high][run]
            yield Pairs(owner, place, x[owner] - self.x[place], y[owner] - self.y[place])


def _finite_places(xy: FloatArray) -> IndexArray:
    """Give the places of the points whose position is finite."""
    return np.flatnonzero(np.isfinite(xy[:, 0]) & np.isfinite(xy[:, 1]))


def _bulk(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give the corners of the box that holds all but the outer hundredths in x and y."""
    if len(x) == 0:
        return np.zeros(2), np.zeros(2)
    edges = np.stack([np.percentile(x, (1.0, 99.0)), np.percentile(y, (1.0, 99.0))])
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


def _inside(pairs: Pairs, radius: float, shape: Shape) -> IndexArray:
    """Give the candidates that are within the radius."""
    if shape == "circle":
        return np.flatnonzero(pairs.dx**2 + pairs.dy**2 <= radius**2)
    return np.flatnonzero((np.abs(pairs.dx) <= radius) & (np.abs(pairs.dy) <= radius))
