"""What a mosaic says of one exposure, as the fit of a single image says it.

The pairs of an exposure are its detections with the places that all others (exposures and
reference) give their stars: its own detection has no part in what it is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import FloatArray, IndexArray
from tweakreg_steps.astrometry.plane_fit import to_image
from tweakreg_steps.matching.fitting import LinearFit
from tweakreg_steps.matching.geometry import Decomposition, decompose, gradients
from tweakreg_steps.matching.pairs import MatchedPairs
from tweakreg_steps.matching.uncertainty import Uncertainty
from tweakreg_steps.solving.mosaic import AlignedMosaic
from tweakreg_steps.solving.mosaic_input import Exposures
from tweakreg_steps.solving.solution import MosaicSolution


@dataclass(frozen=True)
class Quality:
    """How well an exposure fits the others, and how well it is known on the sky; in pixels.

    Attributes
    ----------
    n_stars, n_reference : int
        Its detections that count, and those of stars in the reference that counts.
    rms_relative : float
        Of its detections from the places that all others give their stars, along one axis; of
        stars that other exposures see as well, nan where there is none.
    rms_absolute : float
        Of where it puts its stars from where the reference has them.
    error_relative : float
        Standard error along one axis at its centre, against the mosaic that it is in.
    error_absolute : float
        The same against the sky; nan where the part is held by nothing but itself.
    held : str
        What had to be held in its part, in words; empty where everything is told.
    """

    n_stars: int
    n_reference: int
    rms_relative: float
    rms_absolute: float
    error_relative: float
    error_absolute: float
    held: str


@dataclass(frozen=True, eq=False)
class ExposureFit:
    """The fit of one exposure.

    Attributes
    ----------
    fit : LinearFit
        ``image - center = M (reference - center) + shift``; its uncertainty is absolute where the
        part has a reference, relative where it has none.
    pairs : MatchedPairs
        Its detections, where the terms of their chips put them, and the places that all others
        give their stars.
    source : (n,) int array
        Place of each pair's source in the exposure's list.
    star : (n,) int array
        Its star.
    quality : Quality
        Relative and absolute quality.
    """

    fit: LinearFit
    pairs: MatchedPairs
    source: IndexArray
    star: IndexArray
    quality: Quality


def fit_of_exposure(
    mosaic: AlignedMosaic,
    exposures: Exposures,
    exposure: int,
    *,
    center: FloatArray,
    flux: FloatArray,
) -> ExposureFit | None:
    """Return the fit of an exposure; None where nothing tells where it lies.

    Parameters
    ----------
    mosaic : AlignedMosaic
        The solution.
    exposures : Exposures
        What it was made from.
    exposure : int
        Which exposure.
    center : (2,) float array
        Centre of the fit, 1-based pixels of the plane.
    flux : (n_sources,) float array
        Fluxes of the exposure's sources, in any unit; nan where not known.
    """
    solution, unit = mosaic.solution, int(exposures.unit[exposure])
    if not solution.solved[unit]:
        return None
    mine = np.flatnonzero(mosaic.joined.exposure == exposure)
    rows = mine[np.isfinite(solution.without_own[mine, 0])]
    source, star = mosaic.joined.source[rows], mosaic.joined.star[rows]
    others = _errors_of_others(solution, rows, star)
    pairs = MatchedPairs(
        image=moved_by_chips(mosaic, exposures, exposure)[source],
        # where the star is at the time of this exposure
        reference=solution.without_own[rows] + mosaic.moved[rows],
        flux=flux[source],
        error=exposures.errors[exposure][source],
        reference_error=others,
    )
    relative = bool(solution.parts[solution.component[unit]].held)
    fit = _linear_fit(solution, unit, pairs, rows, center, relative=relative)
    return ExposureFit(fit, pairs, source, star, _quality(mosaic, unit, mine, rows, fit))


def moved_by_chips(mosaic: AlignedMosaic, exposures: Exposures, exposure: int) -> FloatArray:
    """Return where the terms of the chips put the sources of an exposure, in pixels, (n, 2)."""
    mine = np.flatnonzero(mosaic.joined.exposure == exposure)
    moved = exposures.chips.choose(mine).displacements(mosaic.solution.chip_numbers)
    return np.asarray(exposures.lists[exposure].xy + moved)


def _errors_of_others(solution: MosaicSolution, rows: IndexArray, star: IndexArray) -> FloatArray:
    """Return the standard errors of the places that all others give stars, in pixels."""
    own = np.where(solution.seen[rows], 1.0 / solution.variances[rows], 0.0)
    information = solution.star_errors[star] ** -2 - own
    return np.asarray(np.sqrt(1.0 / np.maximum(information, np.finfo(float).tiny)))


def _linear_fit(
    solution: MosaicSolution,
    unit: int,
    pairs: MatchedPairs,
    rows: IndexArray,
    center: FloatArray,
    *,
    relative: bool,
) -> LinearFit:
    """Return a unit's correction as the fit of its pairs."""
    found = solution.plane_fit(unit, center)
    predicted = to_image(found, pairs.reference)
    residuals, kept = pairs.image - predicted, solution.kept[rows]
    weights = 1.0 / (solution.variances[rows] + pairs.reference_error**2)
    covariance = solution.fit_covariance(unit, center, relative=relative)
    return LinearFit(
        geometry=solution.geometries[unit],
        matrix=found.matrix,
        shift=found.shift,
        center=np.asarray(center, dtype=np.float64),
        rms=residuals[kept].std(axis=0) if kept.any() else np.full(2, np.nan),
        kept=kept,
        weighting="errors",
        weights=weights / weights[kept].mean() if kept.any() else weights,
        residuals=residuals,
        n_iterations=solution.n_rejections,
        from_robust_start=True,
        uncertainty=_uncertainty(found.matrix, covariance, (pairs.reference - center)[kept]),
        **vars(decompose(found.matrix)),
    )


