"""How well a solution knows its units: each, and any two beside each other.

The covariance of the units' free numbers is the inverse of their equations, and with terms of chips
``C = S^-1 + X K^+ X'``, ``X = S^-1 side``. Numbers are those of `unit_parameters`, about the place
to which a unit's centre is moved.

What all units of a connected part have in common (its shift; its rotation, if all may turn) is
known only through the reference, and without one not at all. *Relative* covariances leave it out:
they are those of a solution in which these numbers add up to zero over the part (an
S-transformation, Baarda 1973, Publ. Geodesy 5, 1)::

    C_rel = (1 - E G^-1 B) C (1 - E G^-1 B)',   G = B E

B adds up the numbers of all units, E is what a common motion about the part's middle does to each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.solving.chip_terms import Border
from tweakreg_steps.solving.detections import (
    sums,
)
from tweakreg_steps.solving.normal_equations import Columns
from tweakreg_steps.solving.sparse_solver import Factors, InverseParts, invert_parts
from tweakreg_steps.solving.unit_parameters import N_NUMBERS, fields_at


@dataclass(frozen=True, eq=False)
class WholeParts:
    """How parts were moved as a whole.

    Attributes
    ----------
    measured : (n_units, 6, 6) float array
        What each number of a unit (rows) adds to each number of its part's motion (columns), as
        the stars in the reference measured it.
    covariance : (n_parts, 6, 6) float array
        Of the motions, about the middles of the parts, from what else these stars scatter by.
    """

    measured: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, eq=False)
class Covariances:
    """Covariances of the numbers of units.

    Attributes
    ----------
    columns : Columns
        What was free, and where in the equations.
    matrix : sparse array
        The equations of the units.
    factors : Factors or None
        The same factored; None where nothing is free.
    border : Border
        The equations of the chips' terms.
    places : (n_units, 2) float array
        Where the units' centres are moved to, in pixels.
    component : (n_units,) int array
        The connected part of each unit.
    common : (n_units, 6) bool array
        Numbers that all units of its part have in common.
    whole : WholeParts or None
        How each part was moved as a whole, where that was found on its own; None where it follows
        from the equations.
    """

    columns: Columns
    matrix: sparse.csc_array
    factors: Factors | None
    border: Border
    places: FloatArray
    component: IndexArray
    common: BoolArray
    whole: WholeParts | None = None

    @cached_property
    def _across(self) -> tuple[FloatArray, FloatArray]:
        """Return X and K^+ of the border."""
        across = self.border.across(self.factors)
        return across, self.border.inverse(across)[0]

    def chip_errors(self) -> FloatArray:
        """Return the standard errors of the terms of chips, (n_terms,); 0 for what is not told."""
        return np.sqrt(np.maximum(np.diagonal(self._across[1]), 0.0))

    @cached_property
    def _parts(self) -> InverseParts:
        """Return the blocks of the inverse that the equations' pattern covers."""
        if self.factors is None:
            return InverseParts([], {})
        return invert_parts(self.matrix, self.factors)

    @cached_property
    def blocks(self) -> dict[tuple[int, int], FloatArray]:
        """Return the covariances (6, 6) of units, and of units that share stars, lower first."""
        parts, unit = self._parts, self.columns.unit
        found = {}
        for (i, j), block in parts.blocks.items():
            rows, others = parts.columns[i], parts.columns[j]
            one, two = int(unit[rows[0]]), int(unit[others[0]])
            full = self._full(one, two, block + self._of_border(rows, others))
            found[min(one, two), max(one, two)] = full if one <= two else full.T
        return found

    def _of_border(self, rows: IndexArray, others: IndexArray) -> FloatArray | float:
        """Return what the terms of the chips add to a block."""
        if not self.border.n_terms:
            return 0.0
        across, inverse = self._across
        return np.asarray(across[rows] @ inverse @ across[others].T)

    def _full(self, one: int, two: int, block: FloatArray) -> FloatArray:
        """Return a block over all six numbers of two units, from that over their free ones."""
        scales, free = self.columns.scales, self.columns.free
        full = np.zeros((N_NUMBERS, N_NUMBERS))
        full[np.ix_(free[one], free[two])] = block
        return full * np.outer(scales, scales)

    @cached_property
    def of_units(self) -> FloatArray:
        """Return the covariance of each unit, (n_units, 6, 6); zero for what is held."""
        if self.whole is None:
            return self._held
        everything = np.ones_like(self.common)
        motion = common_motion(self.places, self.component, everything)
        own = self.whole.covariance[self.component]
        moved = motion @ own @ motion.transpose(0, 2, 1)
        return np.asarray(self._without(self.whole.measured) + moved)

    @cached_property
    def _held(self) -> FloatArray:
        """Return the covariance of each unit as the equations tell it, (n_units, 6, 6)."""
        found = np.zeros((len(self.places), N_NUMBERS, N_NUMBERS))
        for (i, j), block in self.blocks.items():
            if i == j:
                found[i] = block
        return found

    def between(self, one: int, two: int) -> FloatArray:
        """Return the covariance (6, 6) of the numbers of two units, whichever they are."""
        low, high = min(one, two), max(one, two)
        if (low, high) not in self.blocks:
            self.blocks[low, high] = self._solve_between(low, high)
        block = self.blocks[low, high]
        return block if one <= two else block.T

    def _solve_between(self, one: int, two: int) -> FloatArray:
        """Return the covariance of two units that share no star."""
        unit = self.columns.unit
        rows, others = np.flatnonzero(unit == one), np.flatnonzero(unit == two)
        if self.factors is None or not (len(rows) and len(others)):
            return np.zeros((N_NUMBERS, N_NUMBERS))
        right = np.zeros((len(unit), len(others)))
        right[others, np.arange(len(others))] = 1.0
        block = self.factors.solve(right)[rows]
        return self._full(one, two, block + self._of_border(rows, others))

    def of_difference(self, one: int, two: int, place: FloatArray) -> FloatArray:
        """Return the covariance (2, 2) of where two units put what lies at one place, pixels²."""
        at = [fields_at(place[None] - self.places[unit])[0] for unit in (one, two)]
        own = sum(f @ self.between(u, u) @ f.T for f, u in zip(at, (one, two), strict=True))
        both = at[0] @ self.between(one, two) @ at[1].T
        return np.asarray(own - both - both.T)

    def at(self, unit: int, places: FloatArray, *, relative: bool = False) -> FloatArray:
        """Return the covariances (n, 2, 2) of where a unit puts what lies at places, pixels²."""
        fields = fields_at(places - self.places[unit])
        own = (self.relative if relative else self.of_units)[unit]
        return np.asarray(fields @ own @ fields.transpose(0, 2, 1))

    @cached_property
    def relative(self) -> FloatArray:
        """Return the covariances of units without what their part has in common, (n, 6, 6)."""
        return self._without(np.eye(N_NUMBERS) * self.common[:, :, None])

    def _without(self, measured: FloatArray) -> FloatArray:
        """Return the covariances of units, (n, 6, 6), once a motion of their part is taken off.

        Parameters
        ----------
        measured : (n_units, 6, 6) float array
            B': what each number of a unit (rows) adds to each number of the motion as it is
            measured (columns).
        """
        n_parts = int(self.component.max(initial=-1)) + 1
        motion = common_motion(self.places, self.component, self.common)
        covariance = self._with(measured)
        back = measured.transpose(0, 2, 1)
        across, gain = (np.zeros((n_parts, N_NUMBERS, N_NUMBERS)) for _ in range(2))
        np.add.at(across, self.component, back @ covariance)
        np.add.at(gain, self.component, back @ motion)
        e = motion @ np.array([_inverse_where_told(part) for part in gain])[self.component]
        first = e @ covariance.transpose(0, 2, 1)
        middle = e @ across[self.component] @ e.transpose(0, 2, 1)
        return np.asarray(self._held - first - first.transpose(0, 2, 1) + middle)

    def _with(self, measured: FloatArray) -> FloatArray:
        """Return for each unit its covariance with the motion of its part, (n_units, 6, 6)."""
        columns = self.columns
        scaled = measured * columns.scales[:, None]
        right = scaled[columns.free]
        found = self.factors.solve(right) if self.factors else right
        if self.border.n_terms:
            across, inverse = self._across
            found = found + across @ (inverse @ (across.T @ right))
        return np.stack([columns.spread(found[:, k]) for k in range(N_NUMBERS)], axis=2)


def _inverse_where_told(matrix: FloatArray) -> FloatArray:
    """Return the inverse over the numbers that are measured at all, zero elsewhere."""
    told = matrix.diagonal() != 0.0
    inverse = np.zeros_like(matrix)
    inverse[np.ix_(told, told)] = np.linalg.inv(matrix[np.ix_(told, told)])
    return inverse


def common_motion(places: FloatArray, component: IndexArray, common: BoolArray) -> FloatArray:
    """Return what a motion of a part about its middle does to the numbers of each unit.

    Parameters
    ----------
    places : (n_units, 2) float array
        Where the units are.
    component : (n_units,) int array
        The part of each.
    common : (n_units, 6) bool array
        Numbers of the motion.

    Returns
    -------
    (n_units, 6, 6) float array
        E: rows are the unit's numbers, columns the motion's.
    """
    counts = np.maximum(np.bincount(component), 1)
    total = [sums(component, places[:, axis], len(counts)) for axis in (0, 1)]
    middle = np.column_stack(total) / counts[:, None]
    motion = np.tile(np.eye(N_NUMBERS), (len(places), 1, 1))
    motion[:, :2] = fields_at(places - middle[component])
    return np.asarray(motion * common[:, None, :])
