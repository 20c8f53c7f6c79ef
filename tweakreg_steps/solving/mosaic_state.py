"""Where a solution stands: what is given, what was found so far, and what follows from both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.solving.chip_terms import NO_CHIPS, ChipDetections
from tweakreg_steps.solving.detections import (
    Detections,
    Priors,
    ReferenceStars,
    inverses,
    sums,
)
from tweakreg_steps.solving.normal_equations import StarPlaces, place_stars
from tweakreg_steps.solving.outliers import Deviations, deviations
from tweakreg_steps.solving.overlaps import connected_parts
from tweakreg_steps.solving.scatter import Scatter, Sightings, typical_size
from tweakreg_steps.solving.unit_parameters import N_NUMBERS, centers_of, free_numbers


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

    @cached_property
    def part(self) -> IndexArray:
        """The connected part of each unit, whatever its detections count."""
        star, unit = self.detections.star, self.detections.unit
        linked = star[1:] == star[:-1]
        pairs = np.column_stack([unit[:-1][linked], unit[1:][linked]])
        return connected_parts(pairs, self.mosaic.n_units)

    @cached_property
    def part_of_stars(self) -> IndexArray:
        """The connected part of each star; that of none is 0."""
        part = np.zeros(self.n_stars, dtype=np.intp)
        part[self.detections.star] = self.part[self.detections.unit]
        return part

    @cached_property
    def n_common(self) -> IndexArray:
        """How many numbers all units of each part may change alike; none where one is held."""
        free = np.where(self.mosaic.held, 0, self.asked.sum(axis=1))
        fewest = np.full(int(self.part.max(initial=0)) + 1, N_NUMBERS)
        np.minimum.at(fewest, self.part, free)
        return fewest.astype(np.intp)


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


def start_of(given: Given) -> State:
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


def moved_detections(given: Given, state: State) -> FloatArray:
    """Return where the units of a state put their detections, (n, 2) in pixels."""
    unit = given.detections.unit
    x, y = given.away + np.transpose(given.chips.displacements(state.chip_numbers))
    moved = (given.centers + state.shifts)[unit]
    for axis in (0, 1):
        to_x, to_y = state.matrices[:, axis].T
        moved[:, axis] += to_x[unit] * x + to_y[unit] * y
    return np.asarray(moved)


def place(given: Given, state: State) -> Placed:
    """Put everything where a state has it."""
    d, reference = given.detections, given.mosaic.reference
    moved = moved_detections(given, state)
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


def useful_detections(given: Given, state: State) -> BoolArray:
    """Return which detections tell something: those of stars that are seen or known otherwise."""
    counts = state.weights > 0.0
    n_seen = np.bincount(given.detections.star[counts], minlength=given.n_stars)
    reference = given.mosaic.reference
    n_seen[reference.star[state.reference_weights > 0.0]] += 1
    return np.asarray(counts & (n_seen[given.detections.star] > 1))


def deviations_of(given: Given, state: State) -> Deviations:
    """Return how far everything is from where it should be, in standard deviations.

    The detections of a star of which none counts any more are compared with each other.
    """
    d, reference = given.detections, given.mosaic.reference
    counted = sums(d.star, state.weights, given.n_stars)
    counted[reference.star] += state.reference_weights
    weights = np.where(counted[d.star] > 0.0, state.weights, 1.0)
    placed = place(given, replace(state, weights=weights))
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


def typical_residual(given: Given, state: State) -> float:
    """Return the size of a typical residual along one axis in pixels, everything counting alike."""
    cameras = len(state.scatter.floor)
    alike = Scatter(np.ones(cameras), np.zeros(cameras), 1.0)
    # a star known beforehand must not follow its one detection as it loses weight
    everything = replace(
        state,
        scatter=alike,
        weights=np.ones_like(state.weights),
        reference_weights=np.ones_like(state.reference_weights),
    )
    placed = place(given, everything)
    useful = useful_detections(given, everything)
    residuals = (placed.moved - placed.stars.xy[given.detections.star])[useful]
    return typical_size(residuals)


def sightings_of(given: Given, state: State) -> Sightings:
    """Return what counts, as it tells the floors."""
    useful = useful_detections(given, state)
    d, reference = given.detections, given.mosaic.reference
    moved = moved_detections(given, state)
    known = state.reference_weights > 0.0
    return Sightings(
        star=d.star[useful],
        camera=given.camera[useful],
        moved=moved[useful],
        error=given.error[useful],
        reference_star=reference.star[known],
        places=reference.xy[known],
        covariance=reference.covariance[known],
        reference_part=given.part_of_stars[reference.star[known]],
        n_common=given.n_common,
        n_fitted=int(given.asked[np.unique(d.unit[useful])].sum()),
    )
