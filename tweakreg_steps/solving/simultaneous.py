"""The simultaneous solution: every unit's correction and every star's place at once.

Minimised is, over corrections M, t about the units' centres c and places f of the stars::

    sum w |c + M (v - c) + t - f|^2 / (e^2 + T^2)  +  sum (f - g)' C^-1 (f - g)  +  priors

v being detections, e their errors, T a floor, g and C places known beforehand with their
covariances. `normal_equations` eliminates the stars, `scatter` finds the floors, `freedom` decides
what the data tell, `outliers` the weights w. A unit's fields are taken at the fitted places of the
stars, not at the detections: noise in the arguments would shrink every scale.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import sparse

from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.solving.chip_terms import NO_CHIPS, Border, ChipDetections, border_of
from tweakreg_steps.solving.detections import (
    BoolArray,
    Detections,
    FloatArray,
    IndexArray,
    Priors,
    ReferenceStars,
    inverses,
    sums,
)
from tweakreg_steps.solving.enough_stars import enough_stars
from tweakreg_steps.solving.freedom import Freedom, determined_numbers, find_freedom
from tweakreg_steps.solving.normal_equations import (
    Columns,
    Equations,
    StarPlaces,
    place_stars,
    reduce_to_units,
)
from tweakreg_steps.solving.outliers import (
    Deviations,
    Votes,
    deviations,
    huber_weights,
    redescending_weights,
    reject,
)
from tweakreg_steps.solving.scatter import Scatter, Sightings, estimate_scatter, typical_size
from tweakreg_steps.solving.sparse_solver import Factors, factor
from tweakreg_steps.solving.unit_parameters import (
    N_NUMBERS,
    centers_of,
    change,
    free_numbers,
    numbers_of,
)

log = logging.getLogger(__name__)

Gauge = Literal["first", "mean"]

_SETTLED = 1.0e-3
"""Part of a typical residual by which no star may move any more: far below any error."""

_LEAST_STEP = 1.0e-9
"""Pixels below which a step is rounding."""

_STEPS = 12
"""Steps that a solution with given weights may need: rotations of degrees settle in five."""

_VOTES = 15
"""Rounds of reweighting at most."""

_STEADY = 1.05
"""Fall of the typical residual in a round of votes from which another one is worth while."""

_CLOSER = 3
"""Rounds in which what is far off loses its vote: by then no vote changes any more."""


@dataclass(frozen=True, eq=False)
class Mosaic:
    """What is to be solved.

    Attributes
    ----------
    detections : Detections
        All detections of stars.
    reference : ReferenceStars
        Places known beforehand.
    geometries : sequence of {"shift", "rshift", "rscale", "general"}
        What each unit's matrix may do.
    held : (n_units,) bool array
        Units that stay as they are: an image that is the reference.
    priors : sequence of Priors
        How far each unit is expected to be from where its header puts it.
    camera : (n_units,) int array
        Which camera (and filter) each unit is of, from 0: each has a floor of its own.
    chips : ChipDetections
        Where detections lie on the detectors, for terms of the chips; `NO_CHIPS` for none.
    """

    detections: Detections
    reference: ReferenceStars
    geometries: Sequence[Geometry]
    held: BoolArray
    priors: Sequence[Priors]
    camera: IndexArray
    chips: ChipDetections = NO_CHIPS

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.geometries)


@dataclass(frozen=True, eq=False)
class Given:
    """A mosaic with its detections in the order of the stars, and what follows from it alone."""

    mosaic: Mosaic
    order: IndexArray
    detections: Detections
    chips: ChipDetections
    error: FloatArray
    n_stars: int
    centers: FloatArray
    away: FloatArray
    camera: IndexArray
    length: float
    asked: BoolArray
    priors: FloatArray

    @classmethod
    def of(cls, mosaic: Mosaic, centers: FloatArray | None = None) -> Given:
        """Sort the detections and read off what stays the same in all rounds."""
        order = np.lexsort((mosaic.detections.unit, mosaic.detections.star))
        ordered = mosaic.detections.choose(order)
        highest = (mosaic.reference.star.max(initial=-1), ordered.star.max(initial=-1))
        if centers is None:
            centers = centers_of(ordered.unit, ordered.xy, mosaic.n_units)
        away = ordered.xy - centers[ordered.unit]
        return cls(
            mosaic,
            order,
            ordered,
            mosaic.chips.choose(order),
            _known_errors(ordered.error),
            int(max(highest)) + 1,
            centers,
            np.ascontiguousarray(away.T),
            mosaic.camera[ordered.unit],
            max(float(np.sqrt(np.mean(away**2))) if len(away) else 1.0, 1.0),
            free_numbers(mosaic.geometries),
            np.array([prior.weights() for prior in mosaic.priors]).reshape(-1, N_NUMBERS),
        )


def _known_errors(error: FloatArray) -> FloatArray:
    """Return errors, a detection of which none is known being as bad as the worst."""
    known = np.isfinite(error) & (error > 0.0)
    return np.where(known, error, error[known].max() if known.any() else 0.0)


@dataclass(frozen=True, eq=False)
class State:
    """A solution on its way.

    Attributes
    ----------
    matrices, shifts : (n_units, 2, 2), (n_units, 2) float arrays
        M and t of each unit.
    chip_numbers : (n_chips, 6) float array
        The terms of the chips.
    weights : (n,) float array
        What each detection counts, 0 to 1, in the order of the stars.
    reference_weights : (m,) float array
        The same of the reference stars.
    scatter : Scatter
        What the errors are taken to be.
    """

    matrices: FloatArray
    shifts: FloatArray
    chip_numbers: FloatArray
    weights: FloatArray
    reference_weights: FloatArray
    scatter: Scatter


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a state has everything.

    Attributes
    ----------
    moved : (n, 2) float array
        Where the units put their detections.
    variances : (n,) float array
        Of the detections.
    covariances : (m, 2, 2) float array
        Of the reference stars.
    stars : StarPlaces
        The places of the stars.
    """

    moved: FloatArray
    variances: FloatArray
    covariances: FloatArray
    stars: StarPlaces


