"""The offset between two lists of positions: the peak of all their pair separations.

Separations of unrelated sources spread over the search area, those of the same source in both
lists pile up at the offset. The peak is found on a fine histogram, on the scale at which it
stands out most, because a roll error smears it; its position is then taken from the separations
themselves, so that neither bins nor the edges of the search area bias it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.matching.chance import scan_probability
from tweakreg_steps.matching.neighbours import (
    FloatArray,
    PointTable,
    estimate_pair_count,
    iter_pairs,
)
from tweakreg_steps.matching.peaks import WIDER, find_box_peak

log = logging.getLogger(__name__)

BIN = 0.5
"""Width of a bin of the histogram in pixels, for search radii up to ``BIN * MAX_HALF_SIZE``."""

MAX_HALF_SIZE = 500
"""Most bins from the histogram's centre to its edge: the bins grow with wider searches."""

PEAK_WIDTHS = (1, 3, 5, 7, 11, 15)
"""Widths, in bins, of the boxes in which a peak is looked for."""

MAX_PAIRS = 1 << 26
"""Pairs put into the histogram; with more, every n-th source of the image is enough."""

MAX_WIDTH = 41
"""Widest box, in bins: a peak wider than that is not one."""

WINDOW_REACH = 3.0
"""Separations are collected out to this many windows around the first guess."""

MAX_STEPS = 200
"""Most steps of the refinement, which ends long before where there is a peak."""

STILL = 1e-4
"""A step in pixels at which the refinement rests."""


@dataclass(frozen=True)
class Offset:
    """The offset between two lists, image minus reference.

    Attributes
    ----------
    dx, dy : float
        Offset in pixels of the reference plane.
    n_peak : int
        Pairs within ``radius`` of it.
    radius : float
        Radius in pixels in which the peak stands out most.
    background : float
        Pairs expected there by chance, from its surroundings and from the whole search area.
    probability : float
        Chance that unrelated lists give such a peak anywhere in the search area; an upper limit.
    n_pairs : int
        Pairs in the histogram.
    sampling : int
        Only each ``sampling``-th source of the image was used, because there are so many; 1: all.
    histogram : (ny, nx) int array
        Number of pairs by separation in y and x.
    x_edges, y_edges : (nx + 1,), (ny + 1,) float arrays
        Edges of the bins in pixels; separation zero is the centre of the middle bin.
    """

    dx: float
    dy: float
    n_peak: int
    radius: float
    background: float
    probability: float
    n_pairs: int
    sampling: int
    histogram: NDArray[np.int64]
    x_edges: FloatArray
    y_edges: FloatArray


def estimate_offset(
    image_xy: FloatArray, reference_xy: FloatArray, *, searchrad: float, tolerance: float
) -> Offset:
    """Find the offset of an image's sources from the reference sources.

    Parameters
    ----------
    image_xy, reference_xy : (n, 2), (m, 2) float arrays
        Positions x, y in pixels of the reference plane. Sources at the same position count once.
    searchrad : float
        Half the side, in pixels, of the square of offsets that is searched.
    tolerance : float
        Matching radius in pixels: twice this is one of the widths on which a peak is looked for.

    Returns
    -------
    Offset
        Of equally high peaks, the one nearest to zero.

    Raises
    ------
    NotAlignedError
        NO_OVERLAP: no pair of sources is within the search area.
    """
    return find_offset(
        PointTable.build(image_xy),
        PointTable.build(reference_xy),
        searchrad=searchrad,
        tolerance=tolerance,
    )


def find_offset(
    image: PointTable, reference: PointTable, *, searchrad: float, tolerance: float
) -> Offset:
    """Do what `estimate_offset` does, for lists that are sorted already."""
    image, reference = image.distinct(), reference.distinct()
    sampling = _choose_sampling(image, reference, searchrad)
    image = image.choose(slice(None, None, sampling))
    search = _search(image, reference, np.zeros(2), searchrad, tolerance)
    if search is None:
        raise NotAlignedError(
            Reason.NO_OVERLAP,
            f"none of {len(image)} sources has any of {len(reference)} reference sources"
            f" within the search radius of {searchrad:g} pixels in x and y;"
            " raise object_matching.searchrad, or check that the fields overlap",
        )
    guess = search
    if search.bin_width > BIN:
        near = _search(image, reference, search.center, _window(search.width), tolerance)
        guess = near or search
    return _measure(image, reference, search, guess, sampling)


@dataclass(frozen=True)
class _Search:
    """The histogram of a search, and the centre and width of the box that stands out most.

    Edges are relative to the middle of the area searched; everything is in pixels.
    """

    counts: NDArray[np.int64]
    edges: FloatArray
    bin_width: float
    n_widths: int
    center: FloatArray
    width: float

    @property
    def area(self) -> float:
        """Give the area searched, in square pixels."""
        return float(self.edges[-1] - self.edges[0]) ** 2


