"""The pairs around a peak of separations: its centre, and what it is worth against chance.

Pairs by chance are spread evenly around a peak. They are not always independent, though: a
cosmic ray broken into ten sources and a saturated star's wing of ten others make a hundred pairs
from one coincidence. So a peak is judged by the cells of the field that its pairs come from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IntArray
from tweakreg_steps.matching.false_alarm import scan_probability
from tweakreg_steps.matching.neighbours import (
    PointTable,
    iter_pairs,
)
from tweakreg_steps.matching.tuning import (
    CELL_WIDTHS,
    GRIDS,
    LEAST_CELL,
    LEAST_WINDOW,
    MAX_STEPS,
    N_NARROWINGS,
    NARROWING,
    STILL,
    WINDOW_REACH,
)


@dataclass(frozen=True)
class Search:
    """The set of peaks from which one was chosen.

    Attributes
    ----------
    density : float
        Pairs by chance per square pixel of separation, over all that was searched.
    n_windows : float
        Area searched over area of the peak's box; 1 where the offset was given.
    n_scales : int
        Widths of boxes tried.
    dimensions : int
        Dimensions in which the box was moved to where it is fullest.
    """

    density: float
    n_windows: float
    n_scales: int
    dimensions: int

    def probability(self, count: int, mean: float) -> float:
        """Return the chance of as many cells with a pair; see `scan_probability`."""
        return scan_probability(
            count,
            mean,
            n_windows=self.n_windows,
            n_scales=self.n_scales,
            dimensions=self.dimensions,
        )


@dataclass(frozen=True)
class Evidence:
    """What a peak is worth.

    Attributes
    ----------
    n_pairs : int
        Pairs within the peak's radius.
    pairs_by_chance : float
        Pairs expected there by chance, from the surroundings and from the whole search.
    n_cells : int
        Selection of the field that they come from.
    cells_by_chance : float
        Selection from which chance would bring a pair.
    probability : float
        Chance that unrelated lists give such a peak anywhere in the search; an upper limit.
    """

    n_pairs: int
    pairs_by_chance: float
    n_cells: int
    cells_by_chance: float
    probability: float


@dataclass(frozen=True)
class PeakPairs:
    """All pairs within a radius of the first guess of a peak.

    Attributes
    ----------
    dx, dy : (n,) float arrays
        Separations, image minus reference, in pixels.
    x, y : (n,) float arrays
        Positions of the pairs' sources of the image, in pixels; on the edge of the bulk where
        they are far outside it.
    window : float
        Radius in pixels that holds all of the peak; they reach ``WINDOW_REACH`` times as far.
    image : PointTable
        All sources of the image.
    """

    dx: FloatArray
    dy: FloatArray
    x: FloatArray
    y: FloatArray
    window: float
    image: PointTable

    @classmethod
    def collect(
        cls, image: PointTable, reference: PointTable, *, guess: FloatArray, width: float
    ) -> PeakPairs:
        """List the pairs around a guess.

        Parameters
        ----------
        image, reference : PointTable
            The two lists.
        guess : (2,) float array
            Offset, image minus reference, in pixels.
        width : float
            Side in pixels of the box in which the peak was seen.
        """
        window = window_of(width)
        pieces = [np.empty((4, 0))]
        for pairs in iter_pairs(
            image, reference, shift=guess, radius=WINDOW_REACH * window, shape="circle"
        ):
            positions = (
                axis[pairs.first].clip(low, high)
                for axis, low, high in zip((image.x, image.y), image.low, image.high, strict=True)
            )
            pieces.append(np.stack([pairs.dx + guess[0], pairs.dy + guess[1], *positions]))
        dx, dy, x, y = np.concatenate(pieces, axis=1)
        return cls(dx, dy, x, y, window, image)

    @property
    def density(self) -> float:
        """Return the number of pairs per square pixel of separation."""
        return len(self.dx) / (np.pi * (WINDOW_REACH * self.window) ** 2)

    def density_around(self, center: FloatArray) -> float:
        """Return the density of pairs outside the window around a position."""
        ring = np.pi * self.window**2 * (WINDOW_REACH**2 - 1.0)
        return float((~self.within(center, self.window)).sum()) / ring

    def refine(
        self, start: FloatArray, *, width: float, density: float
    ) -> tuple[FloatArray, float]:
        """Find the centre of the peak, and the width on which it stands out most.

        A round window moves to the mean of the separations in it, until it rests. Separations by
        chance are spread evenly: where it rests they pull to no side, so the position is that of
        the peak however many they are. They scatter it less the narrower it is, so the window is
        narrowed step by step; the width with the largest ``n log(n / m) - (n - m)``, n pairs
        where chance brings m, wins.

        Parameters
        ----------
        start : (2,) float array
            Offset in pixels.
        width : float
            Side in pixels of the box in which the peak was seen; no wider one is tried.
        density : float
            Pairs by chance per square pixel.

        Returns
        -------
        (2,) float array
            Centre of the peak; the start where the window would leave it.
        float
            Side in pixels of the square as large as the circle that holds the peak.
        """
        pairs, center = self, _rest(self, start, self.window)
        best, best_width, highest = center, width, -np.inf
        for narrow in width * NARROWING ** np.arange(N_NARROWINGS):
            if narrow < width:
                pairs = pairs.near(center, 2.0 * window_of(narrow))
                center = _rest(pairs, center, window_of(narrow))
            mean = density * narrow**2
            n_pairs = int(pairs.within(center, narrow / np.sqrt(np.pi)).sum())
            excess = n_pairs * np.log(max(n_pairs, 1) / mean) - (n_pairs - mean)
            if excess > highest and np.hypot(*(center - start)) <= self.window:
                best, best_width, highest = center, narrow, excess
        return best, float(best_width)

    def weigh(self, center: FloatArray, *, width: float, search: Search) -> Evidence:
        """Judge the pairs at a position against chance.

        A peak counts as the number of cells that have a pair in it: squares of the field that
        are far wider than the peak. With ``m_i`` pairs expected by chance in the cell i from
        the surroundings of the peak, chance brings pairs to ``sum(1 - exp(-m_i))`` of them, or to
        as many as the density of the whole search would where that is more. Of several grids of
        cells the one on which the pairs come from fewest counts.

        Parameters
        ----------
        center : (2,) float array
            Offset in pixels.
        width : float
            Side in pixels of the box in which the peak stands out most; the pairs counted are
            those in the circle of the same area.
        search : Search
            What the peak was chosen from.
        """
        inside = self.within(center, float(width / np.sqrt(np.pi)))
        around = ~self.within(center, self.window)
        ring = np.pi * self.window**2 * (WINDOW_REACH**2 - 1.0)
        share, least = width**2 / ring, width**2 * search.density
        side = max(CELL_WIDTHS * width, LEAST_CELL)
        numbers = [
            len(_counts(_squares(self.x[inside], self.y[inside], side, grid))) for grid in GRIDS
        ]
        n_cells, grid = min(zip(numbers, GRIDS, strict=True))
        nearby = _counts(_squares(self.x[around], self.y[around], side, grid))
        n_all = self._most_cells(side)
        by_chance = float(max(-np.expm1(-share * nearby).sum(), -n_all * np.expm1(-least / n_all)))
        return Evidence(
            n_pairs=int(inside.sum()),
            pairs_by_chance=max(least, share * float(around.sum())),
            n_cells=n_cells,
            cells_by_chance=by_chance,
            probability=search.probability(n_cells, by_chance),
        )

    def _most_cells(self, side: float) -> float:
        """Bound the number of cells with a source of the image."""
        columns, rows = (self.image.high - self.image.low) / side + 1.0
        return float(max(1.0, min(len(self.image), columns * rows)))

    def within(self, center: FloatArray, radius: float) -> BoolArray:
        """Return which separations are within a radius of a position."""
        within: BoolArray = (self.dx - center[0]) ** 2 + (self.dy - center[1]) ** 2 <= radius**2
        return within

    def near(self, center: FloatArray, radius: float) -> PeakPairs:
        """Return the pairs within a radius of a position only."""
        near = self.within(center, radius)
        return replace(self, dx=self.dx[near], dy=self.dy[near], x=self.x[near], y=self.y[near])


def window_of(width: float) -> float:
    """Return the radius in pixels that holds all of a peak seen in boxes of this width."""
    return max(0.75 * width + 0.5, LEAST_WINDOW)


def _rest(pairs: PeakPairs, start: FloatArray, window: float) -> FloatArray:
    """Move a round window to the mean of the separations in it, until it rests."""
    center = start
    for _ in range(MAX_STEPS):
        inside = np.flatnonzero(pairs.within(center, window))
        if not len(inside):
            return center
        new = np.array([pairs.dx[inside].sum(), pairs.dy[inside].sum()]) / len(inside)
        moved, center = float(np.hypot(*(new - center))), new
        if np.hypot(*(center - start)) > window:
            return start
        if moved < STILL:
            break
    return center


def _squares(x: FloatArray, y: FloatArray, side: float, grid: tuple[float, float]) -> IntArray:
    """Return the squares of a grid that positions are in, each by a number."""
    column, row = np.floor(x / side + grid[0]), np.floor(y / side + grid[1])
    return (row * (1 << 26) + column).astype(np.int64)


def _counts(cells: IntArray) -> IntArray:
    """Count how often each of some numbers occurs."""
    ordered = np.sort(cells)
    last = np.flatnonzero(ordered[1:] != ordered[:-1])
    ends = np.concatenate([[-1], last, [len(cells) - 1]])
    return ends[1:] - ends[:-1] if len(cells) else ends[:0]
