"""The linear transformation between matched positions, by least squares with clipping.

All geometries minimise ``sum |u - (M v + s)|^2`` over the pairs, with ``u = image - center`` and
``v = reference - center``; they differ in the matrices ``M`` they allow. ``s`` follows from the
means, ``s = <u> - M <v>``, so ``M`` is found from positions relative to the means, which keeps
large coordinates harmless.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.matching.geometry import decompose

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]
Geometry = Literal["shift", "rshift", "rscale", "general"]

MINIMUM_PAIRS: dict[Geometry, int] = {"shift": 1, "rshift": 2, "rscale": 2, "general": 3}
"""Pairs that determine each geometry."""

LEAST_AFTER_CLIP = 3
"""A clipping round that would leave fewer pairs is not done."""

NEVER_CLIPPED = 1e-9
"""Residuals in pixels that are rounding, not error: a perfect fit rejects nothing."""

LEAST_ELONGATION = 1e-4
"""Least ratio of width to length of the field of pairs: noise alone makes a line this wide."""

LEAST_EXTENT = 1e-6
"""Least rms distance in pixels of the positions from their mean for a rotation or scale."""


@dataclass(frozen=True)
class LinearFit:
    """A fit ``(image - center) = matrix @ (reference - center) + shift``.

    Attributes
    ----------
    geometry : {"shift", "rshift", "rscale", "general"}
        What the matrix may do.
    matrix : (2, 2) float array
        Matrix M.
    shift : (2,) float array
        dx, dy in pixels of the reference plane.
    center : (2,) float array
        Centre of the fit, 1-based pixel of the reference plane.
    rotation, rotation_x, rotation_y : float
        Mean rotation and those of the axes in degrees, within +-180.
    scale, scale_x, scale_y : float
        Mean scale and those of the axes.
    skew : float
        ``rotation_y - rotation_x`` in degrees, within +-180.
    rms : (2,) float array
        Standard deviation of the kept pairs' residuals in x and y, in pixels.
    kept : (n,) bool array
        Pairs that survived the clipping.
    residuals : (n, 2) float array
        ``image - (matrix @ (reference - center) + shift + center)`` of all pairs, in pixels.
    n_iterations : int
        Clipping rounds that rejected pairs.
    """

    geometry: Geometry
    matrix: FloatArray
    shift: FloatArray
    center: FloatArray
    rotation: float
    rotation_x: float
    rotation_y: float
    scale: float
    scale_x: float
    scale_y: float
    skew: float
    rms: FloatArray
    kept: NDArray[np.bool_]
    residuals: FloatArray
    n_iterations: int

    def correct(self, xy: FloatArray) -> FloatArray:
        """Move positions of the image to where the reference has them.

        ``corrected = center + M^-1 (xy - center - shift)``

        Parameters
        ----------
        xy : (n, 2) float array
            Positions through the image's present WCS, 1-based pixels of the reference plane.

        Returns
        -------
        (n, 2) float array
            Corrected positions in the same pixels.
        """
        moved = np.asarray(xy, dtype=np.float64) - self.center - self.shift
        corrected: FloatArray = np.linalg.solve(self.matrix, moved.T).T + self.center
        return corrected


@dataclass(frozen=True)
class _Solution:
    """Matrix and shift relative to the centre, and the residuals of all pairs."""

    matrix: FloatArray
    shift: FloatArray
    residuals: FloatArray


def fit_pairs(
    image_xy: FloatArray,
    reference_xy: FloatArray,
    *,
    center: FloatArray,
    fitgeometry: Geometry,
    nclip: int,
    sigma: float,
) -> LinearFit:
    """Fit the transformation of matched positions, rejecting outliers.

    Each round fits the pairs still kept and then keeps those for which both ``|dx|`` and ``|dy|``
    are below ``sigma * rms * f`` of that axis; a rejected pair does not come back. Rounds end
    after ``nclip``, when none is rejected, or when fewer than three would be left. As in
    TweakReg, ``f = n0 / (n - 1)`` with n0 the number of all pairs and n that of the pairs kept
    before the previous round (n0 in the first two): near 1 unless pairs are few or many rejected.

    Parameters
    ----------
    image_xy, reference_xy : (n, 2) float arrays
        Positions of the pairs in 1-based pixels of the reference plane: the image's through its
        present WCS, and the reference's.
    center : (2,) float array
        Centre of rotation and scale, in the same pixels.
    fitgeometry : {"shift", "rshift", "rscale", "general"}
        Shift only; with a rotation; with a rotation and a scale; any linear transformation.
    nclip : int
        Clipping rounds; 0 uses all pairs.
    sigma : float
        Clipping limit in rms.

    Returns
    -------
    LinearFit
        The fit to the kept pairs.

    Raises
    ------
    NotAlignedError
        SINGULAR_FIT: too few pairs, or pairs on one point or line.
    """
    center = np.asarray(center, dtype=np.float64)
    image = np.asarray(image_xy, dtype=np.float64) - center
    reference = np.asarray(reference_xy, dtype=np.float64) - center
    kept = np.ones(len(image), dtype=np.bool_)
    solution = _solve(image, reference, kept, fitgeometry)
    n_iterations, n_before = 0, len(image)
    for _ in range(nclip):
        rms = solution.residuals[kept].std(axis=0)
        factor = len(image) / max(n_before - 1, 1)
        limit = np.maximum(sigma * rms * factor, NEVER_CLIPPED)
        stays = kept & np.all(np.abs(solution.residuals) < limit, axis=1)
        n_before = int(kept.sum())
        if stays.sum() < LEAST_AFTER_CLIP or stays.sum() == n_before:
            break
        kept = stays
        solution = _solve(image, reference, kept, fitgeometry)
        n_iterations += 1
    log.info("%s fit of %d of %d pairs", fitgeometry, kept.sum(), len(kept))
    return LinearFit(
        geometry=fitgeometry,
        matrix=solution.matrix,
        shift=solution.shift,
        center=center,
        rms=solution.residuals[kept].std(axis=0),
        kept=kept,
        residuals=solution.residuals,
        n_iterations=n_iterations,
        **vars(decompose(solution.matrix)),
    )


def _solve(
    image: FloatArray, reference: FloatArray, kept: NDArray[np.bool_], geometry: Geometry
) -> _Solution:
    """Fit the kept pairs."""
    if kept.sum() < MINIMUM_PAIRS[geometry]:
        raise NotAlignedError(
            Reason.SINGULAR_FIT,
            f"{kept.sum()} matched sources, catalog_fitting.fitgeometry = {geometry}"
            f" needs at least {MINIMUM_PAIRS[geometry]}",
        )
    image_mean, reference_mean = image[kept].mean(axis=0), reference[kept].mean(axis=0)
    matrix = _MATRICES[geometry](image[kept] - image_mean, reference[kept] - reference_mean)
    shift: FloatArray = image_mean - matrix @ reference_mean
    return _Solution(matrix, shift, image - reference @ matrix.T - shift)


def _fit_identity(image: FloatArray, reference: FloatArray) -> FloatArray:  # noqa: ARG001 - one signature for all geometries
    """Give the matrix of a pure shift."""
    return np.eye(2)


def _fit_rotation(image: FloatArray, reference: FloatArray) -> FloatArray:
    """Fit a rotation; see `_fit_rotation_and_scale`, with the scale set to 1."""
    matrix = _fit_rotation_and_scale(image, reference)
    rotation: FloatArray = matrix / np.sqrt(abs(np.linalg.det(matrix)))
    return rotation


def _fit_rotation_and_scale(image: FloatArray, reference: FloatArray) -> FloatArray:
    """Fit a rotation and a scale, and a mirror where the pairs plainly ask for it.

    For ``M = [[p, q], [-q, p]]`` (no mirror) or ``[[p, q], [q, -p]]`` (mirror) and relative
    positions u = (image), v = (reference), setting the derivatives to zero gives, with upper
    signs without a mirror::

        p = sum(ux vx +- uy vy) / sum(v^2)      q = sum(ux vy -+ uy vx) / sum(v^2)

    and the sum of squares left is ``sum(u^2) - (p^2 + q^2) sum(v^2)``: iraf.geomap's "rscale"
    (geo_fmagnify). The rotation is also that of the rigid fit (Umeyama 1991, IEEE Trans. Pattern
    Anal. Mach. Intell. 13, 376), which does not depend on the scale. Where pairs are on one line
    both fit alike, and rounding must not choose: a mirror has to halve the sum of squares.
    """
    total, extent = np.sum(image**2), np.sum(reference**2)
    if np.sqrt(extent / len(reference)) < LEAST_EXTENT:
        raise _singular(f"the reference has all {len(reference)} at one position")
    (ux, uy), (vx, vy) = image.T, reference.T
    xx, yy, xy, yx = ux @ vx, uy @ vy, ux @ vy, uy @ vx
    left_plain = total - ((xx + yy) ** 2 + (xy - yx) ** 2) / extent
    left_mirror = total - ((xx - yy) ** 2 + (xy + yx) ** 2) / extent
    if left_mirror < 0.5 * left_plain - 1e-12 * total:
        p, q = (xx - yy) / extent, (xy + yx) / extent
        return _regular(np.array([[p, q], [q, -p]]))
    p, q = (xx + yy) / extent, (xy - yx) / extent
    return _regular(np.array([[p, q], [-q, p]]))


def _fit_general(image: FloatArray, reference: FloatArray) -> FloatArray:
    """Fit any matrix: the linear least squares solution of ``image = M reference``."""
    long, wide = np.linalg.svd(reference, compute_uv=False)
    if long < LEAST_EXTENT or wide < LEAST_ELONGATION * long:
        raise _singular(f"the reference has all {len(reference)} at one position or on one line")
    transposed = np.linalg.lstsq(reference, image, rcond=None)[0].astype(np.float64)
    return _regular(transposed.T)


def _regular(matrix: FloatArray) -> FloatArray:
    """Refuse a matrix that maps the field onto a line or a point."""
    if np.linalg.svd(matrix, compute_uv=False)[-1] < LEAST_ELONGATION:
        raise _singular("the transformation would put all of the image on one position or line")
    return matrix


def _singular(what: str) -> NotAlignedError:
    """Say why pairs determine no transformation, and the way out."""
    return NotAlignedError(
        Reason.SINGULAR_FIT,
        f"the matched sources do not determine the fit: {what};"
        " choose a simpler catalog_fitting.fitgeometry (general, rscale, rshift, shift)",
    )


_MATRICES: dict[Geometry, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "shift": _fit_identity,
    "rshift": _fit_rotation,
    "rscale": _fit_rotation_and_scale,
    "general": _fit_general,
}
