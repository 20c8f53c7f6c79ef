"""Sources of one chip, as photutils' finders give them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.finding.sky_noise import RealPixels

PHASE_COLUMNS = ("phase_x", "phase_y")
"""Where a centre is in the pixel around which DAOFIND measured it."""


@dataclass(frozen=True)
class FoundSources:
    """Sources of one chip; all arrays have the shape (n,).

    Attributes
    ----------
    x, y
        Centre in FITS pixels: the centre of the first pixel is 1.0.
    flux
        Above the sky, in the unit of the pixels.
    peak
        Brightest pixel, in the unit of the pixels.
    noise_response
        Standard error of the centre along one axis, in pixels, for independent noise of 1 in each
        pixel.
    sharpness, roundness
        As the finder defines them; nan where it does not.
    """

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    peak: FloatArray
    noise_response: FloatArray
    sharpness: FloatArray
    roundness: FloatArray

    def __len__(self) -> int:
        return int(self.x.size)

    def __getitem__(self, chosen: BoolArray) -> FoundSources:
        return FoundSources(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @classmethod
    def none(cls) -> FoundSources:
        """Return no source."""
        return cls(*(np.empty(0) for _ in fields(cls)))


def fill_holes(pixels: RealPixels, finite: BoolArray) -> NDArray[np.float32]:
    """Return the pixels of single precision, the median of all where they are not finite.

    Parameters
    ----------
    pixels
        Shape (ny, nx), some of them finite.
    finite
        Which are, shape (ny, nx).
    """
    data = pixels.astype(np.float32)
    if not finite.all():
        data[~finite] = np.median(data[finite])
    return data
