"""What a simultaneous solution says: of each unit, each connected part, and each detection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.astrometry.plane_fit import PlaneFit, to_image
from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.solving.covariances import Covariances, common_motion
from tweakreg_steps.solving.mosaic_state import Mosaic
from tweakreg_steps.solving.normal_equations import StarPlaces
from tweakreg_steps.solving.scatter import Scatter
from tweakreg_steps.solving.simultaneous import Gauge, Solved, solve_mosaic
from tweakreg_steps.solving.unit_parameters import (
    N_NUMBERS,
    change,
    fields_at,
    geometry_of,
    numbers_of,
)

_GAUGE_ROUNDS = 4
"""Rounds until the numbers of a part add up to zero: rotations are not quite linear."""

_ROUNDING = 1.0e-9
"""Part of a star's information below which what others tell of it is rounding."""

NAMES = ("shift", "shift", "rotation", "scale", "stretch", "shear")


@dataclass(frozen=True, eq=False)
class Part:
    """A connected part of a mosaic.

    Attributes
    ----------
    units : int array
        Its units.
    n_reference : int
        Reference stars that count in it.
    held : str
        What had to be held as nothing tells it, in words; empty where the reference, a held unit
        or priors tell everything.
    """

    units: IndexArray
    n_reference: int
    held: str


@dataclass(frozen=True, eq=False)
class MosaicSolution:
    """Corrections of units: each puts a detection v at ``c + M (v - c) + t``.

    Attributes
    ----------
    matrices, shifts, centers : (n_units, 2, 2), (n_units, 2), (n_units, 2) float arrays
        M, t and c, in pixels of the plane.
    geometries : sequence of {"shift", "rshift", "rscale", "general"}
        What was solved for: simpler than asked where the stars do not tell more.
    solved : (n_units,) bool array
        Whether anything tells where a unit lies.
    component : (n_units,) int array
        The part of each unit; its number in `parts` for solved ones.
    parts : sequence of Part
        The connected parts of the mosaic.
    stars : (n_stars, 2) float array
        Places of the stars in pixels; nan where nothing counts.
    kept : (n,) bool array
        Which detections count for the units, in the order in which they were given.
    seen : (n,) bool array
        Which count for the places of the stars: those of stars that nothing else tells as well.
    residuals : (n, 2) float array
        Where a unit puts its detection less the place of the star, in pixels.
    variances : (n,) float array
        What was expected of a detection along one axis, in square pixels.
    without_own : (n, 2) float array
        Place of the star as all but this detection tell it; nan where nothing else does.
    kept_reference : (m,) bool array
        Which reference stars count.
    reference_residuals : (m, 2) float array
        Place that the detections alone tell, less that of the reference, in pixels.
    scatter : Scatter
        The floors that the residuals tell.
    covariances : Covariances
        Of the numbers of the units.
    chip_numbers : (n_chips, 6) float array
        The terms of chips, in pixels of the detector.
    part_of_stars : (n_stars,) int array
        The part of each star; -1 where nothing counts.
    star_errors : (n_stars,) float array
        Standard error of each star's place along one axis, given the units, in pixels; nan where
        nothing counts.
    n_rejections : int
        Rounds that rejected anything.
    """

    matrices: FloatArray
    shifts: FloatArray
    centers: FloatArray
    geometries: Sequence[Geometry]
    solved: BoolArray
    component: IndexArray
    parts: Sequence[Part]
    stars: FloatArray
    kept: BoolArray
    seen: BoolArray
    residuals: FloatArray
    variances: FloatArray
    without_own: FloatArray
    kept_reference: BoolArray
    reference_residuals: FloatArray
    scatter: Scatter
    covariances: Covariances
    chip_numbers: FloatArray
    part_of_stars: IndexArray
    star_errors: FloatArray
    n_rejections: int

    def move(self, unit: int, xy: FloatArray) -> FloatArray:
        """Return where a unit puts positions (n, 2) of its present header, in pixels."""
        away = np.asarray(xy, dtype=np.float64) - self.centers[unit]
        return np.asarray(away @ self.matrices[unit].T + self.centers[unit] + self.shifts[unit])

    def plane_fit(self, unit: int, center: FloatArray) -> PlaneFit:
        """Return a correction as a fit of one image: ``v - C = M (f - C) + s``.

        Parameters
        ----------
        unit : int
            The unit.
        center : (2,) float array
            Centre C of the fit, 1-based pixels of the plane.
        """
        c, t = self.centers[unit], self.shifts[unit]
        inverse = np.linalg.inv(self.matrices[unit])
        return PlaneFit(inverse, c - center - inverse @ (c + t - center), np.asarray(center))

    def fit_covariance(self, unit: int, center: FloatArray, *, relative: bool) -> FloatArray:
        """Return the covariance of `tweakreg_steps.matching.uncertainty.NUMBERS` of `plane_fit`.

        ``dM = -M B`` and ``ds = -M (a + B (C - c - t))`` for a change a, B of where the unit puts
        its stars.
        """
        inverse = np.linalg.inv(self.matrices[unit])
        away = center - self.centers[unit] - self.shifts[unit]
        units = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        origin, along_x, along_y = fields_at(units)
        columns = np.stack([along_x - origin, along_y - origin], axis=1)  # (2, 2, 6): i, j, number
        shift = -inverse @ fields_at(away[None])[0]
        matrix = -np.einsum("ij,jkn->ikn", inverse, columns).reshape(4, N_NUMBERS)
        jacobian = np.concatenate([matrix, shift])
        own = self.covariances.relative if relative else self.covariances.of_units
        return np.asarray(jacobian @ own[unit] @ jacobian.T)


