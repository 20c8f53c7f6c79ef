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
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import sparse

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.solving.chip_terms import Border, border_of
from tweakreg_steps.solving.detections import (
    ReferenceStars,
)
from tweakreg_steps.solving.enough_stars import enough_stars
from tweakreg_steps.solving.freedom import Freedom, determined_numbers, find_freedom
from tweakreg_steps.solving.mosaic_state import (
    Given,
    Mosaic,
    Placed,
    State,
    deviations_of,
    place,
    sightings_of,
    start_of,
    typical_residual,
    useful_detections,
)
from tweakreg_steps.solving.normal_equations import Columns, Equations, reduce_to_units
from tweakreg_steps.solving.outliers import (
    Deviations,
    Votes,
    huber_weights,
    redescending_weights,
    reject,
    tail_weights,
)
from tweakreg_steps.solving.scatter import estimate_scatter
from tweakreg_steps.solving.sparse_solver import Factors, factor
from tweakreg_steps.solving.unit_parameters import change, numbers_of

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
    state = start_of(given)
    if nclip:
        state = _vote_of_some(given, state, sigma)
        state = replace(state, **vars(Votes.within(deviations_of(given, state), sigma)))
    state, last, n_rejections, found = _reject(
        given, state, sigma=sigma, nclip=nclip, fit_factors=fit_factors
    )
    if nclip:
        # once: what it changes is within the noise of the positions
        votes = Votes(state.weights, state.reference_weights)
        state, last = _settle(given, replace(state, **vars(tail_weights(found, votes))))
    useful = useful_detections(given, state)
    n_known = _known_stars(given, state, last.freedom.component, useful)
    found = deviations_of(given, state)
    return Solved(given, state, last, place(given, state), found, useful, n_known, n_rejections)


def _round(given: Given, state: State) -> Round:
    """Set up the equations of a state."""
    d, placed = given.detections, place(given, state)
    stars = placed.stars
    useful = np.flatnonzero(useful_detections(given, state))
    star, unit = d.star[useful], d.unit[useful]
    counted = state.weights[useful] / placed.variances[useful]
    there = np.take(stars.xy, star, axis=0)
    residuals = np.take(placed.moved, useful, axis=0) - there
    offsets = there - np.take(given.centers + state.shifts, unit, axis=0)
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
        given.chips.choose(useful),
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


def _known_stars(
    given: Given, state: State, component: IndexArray, useful: BoolArray | IndexArray
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


def _vote(given: Given, state: State, sigma: float) -> State:
    """Find what most detections agree on: least distances, whatever the start, then closer in."""
    typical = None
    for rank in range(_VOTES):
        state, _, moved = _step(given, state)
        before, typical = typical, typical_residual(given, state)
        floor = np.full_like(state.scatter.floor, typical)
        scatter = replace(state.scatter, floor=floor, reference_floor=typical)
        state = replace(state, scatter=scatter)
        state = replace(state, **vars(huber_weights(deviations_of(given, state))))
        if rank and moved < typical / 2 and before and before < _STEADY * typical:
            break
    for _ in range(_CLOSER):
        found = deviations_of(given, state)
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
    found = _vote(some, start_of(some), sigma)
    return replace(found, weights=state.weights, reference_weights=state.reference_weights)


def _reject(
    given: Given, state: State, *, sigma: float, nclip: int, fit_factors: bool
) -> tuple[State, Round, int, Deviations]:
    """Reject outliers round by round, with the floors that the others tell."""
    factors = np.ones_like(state.scatter.floor)
    state = replace(state, scatter=replace(state.scatter, factor=factors))
    if not nclip:
        state, _ = _settle(given, state)
    for rank in range(nclip + 1):
        state = _with_floors(given, state, fit_factors=fit_factors, again=rank > 0)
        state, last = _settle(given, state)
        found = deviations_of(given, state)
        votes = reject(
            found,
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
            return state, last, rank, found
        state = replace(state, **vars(votes))
    raise AssertionError


def _with_floors(given: Given, state: State, *, fit_factors: bool, again: bool) -> State:
    """Return the state with the floors that its residuals tell, perhaps once more."""
    sightings = sightings_of(given, state)
    if not len(sightings.star):
        return state
    found = estimate_scatter(sightings, state.scatter, fit_factors=fit_factors, again=again)
    return replace(state, scatter=found)
