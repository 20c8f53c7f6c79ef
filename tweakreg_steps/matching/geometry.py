"""Rotation, scale and skew of a 2 x 2 matrix, as TweakReg reports them but within +-180 deg."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import FloatArray


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


def decompose(matrix: FloatArray) -> Decomposition:
    """Return rotations, scales and skew of a linear transformation.

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


def gradients(matrix: FloatArray) -> dict[str, FloatArray]:
    """Return how the decomposition changes with the elements of ``M = [[a, b], [c, d]]``.

    Parameters
    ----------
    matrix : (2, 2) float array
        Regular matrix.

    Returns
    -------
    dict of (4,) float array
        For each name of `Decomposition` its derivatives by a, b, c, d; angles in degrees. That of
        a mirrored matrix's mean rotation has the sign of the plain one.
    """
    a, b, c, d = matrix.ravel().tolist()
    length_x, length_y = np.hypot(a, c), np.hypot(b, d)
    determinant = a * d - b * c
    scale = np.sqrt(abs(determinant))
    rotation_x = np.degrees(np.array([c, 0.0, -a, 0.0]) / length_x**2)
    rotation_y = np.degrees(np.array([0.0, d, 0.0, -b]) / length_y**2)
    return {
        "rotation": 0.5 * (rotation_x + rotation_y),
        "rotation_x": rotation_x,
        "rotation_y": rotation_y,
        "scale": 0.5 * scale * np.array([d, -c, -b, a]) / determinant,
        "scale_x": np.array([a, 0.0, c, 0.0]) / length_x,
        "scale_y": np.array([0.0, b, 0.0, d]) / length_y,
        "skew": rotation_y - rotation_x,
    }


def wrap_degrees(angle: float) -> float:
    """Bring an angle in degrees into -180 (excluded) ... 180."""
    return 180.0 - (180.0 - angle) % 360.0


def _degrees(sine: float, cosine: float) -> float:
    """Return the angle in degrees, never -0."""
    return float(np.degrees(np.arctan2(sine, cosine))) + 0.0
