r"""The normal equations of all units, the stars' own places eliminated.

Minimised, for small changes d of the units' numbers and all places f of the stars, is::

    sum_i w_i |z_i + J_i d - f_s|^2  +  sum_s (f_s - g_s)' R_s (f_s - g_s)  +  priors

with z where unit u puts detection i, J its six fields (`unit_parameters`) and g, R places known
beforehand and their inverse covariances. For any d the best places are, with ``N_s = sum w_i 1 +
R_s``, ``f_s = N_s^-1 (sum w_i (z_i + J_i d) + R_s g_s)``; put in, they leave (a Schur complement)::

    S = sum w J'J - sum_s G_s' N_s^-1 G_s,   G_s = sum_i w_i J_i
    S d = - sum w_i J_i' (z_i - f_s)

With ``J = q (x) 1`` before `FIELDS` choose, both sums are products of sparse matrices whose rows
are stars and whose columns are the three monomials of each unit: nothing is ever as long as the
number of stars times that of units, and only units that share stars meet in S.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.solving.detections import (
    sums,
)
from tweakreg_steps.solving.unit_parameters import FIELDS, N_NUMBERS

_ISOTROPIC = 1.0e-9
"""Part of an inverse covariance below which its axes count as equal: rounding."""


@dataclass(frozen=True, eq=False)
class StarPlaces:
    """The places of stars, given their detections.

    Attributes
    ----------
    xy : (n_stars, 2) float array
        Places f in pixels; nan where nothing tells them.
    information, inverse : (n_stars, 3) float arrays
        N and ``N^-1``: xx, yy, xy; the inverse zero where nothing tells the place.
    weight : (n_stars,) float array
        Sum of the weights of a star's detections.
    """

    xy: FloatArray
    information: FloatArray
    inverse: FloatArray
    weight: FloatArray


def place_stars(
    star: IndexArray,
    weights: FloatArray,
    moved: FloatArray,
    *,
    n_stars: int,
    known: tuple[IndexArray, FloatArray, FloatArray],
) -> StarPlaces:
    """Find the best place of each star.

    Parameters
    ----------
    star, weights, moved
        Of each detection the star, the weight w and the place z, (n, 2) in pixels.
    n_stars : int
        Number of stars.
    known : tuple
        Stars known beforehand (m,), their places g (m, 2), and inverse covariances R (m, 2, 2).
    """
    total = sums(star, weights, n_stars)
    right = np.column_stack([sums(star, weights * moved[:, k], n_stars) for k in (0, 1)])
    xx, yy, xy = total.copy(), total.copy(), np.zeros(n_stars)
    which, places, information = known
    xx[which] += information[:, 0, 0]
    yy[which] += information[:, 1, 1]
    xy[which] += information[:, 0, 1]
    right[which] += np.einsum("nij,nj->ni", information, places)
    determinant = xx * yy - xy**2
    told = determinant > 0.0
    scale = np.where(told, determinant, np.inf)
    inverse = np.column_stack([yy / scale, xx / scale, -xy / scale])
    found = np.column_stack(
        [
            inverse[:, 0] * right[:, 0] + inverse[:, 2] * right[:, 1],
            inverse[:, 2] * right[:, 0] + inverse[:, 1] * right[:, 1],
        ]
    )
    found[~told] = np.nan
    return StarPlaces(found, np.column_stack([xx, yy, xy]), inverse, total)


@dataclass(frozen=True, eq=False)
class Columns:
    """Which column of the equations each number of a unit has.

    Attributes
    ----------
    free : (n_units, 6) bool array
        Numbers that are solved for.
    length : float
        Pixels that one unit of p means in the equations: the numbers of the matrix are solved for
        as what they move a star this far from the centre.
    """

    free: BoolArray
    length: float

    @property
    def unit(self) -> IndexArray:
        """The unit of each column."""
        return np.nonzero(self.free)[0]

    @property
    def scales(self) -> FloatArray:
        """What a solved number is multiplied with to be one of the six, shape (6,)."""
        return np.array([1.0, 1.0] + [1.0 / self.length] * (N_NUMBERS - 2))

    def spread(self, solved: FloatArray) -> FloatArray:
        """Return the six numbers of each unit, (n_units, 6), from the solved ones."""
        numbers = np.zeros(self.free.shape)
        numbers[self.free] = solved
        return np.asarray(numbers * self.scales)

    def gather(self, numbers: FloatArray) -> FloatArray:
        """Return what is solved for from six numbers of each unit: `spread` the other way."""
        return np.asarray((numbers / self.scales)[self.free])


@dataclass(frozen=True, eq=False)
class Equations:
    """The equations over all six monomials of every unit, before any is chosen.

    Attributes
    ----------
    matrix : (6 n_units, 6 n_units) sparse array of 6 x 6 blocks
        S over the monomials (1x, 1y, px x, px y, py x, py y) of each unit.
    right : (6 n_units,) float array
        The right side.
    """

    matrix: sparse.bsr_array
    right: FloatArray

    def choose(
        self, columns: Columns, priors: FloatArray, numbers: FloatArray
    ) -> tuple[sparse.csc_array, FloatArray]:
        """Return matrix and right side for the free numbers.

        Parameters
        ----------
        columns : Columns
            What is free.
        priors : (n_units, 6) float array
            Inverse variances with which each number is expected to be zero.
        numbers : (n_units, 6) float array
            The numbers as they are.
        """
        weight = columns.gather(priors * columns.scales**2 * columns.scales)
        fields = FIELDS @ self.matrix.data @ FIELDS.T
        some = np.flatnonzero(columns.free.any(axis=0))
        blocks = np.ascontiguousarray(fields[:, some[:, None], some])
        n_units, size = len(columns.free), len(some)
        if not size:
            return sparse.csc_array((0, 0)), np.zeros(0)
        parts = blocks, self.matrix.indices, self.matrix.indptr
        whole = sparse.bsr_array(parts, shape=(size * n_units,) * 2).tocsr()
        free = columns.free[:, some].ravel()
        chosen = whole if free.all() else whole[free][:, free]
        matrix = sparse.csc_array(chosen + sparse.diags_array(weight))
        matrix.eliminate_zeros()
        pull = (self.right.reshape(-1, N_NUMBERS) @ FIELDS.T)[columns.free]
        return matrix, np.asarray(pull - weight * columns.gather(numbers))

    def components(self) -> IndexArray:
        """Return for each unit the number of the connected part of the mosaic that it is in."""
        ones = np.ones(len(self.matrix.indices))
        n_units = len(self.matrix.indptr) - 1
        graph = sparse.csr_array((ones, self.matrix.indices, self.matrix.indptr), (n_units,) * 2)
        return np.asarray(connected_components(graph, directed=False)[1])


def reduce_to_units(
    star: IndexArray,
    unit: IndexArray,
    weights: FloatArray,
    *,
    offsets: FloatArray,
    residuals: FloatArray,
    stars: StarPlaces,
    n_units: int,
    length: float,
) -> Equations:
    """Set up the equations of the units.

    Parameters
    ----------
    star, unit, weights
        Of each detection that counts, in the order of the stars.
    offsets : (n, 2) float array
        Places p of its star relative to where the unit's centre is moved, in pixels.
    residuals : (n, 2) float array
        ``z - f`` in pixels.
    stars : StarPlaces
        The places of the stars.
    n_units : int
        Number of units.
    length : float
        See `Columns`.
    """
    q = np.column_stack([np.ones(len(unit)), offsets / length])
    values, shape = weights[:, None] * q, (len(stars.xy), 3 * n_units)
    even = _product(star, unit, values, stars.inverse[:, :2].mean(axis=1), shape)
    full = _both_axes(_own(unit, weights, q, n_units) - even, np.eye(2))
    stretched, crossed = (stars.inverse[:, 0] - stars.inverse[:, 1]) / 2, stars.inverse[:, 2]
    uneven = np.hypot(stretched, crossed) > _ISOTROPIC * stars.inverse[:, 0]
    few = np.flatnonzero(uneven[star]) if uneven.any() else np.zeros(0, dtype=np.intp)
    if len(few):
        some = star[few], unit[few], values[few]
        full = full - _both_axes(_product(*some, stretched, shape), np.diag([1.0, -1.0]))
        full = full - _both_axes(_product(*some, crossed, shape), np.array([[0.0, 1], [1, 0]]))
    pull = np.stack(
        [
            sums(unit, weights * q[:, m] * residuals[:, k], n_units)
            for m in range(3)
            for k in (0, 1)
        ],
        axis=1,
    )
    return Equations(full, -pull.ravel())


def _both_axes(blocks: sparse.bsr_array, of_axes: FloatArray) -> sparse.bsr_array:
    """Return the Kronecker product of 3 x 3 blocks with a matrix (2, 2) over both axes."""
    data = np.einsum("nab,ij->naibj", blocks.data, of_axes).reshape(-1, 6, 6)
    shape = (2 * blocks.shape[0], 2 * blocks.shape[1])
    return sparse.bsr_array((data, blocks.indices, blocks.indptr), shape=shape)


def _product(
    star: IndexArray,
    unit: IndexArray,
    values: FloatArray,
    inverse: FloatArray,
    shape: tuple[int, int],
) -> sparse.bsr_array:
    """Return ``rows' diag(inverse) rows``, a row holding a star's ``w q`` at its units' columns."""
    ends = np.concatenate([[0], np.cumsum(np.bincount(star, minlength=shape[0]))]).astype(np.int32)
    where = unit.astype(np.int32)
    rows = sparse.bsr_array((values[:, None, :], where, ends), shape=shape)
    scaled = sparse.bsr_array(
        ((values * inverse[star, None])[:, None, :], where, ends), shape=shape
    )
    return sparse.bsr_array(rows.T @ scaled)


def _own(unit: IndexArray, weights: FloatArray, q: FloatArray, n_units: int) -> sparse.bsr_array:
    """Return the blocks ``sum w q q'`` of all units, on the diagonal."""
    blocks = np.zeros((n_units, 3, 3))
    for i in range(3):
        for j in range(i, 3):
            product = sums(unit, weights * q[:, i] * q[:, j], n_units)
            blocks[:, i, j] = blocks[:, j, i] = product
    places = np.arange(n_units + 1)
    return sparse.bsr_array((blocks, places[:-1], places), shape=(3 * n_units, 3 * n_units))
