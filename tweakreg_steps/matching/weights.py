"""What each pair counts in a fit.

A pair's variance along one axis is taken as ``a^2 (e^2 + f^2)``: e is its expected error, known
but for a factor, f a floor that all pairs share. The floor is what photon statistics do not give:
pixels that undersample the stars, the distortion model, the reference. Without it a few bright
stars would decide the fit. Both a and f come from the residuals of the fit itself, so wrong
errors cannot do much harm: where the scatter does not follow them, the floor takes over and all
pairs count the same.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.matching.pairs import MatchedPairs
from tweakreg_steps.matching.tuning import FLOOR_SPAN, FLOOR_STEPS

Weighting = Literal["none", "flux", "errors"]


def expected_errors(pairs: MatchedPairs, weighting: Weighting) -> FloatArray | None:
    """Return the expected error of each pair, but for a common factor.

    ``flux``: ``flux^-1/2`` of the image's source, as photon noise has it. ``errors``:
    ``(error^2 + reference_error^2)^1/2``; a reference that knows no errors adds none.

    Parameters
    ----------
    pairs : MatchedPairs
        The pairs.
    weighting : {"none", "flux", "errors"}
        Where the weights come from.

    Returns
    -------
    (n,) float array or None
        Positive and finite: a pair of which nothing is known, or whose flux is not positive, has
        the largest of all. None where all pairs count the same.
    """
    if weighting == "none":
        return None
    if weighting == "flux":
        known = pairs.flux > 0.0
        errors = np.sqrt(1.0 / np.where(known, pairs.flux, np.nan))
    else:
        reference = pairs.reference_error
        own = reference if np.isfinite(reference).any() else np.zeros(len(pairs))
        errors = np.hypot(pairs.error, own)
    known = np.isfinite(errors) & (errors > 0.0)
    if not known.any():
        return None
    return np.where(known, errors, errors[known].max())


def weigh(errors: FloatArray, residuals: FloatArray, kept: BoolArray) -> FloatArray:
    """Return the weights that make the residuals of the kept pairs most likely.

    With ``w = 1 / (e^2 + f^2)`` and normal residuals d along both axes, the likelihood at its
    best a is, but for a constant::

        ln L(f) = sum ln w - n ln sum w (dx^2 + dy^2)

    Parameters
    ----------
    errors : (n,) float array
        Expected errors e > 0, in any unit.
    residuals : (n, 2) float array
        Residuals of all pairs.
    kept : (n,) bool array
        Pairs that count.

    Returns
    -------
    (n,) float array
        Weights of all pairs, of mean 1 over the kept ones.
    """
    squared, variance = np.sum(residuals[kept] ** 2, axis=1), errors**2
    low, high = variance[kept].min() / FLOOR_SPAN, variance[kept].max() * FLOOR_SPAN
    floors = np.geomspace(low, high, FLOOR_STEPS)
    likelihoods = [_log_likelihood(variance[kept] + floor, squared) for floor in floors]
    weights = 1.0 / (variance + floors[int(np.argmax(likelihoods))])
    normalised: FloatArray = weights / weights[kept].mean()
    return normalised


def _log_likelihood(variance: FloatArray, squared: FloatArray) -> float:
    """Return ``ln L`` of variances known but for a factor; see `weigh`."""
    scatter = max(float(np.sum(squared / variance)), np.finfo(float).tiny)
    return -float(np.sum(np.log(variance))) - len(squared) * float(np.log(scatter))
