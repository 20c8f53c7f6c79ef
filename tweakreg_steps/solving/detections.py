"""What a simultaneous solution is made from: detections of stars, and places known beforehand.

Everything lies on the reference plane, in its 1-based pixels: detections through the headers as
they are, reference stars through the plane alone. A *unit* is what moves as one: an exposure, or a
group of exposures that share a correction.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray


def sums(index: IndexArray, values: FloatArray, number: int) -> FloatArray:
    """Return the sums of values that have the same index, shape (number,)."""
    return np.bincount(index, weights=values, minlength=number).astype(np.float64, copy=False)


def inverses(matrices: FloatArray) -> FloatArray:
    """Return the inverses of symmetric matrices, (n, 2, 2)."""
    return np.asarray(np.linalg.inv(matrices), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Detections:
    """Detections of stars, one row each.

    Attributes
    ----------
    unit : (n,) int array
        Which unit saw it, from 0.
    star : (n,) int array
        Which star it is, from 0; of one unit's detections of a star each counts.
    xy : (n, 2) float array
        Where the present header puts it, in pixels; where the star is known to move, its motion
        since the common epoch taken off.
    error : (n,) float array
        Its standard error along one axis, in pixels; nan where it is not known.
    """

    unit: IndexArray
    star: IndexArray
    xy: FloatArray
    error: FloatArray

    def __len__(self) -> int:
        return len(self.unit)

    def choose(self, chosen: BoolArray | IndexArray) -> Self:
        """Return some of the detections, by a mask or by their places."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class ReferenceStars:
    """Stars whose places are known, one row each; none twice.

    Attributes
    ----------
    star : (m,) int array
        Which star of the detections it is.
    xy : (m, 2) float array
        Its place at the common epoch, in pixels.
    covariance : (m, 2, 2) float array
        Of that place, in square pixels; zero where it is not known.
    """

    star: IndexArray
    xy: FloatArray
    covariance: FloatArray

    def __len__(self) -> int:
        return len(self.star)

    @classmethod
    def none(cls) -> Self:
        """Return the reference that holds no star."""
        return cls(np.zeros(0, dtype=np.intp), np.zeros((0, 2)), np.zeros((0, 2, 2)))

    @classmethod
    def isotropic(cls, star: IndexArray, xy: FloatArray, error: FloatArray) -> Self:
        """Make stars of the same error along both axes, (m,) in pixels; nan: not known."""
        variance = np.where(np.isfinite(error), error, 0.0) ** 2
        return cls(star, xy, variance[:, None, None] * np.eye(2))


@dataclass(frozen=True)
class Priors:
    """How far corrections are expected to be from none: standard deviations, None for no limit.

    Attributes
    ----------
    shift : float or None
        Along one axis at the unit's centre, in pixels.
    rotation : float or None
        In radians.
    scale : float or None
        Of the scale and, with a general matrix, of both shears.
    """

    shift: float | None
    rotation: float | None
    scale: float | None

    def weights(self) -> FloatArray:
        """Return the inverse variances of the six numbers of a unit (`unit_parameters`)."""
        shift, rotation, scale = (
            0.0 if sigma is None else sigma**-2 for sigma in (self.shift, self.rotation, self.scale)
        )
        return np.array([shift, shift, rotation, scale, scale, scale])