def solve(
    mosaic: Mosaic, *, gauge: Gauge, sigma: float, nclip: int, fit_factors: bool
) -> MosaicSolution:
    """Solve for all units at once.

    Parameters
    ----------
    mosaic : Mosaic
        What is to be solved.
    gauge : {"first", "mean"}
        What is held in a part of the mosaic of which nothing tells where it lies: one of its
        units, or the mean of them all.
    sigma, nclip, fit_factors
        See `simultaneous.solve_mosaic`.
    """
    found = solve_mosaic(mosaic, sigma=sigma, nclip=nclip, fit_factors=fit_factors)
    return _describe(found, gauge)


def _describe(found: Solved, gauge: Gauge) -> MosaicSolution:
    """Bring a solution into the order of what was given, in the gauge that is wanted."""
    given, state, last = found.given, found.state, found.last
    freedom, order = last.freedom, given.order
    solved = freedom.linked & (_sizes(freedom.component, freedom.linked) | given.mosaic.held)
    solved |= freedom.linked & (found.n_known > 0)
    back = np.empty(len(order), dtype=np.intp)
    back[order] = np.arange(len(order))
    solution = MosaicSolution(
        matrices=state.matrices,
        shifts=state.shifts,
        centers=given.centers,
        geometries=[geometry_of(row) for row in freedom.free | freedom.gauge],
        solved=solved,
        component=freedom.component,
        parts=_parts(found, solved, gauge),
        stars=found.placed.stars.xy,
        kept=found.useful[back],
        seen=(state.weights > 0.0)[back],
        residuals=found.deviations.residuals[back],
        variances=found.placed.variances[back],
        without_own=_without_own(found)[back],
        kept_reference=state.reference_weights > 0.0,
        reference_residuals=found.deviations.reference_residuals,
        scatter=state.scatter,
        covariances=Covariances(
            last.columns,
            last.matrix,
            last.factors,
            last.border,
            given.centers + state.shifts,
            freedom.component,
            _common(given.asked, freedom.component, solved),
        ),
        chip_numbers=state.chip_numbers,
        part_of_stars=_part_of_stars(found),
        star_errors=_star_errors(found.placed.stars),
        n_rejections=found.n_rejections,
    )
    return _hold_mean(solution, freedom.gauge, given.mosaic) if gauge == "mean" else solution


def _part_of_stars(found: Solved) -> IndexArray:
    """Return the part of each star; -1 where nothing counts."""
    d, counts = found.given.detections, found.state.weights > 0.0
    part = np.full(found.given.n_stars, -1)
    part[d.star[counts]] = found.last.freedom.component[d.unit[counts]]
    return part


def _star_errors(stars: StarPlaces) -> FloatArray:
    """Return the standard errors of the places of stars along one axis, in pixels."""
    variance = stars.inverse[:, :2].mean(axis=1)
    return np.sqrt(np.where(variance > 0.0, variance, np.nan))