@dataclass(frozen=True, eq=False)
class Round:
    """The equations of one step, and what they were made from.

    Attributes
    ----------
    placed : Placed
        Where everything is.
    freedom : Freedom
        What is solved for.
    columns : Columns
        Where in the equations.
    matrix : sparse array
        Those of the units.
    factors : Factors or None
        The same factored; None where nothing is free.
    border : Border
        The equations of the chips.
    right : float array
        The right side.
    """

    placed: Placed
    freedom: Freedom
    columns: Columns
    matrix: sparse.csc_array
    factors: Factors | None
    border: Border
    right: FloatArray


@dataclass(frozen=True, eq=False)
class Solved:
    """What `solve_mosaic` found, in the order of the stars, for `solution.solve`.

    Attributes
    ----------
    given, state, last
        The mosaic, its solution, and the equations of its last step.
    placed : Placed
        Where the solution has everything.
    deviations : Deviations
        How far everything is from where it should be.
    useful : (n,) bool array
        Detections that count, of stars that something else tells as well.
    n_known : (n_units,) int array
        Reference stars that count in the part of each unit.
    n_rejections : int
        Rounds that rejected anything.
    """

    given: Given
    state: State
    last: Round
    placed: Placed
    deviations: Deviations
    useful: BoolArray
    n_known: IndexArray
    n_rejections: int


def solve_mosaic(mosaic: Mosaic, *, sigma: float, nclip: int, fit_factors: bool) -> Solved:
    """Solve for all units at once.

    Parameters
    ----------
    mosaic : Mosaic
        What is to be solved.
    sigma : float
        Standard deviations (in two dimensions) beyond which a detection is an outlier.
    nclip : int
        Rounds of rejection after the reweighting; with 0 everything counts fully.
    fit_factors : bool
        Whether the detections' errors are known but for a factor.
    """
    given = Given.of(mosaic)
    state = _start(given)
    if nclip:
        state = _vote_of_some(given, state, sigma)
        state = replace(state, **vars(Votes.within(_deviations(given, state), sigma)))
    state, last, n_rejections = _reject(
        given, state, sigma=sigma, nclip=nclip, fit_factors=fit_factors
    )
    useful = _useful(given, state)
    n_known = _known_stars(given, state, last.freedom.component, useful)
    found = _deviations(given, state)
    return Solved(given, state, last, _place(given, state), found, useful, n_known, n_rejections)


def _start(given: Given) -> State:
    """Return where a solution begins: no correction, everything counts, all errors alike."""
    n_units, cameras = given.mosaic.n_units, int(given.mosaic.camera.max(initial=0)) + 1
    return State(
        np.tile(np.eye(2), (n_units, 1, 1)),
        np.zeros((n_units, 2)),
        np.zeros((given.chips.n_chips, N_NUMBERS)),
        np.ones(len(given.detections)),
        np.ones(len(given.mosaic.reference)),
        Scatter(np.ones(cameras), np.zeros(cameras), 1.0),
    )


