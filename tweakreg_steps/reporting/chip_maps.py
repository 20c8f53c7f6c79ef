"""Where positions on the reference plane fall on a chip, and where north is on the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from tweakreg_steps.arrays import FloatArray, IndexArray
from tweakreg_steps.astrometry.footprint import ChipFootprint

if TYPE_CHECKING:
    from astropy.wcs import WCS


_MARGIN = 0.1
"""How far beyond its edge, in its sizes, a chip is still of interest."""
_EDGE = 0.5
"""Pixels from the middle of the first pixel to the edge of the chip."""
_STEP = 1.0 / 3600.0
"""Degrees, to see where north is."""
_FARTHEST = 80.0
"""Degrees from the centre of the plane beyond which it shows nothing."""


@dataclass(frozen=True, eq=False)
class ChipMap:
    """A cubic polynomial from the plane to the pixels of a chip.

    Good for drawing: over the chip it keeps to a small part of a pixel.

    Attributes
    ----------
    middle, half : (2,) float array
        Centre and half-size of the chip on the plane, pixels.
    coefficients : (10, 2) float array
        Of x and y, 1-based pixels of the chip.
    size : tuple of int
        nx, ny of the chip.
    """

    middle: FloatArray
    half: FloatArray
    coefficients: FloatArray
    size: tuple[int, int]

    @classmethod
    def of_grid(cls, plane: WCS, chip: ChipFootprint) -> ChipMap | None:
        """Fit the grid of a chip's footprint; None where the plane does not show it."""
        from tweakreg_steps.astrometry.undistortion import separation, sky_to_plane

        grid = chip["grid"]
        if grid is None:
            return None
        ra, dec = np.array(grid["ra"]), np.array(grid["dec"])
        far = separation(ra, dec, *plane.wcs.crval)
        if float(np.max(far)) / 3.6e6 > _FARTHEST:
            return None
        uv = np.column_stack(sky_to_plane(plane, ra, dec, where=chip["label"]))
        low, high = uv.min(axis=0), uv.max(axis=0)
        middle, half = (low + high) / 2, (high - low) / 2
        xy = np.column_stack([grid["x"], grid["y"]])
        found = np.linalg.lstsq(_terms((uv - middle) / half), xy, rcond=None)[0]
        return cls(middle, half, found, (chip["nx"], chip["ny"]))

    def to_chip(self, uv: FloatArray) -> tuple[IndexArray, FloatArray]:
        """Return which positions on the plane are on the chip, and their pixels.

        Parameters
        ----------
        uv : (n, 2) float array
            1-based pixels of the plane.

        Returns
        -------
        which : (m,) int array
            Those on the chip.
        xy : (m, 2) float array
            Their 1-based pixels.
        """
        scaled = (uv - self.middle) / self.half
        near = np.flatnonzero((np.abs(scaled) <= 1 + _MARGIN).all(axis=1))
        xy = _terms(scaled[near]) @ self.coefficients
        inside = ((xy >= _EDGE) & (xy <= np.array(self.size) + _EDGE)).all(axis=1)
        return near[inside], xy[inside]

    def place(self, uv: FloatArray) -> FloatArray:
        """Return the pixels of positions on the plane that are on the chip or near it."""
        return _terms((uv - self.middle) / self.half) @ self.coefficients

    def turn(self, residuals: FloatArray) -> FloatArray:
        """Turn small vectors of the plane, shape (n, 2), into the pixels of the chip."""
        linear = self.coefficients[1:3] / self.half[:, None]
        return residuals @ linear


def _terms(scaled: FloatArray) -> FloatArray:
    """Return the terms of a cubic polynomial, the linear ones second and third."""
    u, v = scaled.T
    one = np.ones_like(u)
    return np.column_stack([one, u, v, u * u, u * v, v * v, u**3, u * u * v, u * v * v, v**3])


class Compass(TypedDict):
    """Unit vectors along x and y of the plane."""

    north: list[float]
    east: list[float]


def compass(plane: WCS) -> Compass:
    """Return unit vectors along x and y of the plane that point to the north and to the east."""
    from tweakreg_steps.astrometry.undistortion import plane_to_sky, sky_to_plane

    x, y = (np.array([value]) for value in plane.wcs.crpix)
    ra, dec = plane_to_sky(plane, x, y)
    to_the_east = _STEP / max(float(np.cos(np.radians(dec[0]))), 1e-6)

    def towards(other_ra: FloatArray, other_dec: FloatArray, where: str) -> list[float]:
        at = sky_to_plane(plane, other_ra, other_dec, where=where)
        vector = np.array([at[0][0] - x[0], at[1][0] - y[0]])
        found: list[float] = np.round(vector / np.hypot(*vector), 4).tolist()
        return found

    return {
        "north": towards(ra, dec + _STEP, "north"),
        "east": towards(ra + to_the_east, dec, "east"),
    }