def _sizes(component: IndexArray, linked: BoolArray) -> BoolArray:
    """Return which units are in a part of more than one."""
    counts = np.bincount(component[linked], minlength=int(component.max(initial=0)) + 1)
    return np.asarray(counts[component] > 1)


def _parts(found: Solved, solved: BoolArray, gauge: Gauge) -> list[Part]:
    """Describe the connected parts, in the order of their numbers."""
    freedom = found.last.freedom
    parts = []
    for number in range(int(freedom.component.max(initial=-1)) + 1):
        units = np.flatnonzero((freedom.component == number) & solved)
        names = [NAMES[k] for k in np.flatnonzero(freedom.gauge[units].any(axis=0))]
        of = "the mean of its units" if gauge == "mean" else "its first unit"
        held = f"{', '.join(dict.fromkeys(names))} of {of} held" if names else ""
        parts.append(Part(units, int(found.n_known[units[0]]) if len(units) else 0, held))
    return parts


def _common(asked: BoolArray, component: IndexArray, solved: BoolArray) -> BoolArray:
    """Return which numbers all units of a part may change, for its solved units: (n_units, 6)."""
    n_parts = int(component.max(initial=-1)) + 1
    everywhere = np.ones((n_parts, N_NUMBERS), dtype=np.bool_)
    np.logical_and.at(everywhere, component[solved], asked[solved])
    return np.asarray(everywhere[component] & solved[:, None])


def _without_own(found: Solved) -> FloatArray:
    """Return where all but each detection put its star: ``f - (N - w 1)^-1 w (z - f)``."""
    placed, star = found.placed, found.given.detections.star
    w = found.state.weights / placed.variances
    xx, yy, xy = placed.stars.information[star].T
    others_xx, others_yy = xx - w, yy - w
    determinant = others_xx * others_yy - xy**2
    told = determinant > _ROUNDING * (xx * yy - xy**2)
    scale = np.where(told, w / np.where(told, determinant, 1.0), np.nan)
    dx, dy = (placed.moved - placed.stars.xy[star]).T
    pulled = np.column_stack([others_yy * dx - xy * dy, others_xx * dy - xy * dx])
    return np.asarray(placed.stars.xy[star] - scale[:, None] * pulled)


def _hold_mean(solution: MosaicSolution, gauge: BoolArray, mosaic: Mosaic) -> MosaicSolution:
    """Move each part that nothing holds so that the numbers held are zero in the mean."""
    matrices, shifts = solution.matrices.copy(), solution.shifts.copy()
    stars, without_own = solution.stars.copy(), solution.without_own.copy()
    part, part_of_star = solution.component[mosaic.detections.unit], solution.part_of_stars
    for number, u in enumerate(of.units for of in solution.parts):
        floats = gauge[u].sum(axis=0) > 0
        for _ in range(_GAUGE_ROUNDS if floats.any() else 0):
            places = solution.centers[u] + shifts[u]
            numbers = -_mean_motion(places, numbers_of(matrices[u], shifts[u]), floats)
            step = _common_motion(numbers, places.mean(axis=0))
            matrices[u] = step.matrix @ matrices[u]
            shifts[u] = to_image(step, places) - solution.centers[u]
            stars[part_of_star == number] = to_image(step, stars[part_of_star == number])
            without_own[part == number] = to_image(step, without_own[part == number])
    return replace(solution, matrices=matrices, shifts=shifts, stars=stars, without_own=without_own)


def _mean_motion(places: FloatArray, numbers: FloatArray, floats: BoolArray) -> FloatArray:
    """Return the common motion (1, 6) in these numbers that units at places have in the mean."""
    alone = np.zeros(len(places), dtype=np.intp)
    motion = common_motion(places, alone, np.tile(floats, (len(places), 1)))
    total = motion.sum(axis=0)[np.ix_(floats, floats)]
    found = np.zeros((1, N_NUMBERS))
    found[0, floats] = np.linalg.solve(total, numbers.sum(axis=0)[floats])
    return found


def _common_motion(numbers: FloatArray, middle: FloatArray) -> PlaneFit:
    """Return the motion of a part as a whole by six numbers, (1, 6), about its middle."""
    matrices, shifts = change(np.eye(2)[None], np.zeros((1, 2)), numbers)
    return PlaneFit(matrices[0], shifts[0], middle)
