"""What the pairs say that a fit has thrown away.

A clip, and above all one that begins with the pairs that agree, keeps a majority. Where more than
a fifth of the pairs are not of it, they may be the right ones, and how far they are from the fit
belongs to its error. They count if they agree on another position: pairs by chance lie all around
the fit, and their mean is no farther from it than their own scatter allows.
"""

from __future__ import annotations

import logging

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.matching.clipping import CentredPairs, ClippedFit
from tweakreg_steps.matching.linear_models import (
    tangents,
)
from tweakreg_steps.matching.tuning import DISSENT_FALSE_ALARM, MINORITY

log = logging.getLogger(__name__)


def dissent(pairs: CentredPairs, fit: ClippedFit) -> FloatArray:
    """Return how far the pairs thrown away say that a fit is off.

    Parameters
    ----------
    pairs : CentredPairs
        All pairs of the fit.
    fit : ClippedFit
        The fit.

    Returns
    -------
    (2, 2) float array
        Mean of ``d d'`` in square pixels, d being what their own fit of the same geometry lies off
        the fit at their positions; zero where they are few or agree on nothing else.
    """
    rejected, none = ~fit.kept, np.zeros((2, 2))
    number = int(rejected.sum())
    if number <= MINORITY * len(rejected):
        return none
    try:
        other, _ = pairs.fit(rejected, fit.solution.geometry)
    except NotAlignedError:
        return none
    ours = fit.solution
    apart = pairs.reference[rejected] @ (other.matrix - ours.matrix).T + other.shift - ours.shift
    squares: FloatArray = apart.T @ apart / number
    n_fitted = 2 + len(tangents(ours.geometry, ours.matrix))
    left_over = np.sum(other.residuals[rejected] ** 2)
    if (
        _false_alarm(number * np.trace(squares), left_over, n_fitted, 2 * number)
        > DISSENT_FALSE_ALARM
    ):
        return none
    log.warning(
        "%d of %d pairs are thrown away, which put the image %.3g pixels elsewhere: the errors of"
        " the fit are as large",
        number,
        len(rejected),
        np.sqrt(np.trace(squares)),
    )
    return squares


def _false_alarm(explained: float, left_over: float, n_fitted: int, n_rows: int) -> float:
    """Return the probability that noise explains as much: an F test of all fitted numbers."""
    from scipy.special import fdtrc

    n_left = n_rows - n_fitted
    if n_left <= 0 or left_over <= 0.0:
        return float(n_left <= 0)
    return float(fdtrc(n_fitted, n_left, (explained / n_fitted) / (left_over / n_left)))
