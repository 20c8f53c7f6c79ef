"""Sky positions of a chip's pixels, and back, through the full distortion."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import InputError

if TYPE_CHECKING:
    from astropy.coordinates import BaseCoordinateFrame
    from astropy.wcs import WCS

NODE_STEP = 16
"""Pixels between the points of a traced line: the tables of HST's WCSs have cells of 64."""

_INVERSION = 1.0e-3
"""Pixels to which the distortion is inverted."""

Floats = FloatArray


class ChipSky:
    """Sky positions of a chip's pixels, as unit vectors in the frame of its WCS.

    Parameters
    ----------
    wcs
        The WCS of the chip with all its distortion.
    shape
        (ny, nx) of the chip.
    """

    def __init__(self, wcs: WCS, shape: tuple[int, int]) -> None:
        self.wcs = wcs
        self.shape = shape

    @cached_property
    def frame(self) -> BaseCoordinateFrame:
        """Celestial frame of the WCS.

        Raises
        ------
        InputError
            The WCS has none.
        """
        from astropy.wcs.utils import wcs_to_celestial_frame

        try:
            return wcs_to_celestial_frame(self.wcs)
        except ValueError as error:
            raise InputError(
                "the image has no sky coordinates; give this region in image coordinates"
            ) from error

    @cached_property
    def outline(self) -> Floats:
        """Unit vectors (3, n) of a closed line one pixel outside the chip."""
        return self.vectors_at(*around_chip(self.shape))

    @cached_property
    def pixel(self) -> float:
        """Largest size of a pixel along the edge of the chip, radians."""
        x, y = around_chip(self.shape)
        steps = np.linalg.norm(np.diff(self.outline, axis=1), axis=0)
        lengths = np.hypot(np.diff(x), np.diff(y))
        return float(np.nan_to_num(steps[lengths > 0] / lengths[lengths > 0]).max())

    def vectors_at(self, x: NDArray[np.generic], y: NDArray[np.generic]) -> Floats:
        """Return the unit vectors of 1-based pixel positions, shape (3, *x.shape)."""
        ra, dec = self.wcs.all_pix2world(x.ravel(), y.ravel(), 1, ra_dec_order=True)
        return unit_vectors(ra, dec).reshape(3, *x.shape)

    def pixels_at(self, vectors: Floats) -> Floats:
        """Return the 1-based pixels (2, n) of vectors (3, n) that point to or beside the chip."""
        options = {"ra_dec_order": True, "quiet": True, "tolerance": _INVERSION}
        return np.array(self.wcs.all_world2pix(*_lon_lat(vectors), 1, **options))

    def rough_pixels_at(self, vectors: Floats) -> Floats:
        """Return the 1-based pixels (2, n) of vectors (3, n) without distortion; nan far away."""
        return np.array(self.wcs.wcs_world2pix(*_lon_lat(vectors), 1, ra_dec_order=True))


def unit_vectors(lon: NDArray[np.generic], lat: NDArray[np.generic]) -> Floats:
    """Cartesian unit vectors, shape (3, ...), of longitudes and latitudes in degrees."""
    lon, lat = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _lon_lat(vectors: Floats) -> tuple[Floats, Floats]:
    """Longitudes and latitudes in degrees of vectors of shape (3, n)."""
    x, y, z = vectors
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))


def around_chip(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """1-based pixels (x, y), every 16th, of a closed line one pixel outside the chip."""
    ny, nx = shape
    x, y = (np.append(np.arange(0.0, length + 1, NODE_STEP), length + 1.0) for length in (nx, ny))
    zero, right, top = np.zeros_like, np.full(len(y), nx + 1.0), np.full(len(x), ny + 1.0)
    return (
        np.concatenate([x, right, x[::-1], zero(y)]),
        np.concatenate([zero(x), y, top, y[::-1]]),
    )
