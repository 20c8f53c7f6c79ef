"""Which numbers of each unit the data can tell, and what is held where nothing tells them.

Without a reference a mosaic may be shifted as a whole, turned if all of its units may turn, scaled
if all may be scaled: these are held, so that they do not float. Each connected part of the mosaic
has its own freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.matching.linear_models import MINIMUM_PAIRS, Geometry
from tweakreg_steps.matching.tuning import LEAST_ELONGATION, LEAST_EXTENT
from tweakreg_steps.solving.detections import (
    sums,
)
from tweakreg_steps.solving.unit_parameters import N_FREE, N_NUMBERS


@dataclass(frozen=True, eq=False)
class Freedom:
    """What is solved for.

    Attributes
    ----------
    free : (n_units, 6) bool array
        Numbers that are solved for.
    gauge : (n_units, 6) bool array
        Numbers held because nothing tells them for the whole part: of one unit in each part.
    component : (n_units,) int array
        The connected part that each unit is in.
    linked : (n_units,) bool array
        Whether anything tells where a unit lies: another unit, or the reference.
    """

    free: BoolArray
    gauge: BoolArray
    component: IndexArray
    linked: BoolArray


def count_stars(unit: IndexArray, star: IndexArray, n_units: int) -> IndexArray:
    """Return how many different stars each unit has; detections are in order of star, then unit."""
    again = np.zeros(len(star), dtype=np.bool_)
    again[1:] = (star[1:] == star[:-1]) & (unit[1:] == unit[:-1])
    return np.bincount(unit[~again], minlength=n_units)


def determined_numbers(
    unit: IndexArray, star: IndexArray, places: FloatArray, *, n_units: int
) -> BoolArray:
    """Return which numbers the stars of each unit can tell, shape (n_units, 6).

    As in `tweakreg_steps.matching.linear_models`: one star tells a shift, two apart a rotation and
    a scale, three not on a line everything.

    Parameters
    ----------
    unit, star : (n,) int arrays
        Of the detections of stars that something else sees as well, in order of star, then unit.
    places : (n, 2) float array
        Places p of these stars from the unit's centre, in pixels.
    n_units : int
        Number of units.
    """
    counts = count_stars(unit, star, n_units)
    long, wide = _extents(unit, places, n_units)
    reached = {
        "shift": counts >= MINIMUM_PAIRS["shift"],
        "rscale": (counts >= MINIMUM_PAIRS["rscale"]) & (long > LEAST_EXTENT),
        "general": (counts >= MINIMUM_PAIRS["general"]) & (wide > LEAST_ELONGATION * long),
    }
    told = np.zeros((n_units, N_NUMBERS), dtype=np.bool_)
    levels: tuple[Geometry, ...] = ("shift", "rscale", "general")
    enough = np.ones(n_units, dtype=np.bool_)
    for level in levels:
        enough = enough & reached[level]
        told[:, : N_FREE[level]] |= enough[:, None]
    return told


def _extents(unit: IndexArray, places: FloatArray, n_units: int) -> tuple[FloatArray, FloatArray]:
    """Return length and width (rms, pixels) of the field of each unit's stars."""
    counts = np.maximum(np.bincount(unit, minlength=n_units), 1)

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(sums(unit, values, n_units) / counts)

    x, y = places.T
    x, y = x - mean(x)[unit], y - mean(y)[unit]
    xx, yy, xy = mean(x * x), mean(y * y), mean(x * y)
    half, turn = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return np.sqrt(half + turn), np.sqrt(np.maximum(half - turn, 0.0))


def find_freedom(
    asked: BoolArray,
    told: BoolArray,
    *,
    component: IndexArray,
    n_known: IndexArray,
    held: BoolArray,
    priors: FloatArray,
) -> Freedom:
    """Decide what is solved for.

    Parameters
    ----------
    asked : (n_units, 6) bool array
        What the geometries leave free.
    told : (n_units, 6) bool array
        What the stars of each unit can tell.
    component : (n_units,) int array
        The connected part of each unit.
    n_known : (n_units,) int array
        Different reference stars in the part that a unit is in.
    held : (n_units,) bool array
        Units that stay as they are.
    priors : (n_units, 6) float array
        Inverse variances of the priors.
    """
    believed = priors > 0.0
    free = asked & (told | believed) & ~held[:, None]
    linked = told[:, 0] | held
    gauge = np.zeros_like(free)
    needed = np.array([1, 1, 2, 2, 3, 3])
    for part in np.unique(component[linked]):
        units = np.flatnonzero((component == part) & linked)
        if held[units].any():
            continue
        floats = (n_known[units[0]] < needed) & asked[units].all(axis=0)
        floats &= ~believed[units].any(axis=0)
        # the unit with most freedom of its own holds the part's
        first = units[int(np.argmax(free[units].sum(axis=1)))]
        gauge[first] = floats & free[first]
    return Freedom(free & ~gauge, gauge, component, linked)
