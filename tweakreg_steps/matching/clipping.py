"""A fit from which outliers are clipped, as TweakReg clips them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.matching.linear_models import (
    Geometry,
    Solution,
    solve,
)
from tweakreg_steps.matching.tuning import LEAST_AFTER_CLIP, NEVER_CLIPPED, WEIGHT_ROUNDS
from tweakreg_steps.matching.weights import weigh


@dataclass(frozen=True)
class CentredPairs:
    """Positions relative to the centre of a fit.

    Attributes
    ----------
    image, reference : (n, 2) float arrays
        Positions u and v in pixels.
    errors : (n,) float array or None
        Expected errors but for a factor; None where all pairs count the same.
    """

    image: FloatArray
    reference: FloatArray
    errors: FloatArray | None

    def __len__(self) -> int:
        return len(self.image)

    def fit(self, kept: BoolArray, geometry: Geometry) -> tuple[Solution, FloatArray]:
        """Fit the kept pairs; return the solution and the weights of all pairs."""
        weights = np.ones(len(self))
        solution = self._solve(kept, weights, geometry)
        if self.errors is None:
            return solution, weights
        for _ in range(WEIGHT_ROUNDS):
            weights = weigh(self.errors, solution.residuals, kept)
            solution = self._solve(kept, weights, geometry)
        return solution, weights

    def _solve(self, kept: BoolArray, weights: FloatArray, geometry: Geometry) -> Solution:
        return solve(self.image, self.reference, kept=kept, weights=weights, geometry=geometry)


@dataclass(frozen=True)
class ClippedFit:
    """The fit to the pairs that survived the clipping.

    Attributes
    ----------
    solution : Solution
        The fit to the kept pairs.
    kept : (n,) bool array
        The pairs that survived.
    weights : (n,) float array
        Weights of all pairs, of mean 1 over the kept ones.
    limits : (m, 2) float array
        Limits of ``w^1/2 |dx|`` and ``w^1/2 |dy|`` in the m rounds that rejected pairs, in pixels.
    """

    solution: Solution
    kept: BoolArray
    weights: FloatArray
    limits: FloatArray


def fit_clipped(
    pairs: CentredPairs, geometry: Geometry, *, nclip: int, sigma: float, start: BoolArray
) -> ClippedFit:
    """Fit pairs in rounds that each reject outliers.

    Each round fits the pairs still kept and then keeps those for which both ``w^1/2 |dx|`` and
    ``w^1/2 |dy|`` are below ``sigma * rms * f`` of that axis, with the weighted rms; a rejected
    pair does not come back. Rounds end after ``nclip``, when none is rejected, or when fewer than
    three would be left. As in TweakReg, ``f = n0 / (n - 1)`` with n0 the number of pairs at the
    start and n that of the pairs kept before the previous round (n0 in the first two): near 1
    unless pairs are few or many rejected.

    Parameters
    ----------
    pairs : CentredPairs
        The pairs.
    geometry : {"shift", "rshift", "rscale", "general"}
        What the matrix may do.
    nclip : int
        Clipping rounds; 0 uses all pairs.
    sigma : float
        Clipping limit in rms.
    start : (n,) bool array
        Pairs that the first round fits.

    Returns
    -------
    ClippedFit
        The fit to the kept pairs.

    Raises
    ------
    NotAlignedError
        SINGULAR_FIT: too few pairs, or pairs on one point or line.
    """
    kept, limits = start, np.empty((0, 2))
    solution, weights = pairs.fit(kept, geometry)
    n_start, n_before = int(start.sum()), int(start.sum())
    for _ in range(nclip):
        scaled = np.sqrt(weights)[:, np.newaxis] * solution.residuals
        factor = n_start / max(n_before - 1, 1)
        rms = weighted_rms(solution.residuals[kept], weights[kept])
        limit = np.maximum(sigma * rms * factor, NEVER_CLIPPED)
        stays = kept & np.all(np.abs(scaled) < limit, axis=1)
        n_before = int(kept.sum())
        if stays.sum() < LEAST_AFTER_CLIP or stays.sum() == n_before:
            break
        kept, limits = stays, np.vstack([limits, limit])
        solution, weights = pairs.fit(kept, geometry)
    return ClippedFit(solution, kept, weights, limits)


def weighted_rms(residuals: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the weighted rms of residuals (n, 2) about their mean, along each axis, shape (2,)."""
    spread = residuals - np.average(residuals, axis=0, weights=weights)
    rms: FloatArray = np.sqrt(np.average(spread**2, axis=0, weights=weights))
    return rms
