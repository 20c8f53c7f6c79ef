"""A fit that a minority of wrong pairs cannot mislead: where the clipping may begin instead.

It minimises ``sum |u - (M v + s)|``, the distances in place of their squares, so that a pair pulls
with the same force however far off it is. Least squares with weights ``1 / |u - (M v + s)|`` of
the fit before lead there (Weiszfeld 1937, Tohoku Math. J. 43, 355; Schlossmacher 1973, J. Am.
Stat. Assoc. 68, 857). Positions of matched pairs cannot be far outside the field, so no single
one has the leverage that would defeat this.
"""

from __future__ import annotations

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.matching.linear_models import (
    Geometry,
    solve,
)
from tweakreg_steps.matching.tuning import (
    LEAST_PULLING,
    LEAST_ROBUST_PAIRS,
    ROBUST_ROUNDING,
    ROBUST_ROUNDS,
    ROBUST_SETTLED,
)

_NORMAL_MEDIAN = 0.6745
"""Median of the absolute value of a standard normal number."""


def agreeing_pairs(
    image: FloatArray, reference: FloatArray, *, geometry: Geometry, sigma: float
) -> BoolArray | None:
    """Return which pairs are near the fit of the least sum of distances.

    Parameters
    ----------
    image, reference : (n, 2) float arrays
        Positions u and v in pixels, relative to the centre of the fit.
    geometry : {"shift", "rshift", "rscale", "general"}
        What the matrix may do.
    sigma : float
        How near: in standard deviations of each axis, which are taken from the median of the
        residuals' absolute values.

    Returns
    -------
    (n,) bool array or None
        None where there are too few pairs, or they agree but for rounding.

    Raises
    ------
    NotAlignedError
        SINGULAR_FIT: pairs on one point or line.
    """
    everything, weights = np.ones(len(image), dtype=np.bool_), np.ones(len(image))
    if len(image) < LEAST_ROBUST_PAIRS[geometry]:
        return None
    before = np.full(len(image), np.inf)
    for _ in range(ROBUST_ROUNDS):
        found = solve(image, reference, kept=everything, weights=weights, geometry=geometry)
        distances = np.linalg.norm(found.residuals, axis=1)
        median = np.median(distances)
        if median <= ROBUST_ROUNDING:
            return None
        if np.abs(distances - before).max() < ROBUST_SETTLED * median:
            break
        before, weights = distances, 1.0 / np.maximum(distances, LEAST_PULLING * median)
    spread = np.median(np.abs(found.residuals), axis=0) / _NORMAL_MEDIAN
    agree: BoolArray = np.all(np.abs(found.residuals) <= sigma * spread, axis=1)
    return agree
