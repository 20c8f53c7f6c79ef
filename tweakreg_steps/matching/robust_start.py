"""A fit that a minority of wrong pairs cannot mislead: where the clipping may begin instead.

It minimises ``sum |u - (M v + s)|``, the distances in place of their squares, so that a pair pulls
with the same force however far off it is. Least squares with weights ``1 / |u - (M v + s)|`` of
the fit before lead there (Weiszfeld 1937, Tohoku Math. J. 43, 355; Schlossmacher 1973, J. Am.
Stat. Assoc. 68, 857). Positions of matched pairs cannot be far outside the field, so no single
one has the leverage that would defeat this.
"""

from __future__ import annotations

import numpy as np

from tweakreg_steps.matching.linear_models import BoolArray, FloatArray, Geometry, solve

LEAST_PAIRS: dict[Geometry, int] = {"shift": 10, "rshift": 10, "rscale": 10, "general": 18}
"""With fewer pairs a majority of them agrees by chance. Of 3,000 simulated fits without wrong pairs
2 begin here with ``rscale`` and 10 pairs, 5 with ``general`` and 15, none with 18."""

_ROUNDING = 1e-7
"""Pixels; distances of pairs that agree but for rounding."""

_ROUNDS = 50
_SETTLED = 1e-3
"""Part of the median distance by which the distances still change when the rounds end."""

_LEAST_DISTANCE = 1e-3
"""Part of the median distance below which pairs do not pull any harder."""

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
    if len(image) < LEAST_PAIRS[geometry]:
        return None
    before = np.full(len(image), np.inf)
    for _ in range(_ROUNDS):
        found = solve(image, reference, kept=everything, weights=weights, geometry=geometry)
        distances = np.linalg.norm(found.residuals, axis=1)
        median = np.median(distances)
        if median <= _ROUNDING:
            return None
        if np.abs(distances - before).max() < _SETTLED * median:
            break
        before, weights = distances, 1.0 / np.maximum(distances, _LEAST_DISTANCE * median)
    spread = np.median(np.abs(found.residuals), axis=0) / _NORMAL_MEDIAN
    agree: BoolArray = np.all(np.abs(found.residuals) <= sigma * spread, axis=1)
    return agree
