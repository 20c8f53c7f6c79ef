"""Sources on a lattice, whose lists agree at each step of it: any one offset proves nothing.

Whether lists agree elsewhere, too, is looked for around the offset found, beyond the search area
as well: two unrelated lattices of the same step always agree somewhere within one step of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.false_alarm import scan_probability
from tweakreg_steps.matching.neighbours import (
    PointTable,
    iter_pairs,
)
from tweakreg_steps.matching.pairing import thin
from tweakreg_steps.matching.tuning import (
    AS_GOOD,
    LATTICE_FALSE_ALARM,
    LATTICE_PAIRS,
    LATTICE_PROBES,
    LATTICE_SAMPLE,
    LATTICE_SOURCES,
    LATTICE_STEPS,
    LEAST_CELL,
    LEAST_REPEATS,
)


@dataclass(frozen=True)
class Repeat:
    """The shift that brings most sources of a list on those of another.

    Attributes
    ----------
    n_sources : int
        Sources of the first list looked at.
    n_repeats : int
        Sources, of either list, that it brings together.
    expected : float
        As many as unrelated lists of these densities would have brought together there.
    n_shifts : float
        Distinguishable shifts that were looked at.
    """

    n_sources: int
    n_repeats: int
    expected: float
    n_shifts: float


def is_ambiguous(
    image_xy: FloatArray,
    reference_xy: FloatArray,
    matched_xy: FloatArray,
    *,
    tolerance: float,
) -> bool:
    """Return whether two lists that lie over each other would do so elsewhere about as well.

    Either the matched sources repeat themselves: some shift brings at least half of them on
    others. Or some shift brings half as many sources of one list on those of the other as are
    matched, and more than chance. Shifts within `LEAST_CELL` do not count: what a saturated star
    breaks into looks alike around each of them.

    Parameters
    ----------
    image_xy, reference_xy : (n, 2), (m, 2) float arrays
        Positions in pixels, the offset taken off those of the image.
    matched_xy : (k, 2) float array
        Positions of the matched sources.
    tolerance : float
        Matching radius in pixels.

    Returns
    -------
    bool
        Of 8,400 simulated fields of 200 and 1000 pixels with 3 to 30 common sources at random
        among up to five times as many others it was true for one, of 200 pixels
        (`benchmarks/few_pairs.py`); of lattices of 2 x 2 sources and more, with steps from
        15 pixels, for all.
    """
    low, high = _middle(matched_xy)
    matched, image, reference = (
        PointTable.build(xy[np.all((xy >= low) & (xy <= high), axis=1)])
        for xy in (matched_xy, image_xy, reference_xy)
    )
    matched, image, reference = thin(matched, LEAST_CELL), image.distinct(), reference.distinct()
    own = _most_repeated(matched, matched, tolerance)
    if _is_as_good(own, own.n_sources):
        return True
    cross = _most_repeated(image, reference, tolerance)
    share = cross.n_sources / max(1, len(image))
    false_alarm = scan_probability(
        cross.n_repeats, cross.expected, n_windows=cross.n_shifts, n_scales=1, dimensions=2
    )
    return _is_as_good(cross, share * len(matched)) and false_alarm <= LATTICE_FALSE_ALARM


def _middle(xy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the corners of a box in the middle of many positions: a part of a lattice is one."""
    if len(xy) <= LATTICE_SOURCES:
        return np.full(2, -np.inf), np.full(2, np.inf)
    part = 0.5 * np.sqrt(LATTICE_SOURCES / len(xy))
    low, high = np.quantile(xy, [0.5 - part, 0.5 + part], axis=0)
    return low, high


def _is_as_good(repeat: Repeat, n_matched: float) -> bool:
    """Return whether a shift brings half as many together, whole ones by chance being taken off."""
    by_chance = np.floor(repeat.expected)
    enough = by_chance + AS_GOOD * (n_matched - by_chance)
    return bool(repeat.n_repeats >= max(LEAST_REPEATS, enough))


def _most_repeated(first: PointTable, second: PointTable, radius: float) -> Repeat:
    """Find the shift that brings most sources together within a radius."""
    reach = LATTICE_STEPS * max(_spacing(first), _spacing(second))
    sample = first.choose(slice(None, None, 1 + len(first) // LATTICE_SAMPLE))
    # every pair of a short list and a much denser one could be within reach
    n_pairs = len(sample) * np.pi * (reach / max(_spacing(second), 1e-9)) ** 2
    reach *= float(np.sqrt(LATTICE_PAIRS / max(n_pairs, LATTICE_PAIRS)))
    found = [np.empty((4, 0))]
    for pairs in iter_pairs(sample, second, shift=(0.0, 0.0), radius=reach, shape="circle"):
        apart = np.hypot(pairs.dx, pairs.dy) > LEAST_CELL
        found.append(
            np.stack([pairs.dx, pairs.dy, pairs.first, pairs.second])[:, apart],
        )
    dx, dy, one, other = np.concatenate(found, axis=1)
    n_shifts = max(1.0, (reach / radius) ** 2)
    if not len(dx):
        return Repeat(len(sample), 0, 0.0, n_shifts)
    shifts = PointTable.build(np.column_stack([dx, dy]))
    probes = shifts.choose(slice(None, None, 1 + len(shifts) // LATTICE_PROBES))
    numbers = np.zeros(len(probes), dtype=np.intp)
    for pairs in iter_pairs(probes, shifts, shift=(0.0, 0.0), radius=radius, shape="circle"):
        numbers += np.bincount(pairs.first, minlength=len(probes))
    fullest = probes.choose(slice(int(np.argmax(numbers)), int(np.argmax(numbers)) + 1))
    around = iter_pairs(fullest, shifts, shift=(0.0, 0.0), radius=radius, shape="circle")
    best = shifts.index[np.concatenate([pairs.second for pairs in around])]
    n_repeats = min(_distinct(sample, one[best]), _distinct(second, other[best]))
    return Repeat(len(sample), n_repeats, len(dx) / n_shifts, n_shifts)


def _distinct(table: PointTable, rows: FloatArray) -> int:
    """Count the squares of `LEAST_CELL` pixels in which some points of a table lie."""
    chosen = rows.astype(np.intp)
    squares = np.floor(np.column_stack([table.x[chosen], table.y[chosen]]) / LEAST_CELL)
    return len(np.unique(squares, axis=0))


def _spacing(table: PointTable) -> float:
    """Return the mean distance of neighbours, in pixels, also of points on a line."""
    if not len(table):
        return 0.0
    sides = [float(np.ptp(axis)) for axis in (table.x, table.y)]
    return max(float(np.sqrt(sides[0] * sides[1] / len(table))), max(sides) / len(table))