def _round(given: Given, state: State) -> Round:
    """Set up the equations of a state."""
    d, placed = given.detections, _place(given, state)
    stars = placed.stars
    useful = _useful(given, state)
    star, unit = d.star[useful], d.unit[useful]
    counted = (state.weights / placed.variances)[useful]
    residuals = (placed.moved - stars.xy[d.star])[useful]
    offsets = (stars.xy[d.star] - (given.centers + state.shifts)[d.unit])[useful]
    equations = reduce_to_units(
        star,
        unit,
        counted,
        offsets=offsets,
        residuals=residuals,
        stars=stars,
        n_units=given.mosaic.n_units,
        length=given.length,
    )
    component = equations.components()
    freedom = find_freedom(
        given.asked,
        determined_numbers(unit, star, offsets, n_units=given.mosaic.n_units),
        component=component,
        n_known=_known_stars(given, state, component, useful),
        held=given.mosaic.held,
        priors=given.priors,
    )
    numbers = numbers_of(state.matrices, state.shifts)
    freedom, columns, matrix, right, factors = _factor(given, equations, freedom, numbers)
    border = border_of(
        given.chips.choose(np.flatnonzero(useful)),
        star,
        unit,
        counted,
        offsets=offsets,
        residuals=residuals,
        matrices=state.matrices,
        stars=stars,
        columns=columns,
    )
    return Round(placed, freedom, columns, matrix, factors, border, right)


def _place(given: Given, state: State) -> Placed:
    """Put everything where a state has it."""
    d, reference = given.detections, given.mosaic.reference
    x, y = given.away + np.transpose(given.chips.displacements(state.chip_numbers))
    moved = (given.centers + state.shifts)[d.unit]
    for axis in (0, 1):
        to_x, to_y = state.matrices[:, axis].T
        moved[:, axis] += to_x[d.unit] * x + to_y[d.unit] * y
    variances = state.scatter.variances(given.error, given.camera)
    covariances = state.scatter.covariances(reference.covariance)
    information = state.reference_weights[:, None, None] * inverses(covariances)
    stars = place_stars(
        d.star,
        state.weights / variances,
        moved,
        n_stars=given.n_stars,
        known=(reference.star, reference.xy, information),
    )
    return Placed(moved, variances, covariances, stars)


def _factor(
    given: Given, equations: Equations, freedom: Freedom, numbers: FloatArray
) -> tuple[Freedom, Columns, sparse.csc_array, FloatArray, Factors | None]:
    """Factor the equations of what is free, holding what turns out not to be determined."""
    while True:
        columns = Columns(freedom.free, given.length)
        matrix, right = equations.choose(columns, given.priors, numbers)
        if not len(right):
            return freedom, columns, matrix, right, None
        factors = factor(matrix, columns.unit)
        if not len(factors.undetermined):
            return freedom, columns, matrix, right, factors
        free = freedom.free.copy()
        free.flat[np.flatnonzero(free)[factors.undetermined]] = False
        freedom = replace(freedom, free=free)


def _useful(given: Given, state: State) -> BoolArray:
    """Return which detections tell something: those of stars that are seen or known otherwise."""
    counts = state.weights > 0.0
    n_seen = np.bincount(given.detections.star[counts], minlength=given.n_stars)
    reference = given.mosaic.reference
    n_seen[reference.star[state.reference_weights > 0.0]] += 1
    return np.asarray(counts & (n_seen[given.detections.star] > 1))


def _known_stars(
    given: Given, state: State, component: IndexArray, useful: BoolArray
) -> IndexArray:
    """Return how many reference stars the part of each unit has, shape (n_units,)."""
    part_of_star = np.full(given.n_stars, -1)
    part_of_star[given.detections.star[useful]] = component[given.detections.unit[useful]]
    known = given.mosaic.reference.star[state.reference_weights > 0.0]
    parts = part_of_star[known]
    return np.bincount(parts[parts >= 0], minlength=int(component.max(initial=0)) + 1)[component]


def _step(given: Given, state: State) -> tuple[State, Round, float]:
    """Return the state a step further on, its equations, and how far stars move, in pixels."""
    current = _round(given, state)
    if current.factors is None and not current.border.n_terms:
        return state, current, 0.0
    numbers, chip_numbers = current.border.solve(current.factors, current.right)
    matrices, shifts = change(state.matrices, state.shifts, current.columns.spread(numbers))
    moved = float(np.abs(numbers).max(initial=0.0) + np.abs(chip_numbers).max(initial=0.0))
    chips = state.chip_numbers + chip_numbers
    further = replace(state, matrices=matrices, shifts=shifts, chip_numbers=chips)
    return further, current, moved


def _settle(given: Given, state: State) -> tuple[State, Round]:
    """Take steps with the same weights until nothing moves.

    A step m leaves ``m^2 / length``: what a rotation by ``m / length`` is not linear.
    """
    variances = state.scatter.variances(given.error, given.camera)
    typical = float(np.sqrt(np.median(variances))) if len(variances) else 0.0
    tolerance = max(_SETTLED * typical, _LEAST_STEP)
    for _ in range(_STEPS):
        state, last, moved = _step(given, state)
        if moved * min(moved / given.length, 1.0) <= tolerance:
            break
    return state, last