def _uncertainty(matrix: FloatArray, covariance: FloatArray, where: FloatArray) -> Uncertainty:
    """Return the standard errors of a fit's numbers, and at some positions, from their covariance.

    `where` are positions from the centre, in pixels, shape (n, 2).
    """
    variance = np.maximum(covariance.diagonal(), 0.0)
    linear = covariance[:4, :4]
    derived = {
        name: float(np.sqrt(np.maximum(g @ linear @ g, 0.0)))
        for name, g in gradients(matrix).items()
    }
    found = Uncertainty(
        matrix=np.sqrt(variance[:4]).reshape(2, 2),
        shift=np.sqrt(variance[4:]),
        decomposition=Decomposition(**derived),
        covariance=covariance,
        at_pairs=float("nan"),
    )
    if not len(where):
        return found
    return replace(found, at_pairs=float(np.sqrt(np.sum(found.at(where) ** 2) / len(where))))


def _quality(
    mosaic: AlignedMosaic, unit: int, mine: IndexArray, rows: IndexArray, fit: LinearFit
) -> Quality:
    """Measure an exposure against the others, and against the reference."""
    solution, reference = mosaic.solution, mosaic.reference
    place = np.full(len(solution.stars), -1)
    known = np.flatnonzero(solution.kept_reference)
    place[reference.star[known]] = known
    counts = rows[fit.kept]
    n_seen = np.bincount(mosaic.joined.star[solution.seen], minlength=len(solution.stars))
    shared = n_seen[mosaic.joined.star[counts]] > 1
    listed = mine[solution.seen[mine] & (place[mosaic.joined.star[mine]] >= 0)]
    star = mosaic.joined.star[listed]
    absolute = solution.stars[star] + solution.residuals[listed] - reference.xy[place[star]]
    held = solution.parts[solution.component[unit]].held
    return Quality(
        n_stars=len(counts),
        n_reference=len(absolute),
        rms_relative=_rms(fit.residuals[fit.kept][shared]),
        rms_absolute=_rms(absolute),
        error_relative=_error(solution.covariances.relative[unit]),
        error_absolute=np.nan if held else _error(solution.covariances.of_units[unit]),
        held=held,
    )


def _rms(values: FloatArray) -> float:
    """Return the rms along one axis of (n, 2); nan where there is none."""
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")


def _error(covariance: FloatArray) -> float:
    """Return the standard error along one axis at a unit's centre, in pixels."""
    return float(np.sqrt(max(np.trace(covariance[:2, :2]) / 2.0, 0.0)))
