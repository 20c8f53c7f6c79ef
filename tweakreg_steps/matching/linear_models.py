"""The least squares solution of each geometry.

All geometries minimise ``sum w |u - (M v + s)|^2`` over the pairs, with ``u = image - center``,
``v = reference - center`` and weights ``w``; they differ in the matrices ``M`` they allow. ``s``
follows from the weighted means, ``s = <u> - M <v>``, so ``M`` is found from positions relative to
the means, which keeps large coordinates harmless.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.matching.tuning import LEAST_ELONGATION, LEAST_EXTENT
from tweakreg_steps.sections import OneGeometry

Geometry = OneGeometry

GEOMETRIES: tuple[Geometry, ...] = ("shift", "rshift", "rscale", "general")
"""From the simplest to the freest: each allows all that the one before it does."""

MINIMUM_PAIRS: dict[Geometry, int] = {"shift": 1, "rshift": 2, "rscale": 2, "general": 3}
"""Pairs that determine each geometry."""


_QUARTER_TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])


@dataclass(frozen=True)
class Solution:
    """Matrix and shift that put the kept pairs together best.

    Attributes
    ----------
    geometry : {"shift", "rshift", "rscale", "general"}
        What the matrix may do.
    matrix : (2, 2) float array
        Matrix M.
    shift : (2,) float array
        Shift s in pixels.
    residuals : (n, 2) float array
        ``u - (M v + s)`` of all pairs, in pixels.
    """

    geometry: Geometry
    matrix: FloatArray
    shift: FloatArray
    residuals: FloatArray


def solve(
    image: FloatArray,
    reference: FloatArray,
    *,
    kept: BoolArray,
    weights: FloatArray,
    geometry: Geometry,
) -> Solution:
    """Fit the kept pairs.

    Parameters
    ----------
    image, reference : (n, 2) float arrays
        Positions u and v in pixels, relative to the centre of the fit.
    kept : (n,) bool array
        Pairs that count.
    weights : (n,) float array
        Weights w > 0 of all pairs, in any unit.
    geometry : {"shift", "rshift", "rscale", "general"}
        What the matrix may do.

    Returns
    -------
    Solution
        The least squares solution.

    Raises
    ------
    NotAlignedError
        SINGULAR_FIT: too few pairs, or pairs on one point or line.
    """
    if kept.sum() < MINIMUM_PAIRS[geometry]:
        raise NotAlignedError(
            Reason.SINGULAR_FIT,
            f"{kept.sum()} matched sources, catalog_fitting.fitgeometry = {geometry}"
            f" needs at least {MINIMUM_PAIRS[geometry]}",
        )
    w = weights[kept] / weights[kept].mean()
    image_mean = np.average(image[kept], axis=0, weights=w)
    reference_mean = np.average(reference[kept], axis=0, weights=w)
    matrix = _MATRICES[geometry](image[kept] - image_mean, reference[kept] - reference_mean, w)
    shift: FloatArray = image_mean - matrix @ reference_mean
    return Solution(geometry, matrix, shift, image - reference @ matrix.T - shift)


def tangents(geometry: Geometry, matrix: FloatArray) -> FloatArray:
    """Return the directions in which a geometry's matrix can change.

    Parameters
    ----------
    geometry : {"shift", "rshift", "rscale", "general"}
        What the matrix may do.
    matrix : (2, 2) float array
        Matrix M.

    Returns
    -------
    (k, 2, 2) float array
        ``dM / d theta`` for the k = 0, 1, 2, 4 free numbers theta of the matrix: an angle in
        radians, the logarithm of a scale; the four elements.
    """
    if geometry == "general":
        return np.eye(4).reshape(4, 2, 2)
    directions = {"shift": [], "rshift": [_QUARTER_TURN], "rscale": [_QUARTER_TURN, np.eye(2)]}
    found: FloatArray = matrix @ np.reshape(directions[geometry], (-1, 2, 2))
    return found


def _fit_identity(image: FloatArray, reference: FloatArray, weights: FloatArray) -> FloatArray:  # noqa: ARG001 - one signature for all geometries
    """Return the matrix of a pure shift."""
    return np.eye(2)


def _fit_rotation(image: FloatArray, reference: FloatArray, weights: FloatArray) -> FloatArray:
    """Fit a rotation; see `_fit_rotation_and_scale`, with the scale set to 1."""
    matrix = _fit_rotation_and_scale(image, reference, weights)
    rotation: FloatArray = matrix / np.sqrt(abs(np.linalg.det(matrix)))
    return rotation


def _fit_rotation_and_scale(
    image: FloatArray, reference: FloatArray, weights: FloatArray
) -> FloatArray:
    """Fit a rotation and a scale, and a mirror where the pairs plainly ask for it.

    For ``M = [[p, q], [-q, p]]`` (no mirror) or ``[[p, q], [q, -p]]`` (mirror) and relative
    positions u = (image), v = (reference), setting the derivatives to zero gives, with upper
    signs without a mirror::

        p = sum w (ux vx +- uy vy) / sum w v^2      q = sum w (ux vy -+ uy vx) / sum w v^2

    and the sum of squares left is ``sum w u^2 - (p^2 + q^2) sum w v^2``: iraf.geomap's "rscale"
    (geo_fmagnify). The rotation is also that of the rigid fit (Umeyama 1991, IEEE Trans. Pattern
    Anal. Mach. Intell. 13, 376), which does not depend on the scale. Where pairs are on one line
    both fit alike, and rounding must not choose: a mirror has to halve the sum of squares.
    """
    total, extent = np.sum(weights @ image**2), np.sum(weights @ reference**2)
    if np.sqrt(extent / len(reference)) < LEAST_EXTENT:
        raise _singular(f"the reference has all {len(reference)} at one position")
    (ux, uy), (vx, vy) = (weights[:, np.newaxis] * image).T, reference.T
    xx, yy, xy, yx = ux @ vx, uy @ vy, ux @ vy, uy @ vx
    left_plain = total - ((xx + yy) ** 2 + (xy - yx) ** 2) / extent
    left_mirror = total - ((xx - yy) ** 2 + (xy + yx) ** 2) / extent
    if left_mirror < 0.5 * left_plain - 1e-12 * total:
        p, q = (xx - yy) / extent, (xy + yx) / extent
        return _regular(np.array([[p, q], [q, -p]]))
    p, q = (xx + yy) / extent, (xy - yx) / extent
    return _regular(np.array([[p, q], [-q, p]]))


def _fit_general(image: FloatArray, reference: FloatArray, weights: FloatArray) -> FloatArray:
    """Fit any matrix: the linear least squares solution of ``image = M reference``."""
    roots = np.sqrt(weights)[:, np.newaxis]
    long, wide = np.linalg.svd(roots * reference, compute_uv=False)
    if long < LEAST_EXTENT or wide < LEAST_ELONGATION * long:
        raise _singular(f"the reference has all {len(reference)} at one position or on one line")
    transposed = np.linalg.lstsq(roots * reference, roots * image, rcond=None)[0]
    return _regular(transposed.astype(np.float64).T)


def _regular(matrix: FloatArray) -> FloatArray:
    """Refuse a matrix that maps the field onto a line or a point."""
    if np.linalg.svd(matrix, compute_uv=False)[-1] < LEAST_ELONGATION:
        raise _singular("the transformation would put all of the image on one position or line")
    return matrix


def _singular(what: str) -> NotAlignedError:
    """Explain why pairs determine no transformation, and the way out."""
    return NotAlignedError(
        Reason.SINGULAR_FIT,
        f"the matched sources do not determine the fit: {what};"
        " choose a simpler catalog_fitting.fitgeometry (general, rscale, rshift, shift)",
    )


_MATRICES: dict[Geometry, Callable[[FloatArray, FloatArray, FloatArray], FloatArray]] = {
    "shift": _fit_identity,
    "rshift": _fit_rotation,
    "rscale": _fit_rotation_and_scale,
    "general": _fit_general,
}
