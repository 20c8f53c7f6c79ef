"""Matched positions as the fit needs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import FloatArray


@dataclass(frozen=True)
class MatchedPairs:
    """Pairs of an image's sources with those of the reference.

    Attributes
    ----------
    image, reference : (n, 2) float arrays
        Positions in 1-based pixels of the reference plane: the image's through its present WCS,
        and the reference's.
    flux : (n,) float array
        Flux of the image's source, in any unit; nan where it is not known.
    error, reference_error : (n,) float arrays
        Standard error of each position along one axis, in pixels of the plane; nan where it is
        not known.
    """

    image: FloatArray
    reference: FloatArray
    flux: FloatArray
    error: FloatArray
    reference_error: FloatArray

    def __len__(self) -> int:
        return len(self.image)

    @classmethod
    def of_positions(cls, image: FloatArray, reference: FloatArray) -> MatchedPairs:
        """Make pairs of which nothing but the positions is known."""
        unknown = np.full(len(image), np.nan)
        return cls(
            np.asarray(image, dtype=np.float64),
            np.asarray(reference, dtype=np.float64),
            unknown,
            unknown,
            unknown,
        )
