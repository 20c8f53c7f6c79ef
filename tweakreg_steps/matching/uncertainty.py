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
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tweakreg_steps.matching.clipped_tails import clipped_tails
from tweakreg_steps.matching.clipping import CentredPairs, ClippedFit
from tweakreg_steps.matching.geometry import Decomposition, gradients
from tweakreg_steps.matching.linear_models import FloatArray, tangents

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
    """

    matrix: FloatArray
    shift: FloatArray
    decomposition: Decomposition
    covariance: FloatArray

    def at(self, reference: FloatArray) -> FloatArray:
        """Give the standard errors of ``M v + s``, where the fit puts sources.

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
    inverse = np.linalg.inv(rows.T @ (w[:, np.newaxis] * rows))
    scaled = np.sqrt(fit.weights[fit.kept])[:, np.newaxis] * solution.residuals[fit.kept]
    residuals = (solution.residuals[fit.kept] * clipped_tails(scaled, fit.limits)).ravel()
    leverage = w * np.einsum("ij,jk,ik->i", rows, inverse, rows)
    pooled = np.sum(w * residuals**2) / (rows.shape[0] - rows.shape[1])
    variance = residuals**2 + leverage * pooled / w
    middle = rows.T @ ((w**2 * variance)[:, np.newaxis] * rows)
    to_numbers = _numbers_from(directions, mean)
    covariance = to_numbers @ (inverse @ middle @ inverse) @ to_numbers.T
    return _from_covariance(covariance, solution.matrix)


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
