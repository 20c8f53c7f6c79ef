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

A clip takes the tails away, and residuals enter C widened by what it has hidden: `clipped_tails`.

Few residuals measure their own scatter badly, and fits of few pairs are off by many times what
C says far more often than normal errors would be. The estimated variance of a number is a
quadratic form in the residuals, ``z' Q z`` with z of unit variance, and is spread like chi-squared
with ``nu = tr(Q)^2 / tr(Q^2)`` degrees of freedom (Satterthwaite 1946, Biometrics Bulletin 2, 110;
Bell & McCaffrey 2002, Survey Methodology 28, 169). So each standard error is widened by what turns
Student's distribution of nu degrees of freedom into the normal one at two standard deviations: by
1.04 for nu = 30, 1.14 for 10, 1.26 for 6, 2.3 for 2. `benchmarks/few_pairs.py` measures the result.

What the pairs say that were thrown away is added: `dissent`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.clipped_tails import clipped_tails
from tweakreg_steps.matching.clipping import CentredPairs, ClippedFit
from tweakreg_steps.matching.dissent import dissent
from tweakreg_steps.matching.geometry import Decomposition, gradients
from tweakreg_steps.matching.linear_models import (
    tangents,
)

TWO_SIGMA = 0.9772499
"""Probability that a normal number is below two standard deviations."""

NUMBERS = ("matrix_11", "matrix_12", "matrix_21", "matrix_22", "dx", "dy")
"""What the rows and columns of the covariance belong to."""


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
    at_pairs : float
        Of where the fit puts its kept pairs: rms length over them, in pixels.
    """

    matrix: FloatArray
    shift: FloatArray
    decomposition: Decomposition
    covariance: FloatArray
    at_pairs: float

    def at(self, reference: FloatArray) -> FloatArray:
        """Return the standard errors of ``M v + s``, where the fit puts sources.

        Parameters
        ----------
        reference : (n, 2) float array
            Positions v of the reference relative to the fit's centre, in pixels.

        Returns
        -------
        (n, 2) float array
            Along x and y in pixels.
        """
        none, one = np.zeros(len(reference)), np.ones(len(reference))
        x, y = reference.T
        rows = np.array([[x, y, none, none, one, none], [none, none, x, y, none, one]])
        variance = np.einsum("ain,ij,ajn->na", rows, self.covariance, rows)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))


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
    scaled = np.sqrt(fit.weights[fit.kept])[:, np.newaxis] * solution.residuals[fit.kept]
    residuals = (solution.residuals[fit.kept] * clipped_tails(scaled, fit.limits)).ravel()
    model = _LinearModel.of(rows, w)
    variance = model.variance(residuals)
    influence = model.inverse @ (rows.T * w)
    to_numbers = _numbers_from(directions, mean) * _widening(model, influence**2)
    covariance = to_numbers @ ((influence * variance) @ influence.T) @ to_numbers.T
    elsewhere = dissent(pairs, fit)
    covariance[4:, 4:] += elsewhere
    # of the influences on where the fit puts each row, the sum of squares over the rows
    at_pairs = np.einsum("ij,ij->j", influence, (rows.T @ rows) @ influence) / len(reference)
    squared = (at_pairs @ variance) * _widening(model, at_pairs) ** 2 + np.trace(elsewhere)
    return _from_covariance(covariance, solution.matrix, float(np.sqrt(squared)))


@dataclass(frozen=True)
class _LinearModel:
    """The rows A and weights w of a fit, ``(A' W A)^-1`` and the leverages h of the rows."""

    rows: FloatArray
    weights: FloatArray
    inverse: FloatArray
    leverage: FloatArray

    @classmethod
    def of(cls, rows: FloatArray, weights: FloatArray) -> Self:
        """Make the model of a fit."""
        inverse = np.asarray(np.linalg.inv(rows.T @ (weights[:, np.newaxis] * rows)), np.float64)
        leverage = weights * np.einsum("ij,jk,ik->i", rows, inverse, rows)
        return cls(rows, weights, inverse, np.asarray(leverage))

    @property
    def left_over(self) -> int:
        """Return 2n - p."""
        return int(self.rows.shape[0] - self.rows.shape[1])

    def variance(self, residuals: FloatArray) -> FloatArray:
        """Return ``s_i^2`` of each row."""
        pooled = np.sum(self.weights * residuals**2) / self.left_over
        return np.asarray(residuals**2 + self.leverage * pooled / self.weights)


def student_factors(freedom: FloatArray) -> FloatArray:
    """Return by what standard errors are widened that are known from few degrees of freedom.

    Parameters
    ----------
    freedom : (k,) float array
        Degrees of freedom nu > 0.

    Returns
    -------
    (k,) float array
        Student's quantile over the normal one, both at two standard deviations.
    """
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, TWO_SIGMA) / 2.0)


def _widening(model: _LinearModel, squares: FloatArray) -> FloatArray:
    """Return by what standard errors are widened whose squares are ``sum q_i s_i^2``.

    With ``u_i = w_i^1/2 (A' W A)^-1/2 a_i``, so that ``|u_i|^2 = h_i``, the residuals are
    ``w^-1/2 (I - U U') z``. So ``b_i = q_i / w_i``, and with the pooled part
    ``c = sum(b h) / (2n - p)``, give ``Q = (I - U U') diag(b + c) (I - U U')``.

    Parameters
    ----------
    model : _LinearModel
        The fit.
    squares : (..., 2n) float array
        The q_i of each error: the squares of the rows' influences on it.
    """
    weights, leverage = model.weights, model.leverage
    b = squares / weights
    b = b + (b @ leverage)[..., np.newaxis] / model.left_over
    u = np.sqrt(weights)[:, np.newaxis] * (model.rows @ np.linalg.cholesky(model.inverse))
    shared = np.einsum("...i,im,in->...mn", b, u, u)
    trace = b @ (1.0 - leverage)
    of_square = b**2 @ (1.0 - 2.0 * leverage) + np.sum(shared**2, axis=(-2, -1))
    return student_factors(trace**2 / of_square)


def _design(reference: FloatArray, directions: FloatArray) -> FloatArray:
    """Return A: rows x and y of each pair; columns two shifts and the directions of the matrix."""
    moved = np.einsum("kij,nj->nik", directions, reference).reshape(2 * len(reference), -1)
    return np.hstack([np.tile(np.eye(2), (len(reference), 1)), moved])


def _numbers_from(directions: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the derivatives of `NUMBERS`, about the centre, by what is fitted about the mean."""
    count = len(directions)
    return np.block(
        [
            [np.zeros((4, 2)), directions.reshape(count, 4).T],
            [np.eye(2), -(directions @ mean).T],
        ]
    )


def _from_covariance(covariance: FloatArray, matrix: FloatArray, at_pairs: float) -> Uncertainty:
    """Derive the standard errors of all numbers."""
    errors = np.sqrt(np.diag(covariance))
    derived = {
        name: math.sqrt(max(0.0, float(row @ covariance[:4, :4] @ row)))
        for name, row in gradients(matrix).items()
    }
    return Uncertainty(
        matrix=errors[:4].reshape(2, 2),
        shift=errors[4:],
        decomposition=Decomposition(**derived),
        covariance=covariance,
        at_pairs=at_pairs,
    )
