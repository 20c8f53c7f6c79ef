"""A shift, a rotation, a scale and perhaps a mirror between two lists of positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from tweakreg_steps.arrays import FloatArray


@dataclass(frozen=True)
class Similarity:
    """The transformation ``image = matrix @ reference + shift``.

    Attributes
    ----------
    matrix : (2, 2) float array
        Scale times a rotation, or times a rotation and a mirror.
    shift : (2,) float array
        In the unit of the positions.
    """

    matrix: FloatArray
    shift: FloatArray

    @classmethod
    def fit(cls, image: FloatArray, reference: FloatArray, *, mirrored: bool) -> Self:
        """Fit pairs by least squares.

        For ``M = [[p, q], [-q, p]]`` (or ``[[p, q], [q, -p]]``, mirrored) and positions u of the
        image and v of the reference relative to their means, the lower signs for a mirror::

            p = sum(ux vx +- uy vy) / sum(v^2)      q = sum(ux vy -+ uy vx) / sum(v^2)

        Parameters
        ----------
        image, reference : (n, 2) float arrays
            Positions of at least two pairs.
        mirrored : bool
            Whether the lists are each other's mirror images.
        """
        image_mean, reference_mean = image.mean(axis=0), reference.mean(axis=0)
        (ux, uy), (vx, vy) = (image - image_mean).T, (reference - reference_mean).T
        sign, extent = -1.0 if mirrored else 1.0, vx @ vx + vy @ vy
        p, q = (ux @ vx + sign * uy @ vy) / extent, (ux @ vy - sign * uy @ vx) / extent
        matrix = np.array([[p, q], [-sign * q, sign * p]])
        return cls(matrix, image_mean - matrix @ reference_mean)

    @property
    def scale(self) -> float:
        """Return the size of the image's list over that of the reference."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))

    @property
    def mirrored(self) -> bool:
        """Return whether one list is the mirror image of the other."""
        return bool(np.linalg.det(self.matrix) < 0)

    def to_reference(self, image: FloatArray) -> FloatArray:
        """Carry positions of the image to those of the reference.

        Parameters
        ----------
        image : (n, 2) float array
            Positions.

        Returns
        -------
        (n, 2) float array
            ``matrix^-1 @ (image - shift)``.
        """
        moved: FloatArray = (image - self.shift) @ np.linalg.inv(self.matrix).T
        return moved

    def shifted(self, offset: FloatArray) -> Similarity:
        """Return the transformation after which positions in the reference's frame lie apart.

        Parameters
        ----------
        offset : (2,) float array
            What is left between the image's positions carried to the reference and the
            reference, image minus reference.
        """
        return Similarity(self.matrix, self.shift + self.matrix @ offset)
