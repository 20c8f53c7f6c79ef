"""Terms that all exposures share for a chip: what a wrong gap, or a filter's own scale, does.

A chip's term moves its detections, in the frame of the detector, by some of the six fields of
`unit_parameters` at their places u on the chip; the exposure's frame A (plane pixels over detector
pixels) brings that on the plane: ``v + A F(u) b``. What all chips of an exposure have in common is
what a correction of the exposure does as well: nothing tells it. So the terms b are solved after
the units are eliminated (a second Schur complement), as the shortest vector that fits::

    K = S_bb - S_bd S^-1 S_db,     b = K^+ (r_b - S_bd S^-1 r_d)

with directions left out in which K holds no information: the terms of a camera add up to nothing
where they must, and exist only where the dithers tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.solving.normal_equations import Columns, StarPlaces
from tweakreg_steps.solving.sparse_solver import Factors
from tweakreg_steps.solving.unit_parameters import N_FREE, fields_at

LEAST_INFORMATION = 1.0e-6
"""Part of a term's own information that must be left with stars and units unknown as well."""


@dataclass(frozen=True, eq=False)
class ChipDetections:
    """Where detections lie on the detectors.

    Attributes
    ----------
    geometry : {"shift", "rshift", "rscale", "general"}
        What a chip's term may do.
    n_chips : int
        Chips, each of a camera and filter; 0 where there are no terms.
    chip : (n,) int array
        The chip of each detection, from 0.
    place : (n, 2) float array
        Its place from the middle of the chip, in halves of the chip's length.
    exposure : (n,) int array
        Which exposure it is of.
    frames : (n_exposures, 2, 2) float array
        Pixels of the plane over pixels of the detector, at the middle of each exposure.
    """

    geometry: Geometry
    n_chips: int
    chip: IndexArray
    place: FloatArray
    exposure: IndexArray
    frames: FloatArray

    @property
    def n_numbers(self) -> int:
        """How many numbers the term of one chip has."""
        return N_FREE[self.geometry]

    def choose(self, chosen: IndexArray) -> ChipDetections:
        """Return some of the detections."""
        if not self.n_chips:
            return self
        parts = self.chip[chosen], self.place[chosen], self.exposure[chosen]
        return ChipDetections(self.geometry, self.n_chips, *parts, self.frames)

    def fields(self) -> FloatArray:
        """Return the fields of each detection on the plane, (n, 2, n_numbers)."""
        own = fields_at(self.place)[:, :, : self.n_numbers]
        return np.asarray(np.einsum("nij,njk->nik", self.frames[self.exposure], own))

    def displacements(self, numbers: FloatArray) -> FloatArray | float:
        """Return what terms (n_chips, 6), in detector pixels, do to detections, plane pixels."""
        if not self.n_chips:
            return 0.0
        own = numbers[self.chip][:, : self.n_numbers]
        return np.asarray(np.einsum("nij,nj->ni", self.fields(), own))


NO_CHIPS = ChipDetections(
    "shift",
    0,
    np.zeros(0, dtype=np.intp),
    np.zeros((0, 2)),
    np.zeros(0, dtype=np.intp),
    np.zeros((0, 2, 2)),
)
"""No terms."""


