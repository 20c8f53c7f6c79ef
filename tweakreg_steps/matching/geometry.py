"""Rotation, scale and skew of a 2 x 2 matrix, as TweakReg reports them but within +-180 deg."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Decomposition:
    """What a linear transformation ``M`` does to the axes.

    Attributes
    ----------
    rotation : float
        Mean rotation in degrees, -180 ... 180; positive where ``M = [[c, s], [-s, c]]``, s > 0.
    rotation_x, rotation_y : float
        Rotation of each axis, in degrees.
    scale : float
        ``sqrt(abs(det M))``.
    scale_x, scale_y : float
        Scale of each axis: the lengths of the columns of ``M``.
    skew : float
        ``rotation_y - rotation_x``, in degrees, -180 ... 180.
    """

    rotation: float
    rotation_x: float
    rotation_y: float
    scale: float
    scale_x: float
    scale_y: float
    skew: float


def decompose(matrix: NDArray[np.float64]) -> Decomposition:
    """Give rotations, scales and skew of a linear transformation.

    With ``M = [[a, b], [c, d]]``, the columns divided by their lengths sx, sy and
    ``p = sign(det M)``::

        rotation   = atan2(b / sy - p c / sx, a / sx + p d / sy)
        rotation_x = atan2(-c, a)
        rotation_y = atan2(b, d)

    Without a mirror (p = 1) the rotation is the mean of those of the two axes.

    Parameters
    ----------
    matrix : (2, 2) float array
        Regular matrix ``M`` of ``image = M @ reference``.

    Returns
    -------
    Decomposition
        Angles in degrees.
    """
    scale_x, scale_y = (float(length) for length in np.hypot(matrix[0], matrix[1]))
    a, b, c, d = (matrix / [scale_x, scale_y]).ravel().tolist()
    determinant = float(np.linalg.det(matrix))
    parity = 1.0 if determinant >= 0 else -1.0
    rotation_x, rotation_y = _degrees(-c, a), _degrees(b, d)
    return Decomposition(
        rotation=_degrees(b - parity * c, a + parity * d),
        rotation_x=rotation_x,
        rotation_y=rotation_y,
        scale=float(np.sqrt(abs(determinant))),
        scale_x=scale_x,
        scale_y=scale_y,
        skew=wrap_degrees(rotation_y - rotation_x),
    )


def wrap_degrees(angle: float) -> float:
    """Bring an angle in degrees into -180 (excluded) ... 180."""
    return 180.0 - (180.0 - angle) % 360.0


def _degrees(sine: float, cosine: float) -> float:
    """Give the angle in degrees, never -0."""
    return float(np.degrees(np.arctan2(sine, cosine))) + 0.0
