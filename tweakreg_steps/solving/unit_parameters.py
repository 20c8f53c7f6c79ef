"""The six numbers of a unit's correction, and which of them each geometry leaves free.

A unit puts a detection v where ``f = c + M (v - c) + t``, c its centre. A small change moves the
star, at ``p = f - c - t``, by a field of which six are independent::

    1 shift x   (1, 0)       3 rotation  (-py, px)     5 stretch  (px, -py)
    2 shift y   (0, 1)       4 scale     (px, py)      6 shear    (py, px)

All are linear in ``q = (1, px, py)``: with ``q (x) I2 = (1, 0; 0, 1; px, 0; 0, px; py, 0; 0, py)``
for the monomials along x and y each field is a row of `FIELDS`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.matching.linear_models import GEOMETRIES, Geometry
from tweakreg_steps.solving.detections import (
    sums,
)

N_NUMBERS = 6

SHIFT_X, SHIFT_Y, ROTATION, SCALE, STRETCH, SHEAR = range(N_NUMBERS)

FIELDS = np.array(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0, -1.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 0.0, 1.0],
        [0.0, 0.0, 1.0, 0.0, 0.0, -1.0],
        [0.0, 0.0, 0.0, 1.0, 1.0, 0.0],
    ]
)
"""The fields over (1x, 1y, px x, px y, py x, py y)."""

N_FREE: dict[Geometry, int] = {"shift": 2, "rshift": 3, "rscale": 4, "general": 6}
"""How many of the six, from the first, a geometry leaves free."""


def free_numbers(geometries: Sequence[Geometry]) -> BoolArray:
    """Return which numbers of each unit are free, shape (n_units, 6)."""
    counts = np.array([N_FREE[geometry] for geometry in geometries], dtype=int)
    return np.asarray(np.arange(N_NUMBERS) < counts[:, None])


def geometry_of(free: BoolArray) -> Geometry:
    """Return the simplest geometry that leaves these numbers free, shape (6,)."""
    highest = int(np.flatnonzero(free).max(initial=SHIFT_Y)) + 1
    return next(geometry for geometry in GEOMETRIES if N_FREE[geometry] >= highest)


def fields_at(places: FloatArray) -> FloatArray:
    """Return the six fields at places p, (n, 2): shape (n, 2, 6)."""
    x, y = places.T
    none, one = np.zeros(len(places)), np.ones(len(places))
    rows = np.array([[one, none, -y, x, x, y], [none, one, x, y, -y, x]])
    return np.asarray(rows.transpose(2, 0, 1))


def numbers_of(matrices: FloatArray, shifts: FloatArray) -> FloatArray:
    """Return the six numbers of corrections, linear in M - 1: shape (n, 6), from (n, 2, 2), (n, 2).

    ``M = 1 + r [[0, -1], [1, 0]] + k 1 + g [[1, 0], [0, -1]] + h [[0, 1], [1, 0]]``.
    """
    a, b, c, d = (matrices[:, i, j] for i in (0, 1) for j in (0, 1))
    linear = [(c - b) / 2, (a + d) / 2 - 1.0, (a - d) / 2, (b + c) / 2]
    return np.column_stack([shifts, *linear])


def change(matrices: FloatArray, shifts: FloatArray, numbers: FloatArray) -> tuple[FloatArray, ...]:
    """Return matrices (n, 2, 2) and shifts (n, 2) changed by six numbers each, (n, 6).

    ``M' = e^k R(r) M + (g, h) M``: rotations stay rotations, whatever the size of the step.
    """
    shift, rotation, scale = numbers[:, :2], numbers[:, ROTATION], numbers[:, SCALE]
    stretch, shear = numbers[:, STRETCH], numbers[:, SHEAR]
    cosine, sine = np.exp(scale) * np.cos(rotation), np.exp(scale) * np.sin(rotation)
    step = np.array([[cosine + stretch, shear - sine], [shear + sine, cosine - stretch]])
    return np.einsum("ijn,njk->nik", step, matrices), shifts + shift


def centers_of(unit: IndexArray, xy: FloatArray, n_units: int) -> FloatArray:
    """Return the middle of each unit's detections, shape (n_units, 2); zero where it has none."""
    counts = np.maximum(np.bincount(unit, minlength=n_units), 1)
    total = np.column_stack([sums(unit, xy[:, axis], n_units) for axis in (0, 1)])
    return np.asarray(total / counts[:, None])
