"""The linear transformation between matched positions."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.astrometry.plane_fit import to_reference
from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.matching.clipping import (
    CentredPairs,
    ClippedFit,
    fit_clipped,
    weighted_rms,
)
from tweakreg_steps.matching.geometry import decompose
from tweakreg_steps.matching.geometry_choice import choose_geometry
from tweakreg_steps.matching.linear_models import GEOMETRIES, Geometry
from tweakreg_steps.matching.pairs import MatchedPairs
from tweakreg_steps.matching.robust_start import agreeing_pairs
from tweakreg_steps.matching.tuning import PLAINLY_BETTER
from tweakreg_steps.matching.uncertainty import Uncertainty, estimate_uncertainty
from tweakreg_steps.matching.weights import Weighting, expected_errors

log = logging.getLogger(__name__)


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
    weighting : {"none", "flux", "errors"}
        Where the weights come from: ``none`` also where no pair's flux, or error, is known.
    weights : (n,) float array
        What each pair counts; of mean 1 over the kept ones.
    residuals : (n, 2) float array
        ``image - (matrix @ (reference - center) + shift + center)`` of all pairs, in pixels.
    n_iterations : int
        Clipping rounds that rejected pairs.
    from_robust_start : bool
        Whether the clipping began with the pairs that most agree on.
    uncertainty : Uncertainty or None
        Standard errors; None where the pairs are just enough for the fit.
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
    kept: BoolArray
    weighting: Weighting
    weights: FloatArray
    residuals: FloatArray
    n_iterations: int
    from_robust_start: bool
    uncertainty: Uncertainty | None

    @property
    def weighted_rms(self) -> FloatArray:
        """As `rms`, weighted; that same array where all pairs count the same, shape (2,)."""
        weights = self.weights[self.kept]
        if not np.ptp(weights):
            return self.rms
        return weighted_rms(self.residuals[self.kept], weights)

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
        return to_reference(self, xy)


@dataclass(frozen=True)
class _Clip:
    """How outliers are treated: `nclip`, `sigma` and `robust_start` of the recipe."""

    nclip: int
    sigma: float
    robust_start: bool


def fit_pairs(
    pairs: MatchedPairs,
    *,
    center: FloatArray,
    fitgeometry: Geometry | Literal["auto"],
    weights: Weighting,
    robust_start: bool,
    nclip: int,
    sigma: float,
) -> LinearFit:
    """Fit the transformation of matched positions, rejecting outliers.

    See `linear_models` for what is minimised, `weights` for what a pair counts, `clipping` for
    the rounds of clipping, `geometry_choice` for ``auto`` and `uncertainty` for the standard
    errors.

    Parameters
    ----------
    pairs : MatchedPairs
        The pairs, in 1-based pixels of the reference plane.
    center : (2,) float array
        Centre of rotation and scale, in the same pixels.
    fitgeometry : {"shift", "rshift", "rscale", "general", "auto"}
        Shift only; with a rotation; with a rotation and a scale; any linear transformation; the
        simplest of these that cross-validation does not speak against.
    weights : {"none", "flux", "errors"}
        What a pair counts.
    robust_start : bool
        Clip also from the pairs that more than half of all agree on, and take that fit where it
        leaves plainly less of the median distance of all pairs.
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
    errors = expected_errors(pairs, weights)
    if errors is None and weights != "none":
        log.warning("catalog_fitting.weights: %s: none is known; all pairs count the same", weights)
    centred = CentredPairs(pairs.image - center, pairs.reference - center, errors)
    clip = _Clip(nclip, sigma, robust_start)
    geometry = _choose(centred, clip) if fitgeometry == "auto" else fitgeometry
    fit, is_robust = _fit(centred, geometry, clip)
    log.info("%s fit of %d of %d pairs", geometry, fit.kept.sum(), len(fit.kept))
    return LinearFit(
        geometry=geometry,
        matrix=fit.solution.matrix,
        shift=fit.solution.shift,
        center=center,
        rms=fit.solution.residuals[fit.kept].std(axis=0),
        kept=fit.kept,
        weighting="none" if errors is None else weights,
        weights=fit.weights,
        residuals=fit.solution.residuals,
        n_iterations=len(fit.limits),
        from_robust_start=is_robust,
        uncertainty=estimate_uncertainty(centred, fit),
        **vars(decompose(fit.solution.matrix)),
    )


def _choose(pairs: CentredPairs, clip: _Clip) -> Geometry:
    """Choose the geometry, with the outliers of the freest one that the pairs determine."""
    for geometry in reversed(GEOMETRIES):
        try:
            freest, _ = _fit(pairs, geometry, clip)
        except NotAlignedError:
            if geometry == GEOMETRIES[0]:
                raise
            continue
        return choose_geometry(pairs, freest)
    raise AssertionError


def _fit(pairs: CentredPairs, geometry: Geometry, clip: _Clip) -> tuple[ClippedFit, bool]:
    """Fit one geometry; and whether the clipping began with the robust start."""
    everything = np.ones(len(pairs), dtype=np.bool_)
    fit = partial(fit_clipped, pairs, geometry, nclip=clip.nclip, sigma=clip.sigma)
    plain = fit(start=everything)
    if not clip.robust_start or not clip.nclip:
        return plain, False
    try:
        start = agreeing_pairs(pairs.image, pairs.reference, geometry=geometry, sigma=clip.sigma)
        robust = plain if start is None else fit(start=start)
    except NotAlignedError:
        return plain, False
    least_gain = PLAINLY_BETTER / np.sqrt(len(pairs))
    if _median_distance(robust) >= (1.0 - least_gain) * _median_distance(plain):
        return plain, False
    log.info("the clipping began with the pairs that agree")
    return robust, True


def _median_distance(fit: ClippedFit) -> float:
    """Return the median distance of all pairs from the fit."""
    return float(np.median(np.linalg.norm(fit.solution.residuals, axis=1)))