def _search(
    image: PointTable,
    reference: PointTable,
    middle: FloatArray,
    searchrad: float,
    tolerance: float,
) -> _Search | None:
    """Look for the peak around a place; None where there is no pair."""
    bin_width = max(BIN, searchrad / MAX_HALF_SIZE)
    half_size = max(1, int(np.ceil(searchrad / bin_width - 0.5)))
    widths = _peak_widths(tolerance, bin_width)
    # A border lets a peak on the edge of the search area be seen whole.
    border = (max(widths) + WIDER) // 2 + 1
    bordered = _count_pairs(image, reference, middle, bin_width, half_size + border)
    counts = bordered[border:-border, border:-border].copy()
    if not counts.any():
        return None
    peak = find_box_peak(bordered, border=border, widths=widths)
    lines = np.arange(-half_size, half_size + 2, dtype=np.float64)
    from_middle = np.array([peak.column - half_size, peak.row - half_size]) * bin_width
    return _Search(
        counts=counts,
        edges=(lines - 0.5) * bin_width,
        bin_width=bin_width,
        n_widths=len(widths),
        center=middle + from_middle,
        width=peak.width * bin_width,
    )


def _measure(
    image: PointTable, reference: PointTable, search: _Search, guess: _Search, sampling: int
) -> Offset:
    """Refine the best guess, and weigh its peak against chance in the whole search."""
    window = _window(guess.width)
    separations = _collect_separations(image, reference, guess.center, WINDOW_REACH * window)
    center = _refine(separations, guess.center, window)
    radius = guess.width / np.sqrt(np.pi)
    n_peak = _count_within(separations, center, radius)
    n_pairs = int(search.counts.sum())
    density = max(n_pairs / search.area, _density_around(separations, center, window))
    background = float(density * np.pi * radius**2)
    probability = scan_probability(
        n_peak,
        background,
        n_windows=search.area / guess.width**2,
        n_scales=search.n_widths,
    )
    log.debug("offset %.3f %.3f: %d pairs, %.2f by chance", *center, n_peak, background)
    return Offset(
        dx=float(center[0]),
        dy=float(center[1]),
        n_peak=n_peak,
        radius=float(radius),
        background=background,
        probability=probability,
        n_pairs=n_pairs,
        sampling=sampling,
        histogram=search.counts,
        x_edges=search.edges,
        y_edges=search.edges,
    )


def _choose_sampling(image: PointTable, reference: PointTable, searchrad: float) -> int:
    """Tell which fraction of the image's sources gives pairs enough."""
    if len(image) * len(reference) <= MAX_PAIRS:
        return 1
    n_pairs = estimate_pair_count(image, reference, radius=searchrad)
    sampling = max(1, int(np.ceil(n_pairs / MAX_PAIRS)))
    if sampling > 1:
        log.info("%.3g pairs: each %d-th source is in the histogram", n_pairs, sampling)
    return sampling


def _count_pairs(
    image: PointTable, reference: PointTable, middle: FloatArray, bin_width: float, half_size: int
) -> NDArray[np.int64]:
    """Histogram pair separations, [y, x], in ``2 half_size + 1`` bins a side around a place."""
    size = 2 * half_size + 1
    reach = (half_size + 0.5) * bin_width
    counts = np.zeros(size * size, dtype=np.int64)
    for pairs in iter_pairs(image, reference, shift=middle, radius=reach, shape="square"):
        column = ((pairs.dx + reach) / bin_width).astype(np.intp)
        row = ((pairs.dy + reach) / bin_width).astype(np.intp)
        np.add.at(counts, np.minimum(row, size - 1) * size + np.minimum(column, size - 1), 1)
    return counts.reshape(size, size)


def _peak_widths(tolerance: float, bin_width: float) -> tuple[int, ...]:
    """Give the widths on which a peak is looked for: the fixed ones and the tolerance's."""
    wanted = 2 * int(min(tolerance / bin_width, MAX_WIDTH // 2)) + 1
    return tuple(sorted({*PEAK_WIDTHS, wanted}))


def _window(width: float) -> float:
    """Give the radius in pixels that holds all of a peak seen in boxes of this width."""
    return 0.75 * width + 0.5


def _collect_separations(
    image: PointTable, reference: PointTable, start: FloatArray, radius: float
) -> FloatArray:
    """List all separations within a radius of a place, relative to zero."""
    pieces = [
        np.stack([pairs.dx, pairs.dy], axis=1)
        for pairs in iter_pairs(image, reference, shift=start, radius=radius, shape="circle")
    ]
    return np.concatenate([np.empty((0, 2)), *pieces]) + start


def _refine(separations: FloatArray, start: FloatArray, window: float) -> FloatArray:
    """Move a round window to the mean of the separations in it, until it rests.

    Separations by chance are spread evenly: where the window rests they pull to no side, so the
    place is that of the peak however many they are.
    """
    center = start
    for _ in range(MAX_STEPS):
        step = separations - center
        inside = (step**2).sum(axis=1) <= window**2
        if not inside.any():
            return center
        move = step[inside].mean(axis=0)
        center = center + move
        too_far = np.hypot(*(center - start)) > window
        if too_far:
            return start
        if np.hypot(*move) < STILL:
            break
    return center


def _count_within(separations: FloatArray, center: FloatArray, radius: float) -> int:
    """Count the separations within a radius of a place."""
    return int((((separations - center) ** 2).sum(axis=1) <= radius**2).sum())


def _density_around(separations: FloatArray, center: FloatArray, window: float) -> float:
    """Give the density of the collected separations outside the window, per square pixel."""
    n_around = len(separations) - _count_within(separations, center, window)
    return n_around / (np.pi * window**2 * (WINDOW_REACH**2 - 1))