@dataclass(frozen=True, eq=False)
class Border:
    """The equations of the terms: ``[S, side; side', corner] (d, b) = (right_d, right)``.

    Attributes
    ----------
    side : (n, n_terms) float array
        Between the units' numbers and the terms.
    corner : (n_terms, n_terms) float array
        Between the terms.
    right : (n_terms,) float array
        The right side.
    alone : (n_terms,) float array
        The information on each term if nothing else were unknown.
    n_numbers : int
        Numbers of each chip.
    """

    side: FloatArray
    corner: FloatArray
    right: FloatArray
    alone: FloatArray
    n_numbers: int

    @classmethod
    def none(cls) -> Border:
        """Return no terms."""
        return cls(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0), np.zeros(0), 1)

    @property
    def n_terms(self) -> int:
        """How many numbers there are."""
        return len(self.right)

    @property
    def n_chips(self) -> int:
        """How many chips have terms."""
        return self.n_terms // self.n_numbers

    def solve(self, factors: Factors | None, right: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the units' numbers (n,) and the terms (n_chips, 6)."""
        alone = factors.solve(right) if factors else np.zeros(0)
        if not self.n_terms:
            return alone, np.zeros((0, 6))
        across = self.across(factors)
        terms = self.inverse(across)[0] @ (self.right - self.side.T @ alone)
        spread = np.zeros((self.n_chips, 6))
        spread[:, : self.n_numbers] = terms.reshape(-1, self.n_numbers)
        return alone - across @ terms, spread

    def across(self, factors: Factors | None) -> FloatArray:
        """Return ``S^-1 side``."""
        return factors.solve(self.side) if factors else np.zeros((0, self.n_terms))

    def inverse(self, across: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Return ``K^+``, and which of its directions are told (by ascending information)."""
        # the same for all chips: what they have in common is then left out of each alike
        mean = self.alone.reshape(-1, self.n_numbers).mean(axis=0)
        own = np.tile(np.sqrt(np.maximum(mean, np.finfo(float).tiny)), self.n_chips)
        left = (self.corner - self.side.T @ across) / np.outer(own, own)
        values, vectors = np.linalg.eigh((left + left.T) / 2)
        told = values > LEAST_INFORMATION
        directions = vectors[:, told]
        scaled = (directions / values[told]) @ directions.T
        return scaled / np.outer(own, own), told


def border_of(
    chips: ChipDetections,
    star: IndexArray,
    unit: IndexArray,
    weights: FloatArray,
    *,
    offsets: FloatArray,
    residuals: FloatArray,
    matrices: FloatArray,
    stars: StarPlaces,
    columns: Columns,
) -> Border:
    """Set up the equations of the terms.

    Parameters
    ----------
    chips, star, unit, weights, offsets, residuals, stars
        As in `normal_equations.reduce_to_units`, the chips of the same detections.
    matrices : (n_units, 2, 2) float array
        What the units do to displacements.
    columns : Columns
        The numbers of the units.
    """
    if not chips.n_chips:
        return Border.none()
    fields = np.einsum("nij,njk->nik", matrices[unit], chips.fields())
    first = chips.chip * chips.n_numbers
    n_terms = chips.n_chips * chips.n_numbers
    terms = _rows(fields, first[:, None] + np.arange(chips.n_numbers), n_terms)
    units = _rows(
        fields_at(offsets) * columns.scales,
        6 * unit[:, None] + np.arange(6),
        columns.free.size,
    )[:, np.flatnonzero(columns.free.ravel())]
    w = sparse.diags_array(np.repeat(weights, 2))
    gathered = _gather(star, weights, len(stars.xy))
    star_terms, star_units = gathered @ terms, gathered @ units
    inverse = _blocks(stars.inverse)
    side = units.T @ w @ terms - star_units.T @ inverse @ star_terms
    own = terms.T @ w @ terms
    corner = own - star_terms.T @ inverse @ star_terms
    right = -(terms.T @ (w @ residuals.ravel()))
    alone = own.diagonal()
    return Border(
        side.toarray(), corner.toarray(), np.asarray(right), np.asarray(alone), chips.n_numbers
    )


def _rows(fields: FloatArray, columns: IndexArray, n_columns: int) -> sparse.csr_array:
    """Return fields (n, 2, k) at their columns (n, k) as a matrix of 2n rows."""
    n, _, k = fields.shape
    where = np.repeat(columns[:, None, :], 2, axis=1)
    parts = fields.ravel(), where.ravel(), np.arange(0, 2 * n * k + 1, k)
    return sparse.csr_array(parts, shape=(2 * n, n_columns))


def _gather(star: IndexArray, weights: FloatArray, n_stars: int) -> sparse.csr_array:
    """Return the matrix that adds up what detections say, weighted, by star and axis."""
    rows = (2 * star[:, None] + np.arange(2)).ravel()
    columns = np.arange(2 * len(star))
    values = np.repeat(weights, 2)
    return sparse.csr_array((values, (rows, columns)), shape=(2 * n_stars, 2 * len(star)))


def _blocks(inverse: FloatArray) -> sparse.csr_array:
    """Return the stars' inverses (xx, yy, xy) as a matrix of 2 x 2 blocks on the diagonal."""
    xx, yy, xy = inverse.T
    blocks = np.array([[xx, xy], [xy, yy]]).transpose(2, 0, 1)
    n_stars = len(inverse)
    places = np.arange(n_stars + 1)
    made = sparse.bsr_array((blocks, places[:-1], places), shape=(2 * n_stars, 2 * n_stars))
    return sparse.csr_array(made.tocsr())
