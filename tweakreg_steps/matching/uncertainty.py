"""Formal uncertainties of a fit.

They come from the scatter of the residuals, not from any error given: whatever the weights are,
and wherever in the field the scatter is larger, they hold. In the notation of `linear_models`, the
fit ``x = (A' W A)^-1 A' W y`` of 2n rows (dx and dy of each pair, taken as independent) has the
covariance (Huber 1967, Proc. 5th Berkeley Symp. 1, 221; White 1980, Econometrica 48, 817)::

    C = (A' W A)^-1  A' W diag(s_i^2) W A  (A' W A)^-1

A fit pulls its own residuals d towards zero: the mean of ``d_i^2`` is less than the variance
``s_i^2`` by the part h_i, the row's leverage. So ``s_i^2 = d_i^2 + h_i s^2 / w_i`` with
``s^2 = sum w d^2 / (2n - p)``, p numbers fitted; where all rows of weight 1 scatter alike, its mean
is the variance.

A clip takes the tails away. Residuals of a normal distribution of standard deviation sigma, cut at
``+-L``, have the standard deviation ``r = sigma (tau / psi)^1/2`` with ``psi = P(|z| < L)`` and
``tau = E(z^2; |z| < L)``; and the fit to what is left varies by more than r says, because it chose
the pairs itself. After m rounds it is, in units of what r says, of the variance::

    (psi / tau)^2 psi (q^2m + 2 q^m k tau / psi + k^2 tau / psi^2),   m > 0
    q = 1 - tau / psi,   k = (1 - q^m) / (1 - q)

the m-step Huber-skip estimator of Johansen & Nielsen (2013, Econometrics 1, 53), that begins with
all pairs. Residuals enter C widened by the root of that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tweakreg_steps.matching.clipping import CentredPairs, ClippedFit
from tweakreg_steps.matching.geometry import Decomposition, gradients
from tweakreg_steps.matching.linear_models import FloatArray, tangents

NUMBERS = ("matrix_11", "matrix_12", "matrix_21", "matrix_22", "dx", "dy")
"""What the rows and columns of the covariance belong to."""

_DEEPEST_CLIP, _SHALLOWEST_CLIP = 1.0, 10.0
"""Standard deviations: what is cut below tells nothing of its tails, what is cut above has none."""


@dataclass(frozen=True)
class Uncertainty:
    """Standard errors of the numbers of a fit; 0 for those that the geometry fixes.

    Attributes
    ----------
    matrix : (2, 2) float array
        Of the elements of M.
    shift : (2,) float array
        Of dx, dy in pixels.
    decomposition : Decomposition
        Of rotations and skew in degrees, and of scales.
    covariance : (6, 6) float array
        Of `NUMBERS`.
    """

    matrix: FloatArray
    shift: FloatArray
    decomposition: Decomposition
    covariance: FloatArray


def estimate_uncertainty(pairs: CentredPairs, fit: ClippedFit) -> Uncertainty | None:
    """Estimate the uncertainties of a fit from its residuals.

    Parameters
    ----------
    pairs : CentredPairs
        All pairs of the fit.
    fit : ClippedFit
        The fit.

    Returns
    -------
    Uncertainty or None
        None where the kept pairs are just enough for the fit, so that nothing is left over.
    """
    solution, w = fit.solution, np.repeat(fit.weights[fit.kept], 2)
    reference = pairs.reference[fit.kept]
    mean = np.average(reference, axis=0, weights=fit.weights[fit.kept])
    directions = tangents(solution.geometry, solution.matrix)
    rows = _design(reference - mean, directions)
    if rows.shape[0] <= rows.shape[1]:
        return None
    inverse = np.linalg.inv(rows.T @ (w[:, np.newaxis] * rows))
    residuals = (solution.residuals[fit.kept] * clipped_tails(fit)).ravel()
    leverage = w * np.einsum("ij,jk,ik->i", rows, inverse, rows)
    pooled = np.sum(w * residuals**2) / (rows.shape[0] - rows.shape[1])
    variance = residuals**2 + leverage * pooled / w
    middle = rows.T @ ((w**2 * variance)[:, np.newaxis] * rows)
    to_numbers = _numbers_from(directions, mean)
    covariance = to_numbers @ (inverse @ middle @ inverse) @ to_numbers.T
    return _from_covariance(covariance, solution.matrix)


def clipped_tails(fit: ClippedFit) -> FloatArray:
    """Give the factor by which the clip has made residuals too small for the covariance.

    Returns
    -------
    (2,) float array
        Along x and y, from the last clipping limit over the rms of what is left.
    """
    kept = np.sqrt(fit.weights[fit.kept])[:, np.newaxis] * fit.solution.residuals[fit.kept]
    rms = np.sqrt(np.mean(kept**2, axis=0))
    ratios = np.divide(fit.limit, rms, out=np.full(2, np.inf), where=rms > 0.0)
    return np.array([_widening(float(ratio), fit.n_iterations) for ratio in ratios])


def _widening(ratio: float, n_rounds: int) -> float:
    """Give the factor for a clip at so many rms of what it left over, after so many rounds."""
    if n_rounds == 0 or ratio >= _SHALLOWEST_CLIP:
        return 1.0
    psi, tau = _cut_moments(_limit_from_ratio(ratio))
    q = 1.0 - tau / psi
    k = (1.0 - q**n_rounds) / (1.0 - q)
    settled = q ** (2 * n_rounds) + 2.0 * q**n_rounds * k * tau / psi + k**2 * tau / psi**2
    return math.sqrt(psi * settled) * psi / tau


def _limit_from_ratio(ratio: float) -> float:
    """Give the limit in true standard deviations of a clip at so many rms of what it left over.

    The limit L satisfies ``L (psi / tau)^1/2 = ratio``; the left side grows with L, from
    ``3^1/2`` at 0.
    """
    low, high = _DEEPEST_CLIP, _SHALLOWEST_CLIP
    for _ in range(40):
        middle = 0.5 * (low + high)
        psi, tau = _cut_moments(middle)
        if middle * math.sqrt(psi / tau) < ratio:
            low = middle
        else:
            high = middle
    return low


def _cut_moments(limit: float) -> tuple[float, float]:
    """Give psi and tau of a normal distribution cut at ``+-limit`` standard deviations."""
    psi = math.erf(limit / math.sqrt(2.0))
    tau = psi - 2.0 * limit * math.exp(-0.5 * limit**2) / math.sqrt(2.0 * math.pi)
    return psi, tau


def _design(reference: FloatArray, directions: FloatArray) -> FloatArray:
    """Give A: rows x and y of each pair; columns two shifts and the directions of the matrix."""
    moved = np.einsum("kij,nj->nik", directions, reference).reshape(2 * len(reference), -1)
    return np.hstack([np.tile(np.eye(2), (len(reference), 1)), moved])


def _numbers_from(directions: FloatArray, mean: FloatArray) -> FloatArray:
    """Give the derivatives of `NUMBERS`, about the centre, by what is fitted about the mean."""
    count = len(directions)
    return np.block(
        [
            [np.zeros((4, 2)), directions.reshape(count, 4).T],
            [np.eye(2), -(directions @ mean).T],
        ]
    )


def _from_covariance(covariance: FloatArray, matrix: FloatArray) -> Uncertainty:
    """Derive the standard errors of all numbers."""
    errors = np.sqrt(np.diag(covariance))
    derived = {
        name: math.sqrt(max(0.0, float(row @ covariance[:4, :4] @ row)))
        for name, row in gradients(matrix).items()
    }
    return Uncertainty(errors[:4].reshape(2, 2), errors[4:], Decomposition(**derived), covariance)