def _typical(given: Given, state: State) -> float:
    """Return the size of a typical residual along one axis in pixels, everything counting alike."""
    cameras = len(state.scatter.floor)
    alike = Scatter(np.ones(cameras), np.zeros(cameras), 1.0)
    everything = replace(state, scatter=alike, weights=np.ones_like(state.weights))
    placed = _place(given, everything)
    residuals = (placed.moved - placed.stars.xy[given.detections.star])[_useful(given, state)]
    return typical_size(residuals)


def _vote(given: Given, state: State, sigma: float) -> State:
    """Find what most detections agree on: least distances, whatever the start, then closer in."""
    typical = None
    for rank in range(_VOTES):
        state, _, moved = _step(given, state)
        before, typical = typical, _typical(given, state)
        floor = np.full_like(state.scatter.floor, typical)
        scatter = replace(state.scatter, floor=floor, reference_floor=typical)
        state = replace(state, scatter=scatter)
        state = replace(state, **vars(huber_weights(_deviations(given, state))))
        if rank and moved < typical / 2 and before and before < _STEADY * typical:
            break
    for _ in range(_CLOSER):
        found = _deviations(given, state)
        state = replace(state, **vars(redescending_weights(found, sigma)))
        state, _, _ = _step(given, state)
    return state


def _vote_of_some(given: Given, state: State, sigma: float) -> State:
    """Find what most detections agree on, from as many as are enough for that."""
    chosen = enough_stars(given.detections, given.mosaic.reference, given.n_stars)
    reference = given.mosaic.reference
    known = chosen[reference.star]
    part = replace(
        given.mosaic,
        detections=given.detections.choose(chosen[given.detections.star]),
        chips=given.chips.choose(np.flatnonzero(chosen[given.detections.star])),
        reference=ReferenceStars(
            reference.star[known], reference.xy[known], reference.covariance[known]
        ),
    )
    some = replace(Given.of(part, given.centers), length=given.length)
    found = _vote(some, _start(some), sigma)
    return replace(found, weights=state.weights, reference_weights=state.reference_weights)


def _deviations(given: Given, state: State) -> Deviations:
    """Return how far everything is from where it should be, in standard deviations.

    The detections of a star of which none counts any more are compared with each other.
    """
    d, reference = given.detections, given.mosaic.reference
    counted = sums(d.star, state.weights, given.n_stars)
    counted[reference.star] += state.reference_weights
    weights = np.where(counted[d.star] > 0.0, state.weights, 1.0)
    placed = _place(given, replace(state, weights=weights))
    return deviations(
        d.star,
        placed.moved,
        weights=weights,
        variances=placed.variances,
        stars=placed.stars,
        reference_star=reference.star,
        reference_xy=reference.xy,
        reference_covariances=placed.covariances,
        reference_weights=state.reference_weights,
    )


def _reject(
    given: Given, state: State, *, sigma: float, nclip: int, fit_factors: bool
) -> tuple[State, Round, int]:
    """Reject outliers round by round, with the floors that the others tell."""
    factors = np.ones_like(state.scatter.floor)
    state = replace(state, scatter=replace(state.scatter, factor=factors))
    if not nclip:
        state, _ = _settle(given, state)
    for rank in range(nclip + 1):
        state = _with_floors(given, state, fit_factors=fit_factors)
        state, last = _settle(given, state)
        votes = reject(
            _deviations(given, state),
            given.detections.star,
            given.detections.unit,
            weights=state.weights,
            reference_star=given.mosaic.reference.star,
            reference_weights=state.reference_weights,
            n_free=given.asked.sum(axis=1),
            sigma=sigma,
            may_return=rank < nclip // 2,
        )
        if votes is None or rank == nclip:
            return state, last, rank
        state = replace(state, **vars(votes))
    raise AssertionError


def _with_floors(given: Given, state: State, *, fit_factors: bool) -> State:
    """Return the state with the floors that its residuals tell."""
    sightings = _sightings(given, state)
    if not len(sightings.star):
        return state
    return replace(
        state, scatter=estimate_scatter(sightings, state.scatter, fit_factors=fit_factors)
    )


def _sightings(given: Given, state: State) -> Sightings:
    """Return what counts, as it tells the floors."""
    useful = _useful(given, state)
    d, reference = given.detections, given.mosaic.reference
    moved = _place(given, state).moved
    known = state.reference_weights > 0.0
    return Sightings(
        star=d.star[useful],
        camera=given.camera[useful],
        moved=moved[useful],
        error=given.error[useful],
        reference_star=reference.star[known],
        places=reference.xy[known],
        covariance=reference.covariance[known],
        n_fitted=int(given.asked[np.unique(d.unit[useful])].sum()),
    )
