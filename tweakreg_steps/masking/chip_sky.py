"""Sky positions of a chip's pixels, and back, through the full distortion.

The distortion is evaluated at every 16th pixel, and what is made of the positions there is
interpolated linearly between. With SIP and smooth lookup tables of WFC3/UVIS that is within 0.001
pixel of the evaluation of every pixel, which takes seconds; a table that jumps by 0.1 pixel from
one of its 64-pixel cells to the next adds up to 0.08.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.coordinates import BaseCoordinateFrame
    from astropy.wcs import WCS

NODE_STEP = 16
"""Distance in pixels of the positions at which the distortion is evaluated."""

_INVERSION = 1.0e-3
"""Pixels to which the distortion is inverted."""

Window = tuple[slice, slice]
Floats = NDArray[np.float64]


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
        self._rows, self._columns = (_node_positions(length) for length in shape)

    @cached_property
    def frame(self) -> BaseCoordinateFrame:
        """Celestial frame of the WCS."""
        from astropy.wcs.utils import wcs_to_celestial_frame

        return wcs_to_celestial_frame(self.wcs)

    @cached_property
    def nodes(self) -> Floats:
        """Unit vectors at the nodes, shape (3, node rows, node columns)."""
        x, y = np.meshgrid(self._columns + 1, self._rows + 1)
        return self.vectors_at(x, y)

    @cached_property
    def spacing(self) -> float:
        """Largest distance between neighbouring nodes, radians."""
        steps = [np.linalg.norm(np.diff(self.nodes, axis=axis), axis=0) for axis in (1, 2)]
        return max(float(np.nan_to_num(step).max()) for step in steps)

    def vectors_at(self, x: NDArray[np.generic], y: NDArray[np.generic]) -> Floats:
        """Give the unit vectors of 1-based pixel positions, shape (3, *x.shape)."""
        ra, dec = self.wcs.all_pix2world(x.ravel(), y.ravel(), 1, ra_dec_order=True)
        return unit_vectors(ra, dec).reshape(3, *x.shape)

    def pixels_at(self, vectors: Floats) -> Floats:
        """Give the 1-based pixels (2, n) of vectors (3, n) that point to or beside the chip."""
        options = {"ra_dec_order": True, "quiet": True, "tolerance": _INVERSION}
        return np.array(self.wcs.all_world2pix(*_lon_lat(vectors), 1, **options))

    def rough_pixels_at(self, vectors: Floats) -> Floats:
        """Give the 1-based pixels (2, n) of vectors (3, n) without distortion; nan far away."""
        return np.array(self.wcs.wcs_world2pix(*_lon_lat(vectors), 1, ra_dec_order=True))

    def interpolate(self, values: Floats, window: Window) -> Floats:
        """Interpolate values at the nodes, (node rows, node columns), to a window's pixels."""
        row, row_part = _between(self._rows, window[0])
        column, part = _between(self._columns, window[1])
        lines = values[row] + (values[row + 1] - values[row]) * row_part[:, np.newaxis]
        left = lines[:, column]
        return np.asarray(left + (lines[:, column + 1] - left) * part)

    def window_of_nodes(self, chosen: NDArray[np.bool_]) -> Window:
        """Window that the chosen nodes, with their neighbours, span."""
        limits = []
        for positions, axis in ((self._rows, 1), (self._columns, 0)):
            index = np.nonzero(chosen.any(axis=axis))[0]
            first = positions[max(index[0] - 1, 0)]
            limits.append((first, positions[min(index[-1] + 1, len(positions) - 1)] + 1))
        (y0, y1), (x0, x1) = limits
        return slice(int(y0), min(int(y1), self.shape[0])), slice(
            int(x0), min(int(x1), self.shape[1])
        )


def unit_vectors(lon: NDArray[np.generic], lat: NDArray[np.generic]) -> Floats:
    """Cartesian unit vectors, shape (3, ...), of longitudes and latitudes in degrees."""
    lon, lat = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _lon_lat(vectors: Floats) -> tuple[Floats, Floats]:
    """Longitudes and latitudes in degrees of vectors of shape (3, n)."""
    x, y, z = vectors
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))


def _node_positions(length: int) -> NDArray[np.int64]:
    """0-based node positions along an axis: every 16th pixel and the last one; at least two."""
    return np.unique([*range(0, length, NODE_STEP), max(length - 1, 1)])


def around_chip(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """1-based pixels (x, y), every 16th, of a closed line one pixel outside the chip."""
    ny, nx = shape
    x, y = (np.append(np.arange(0.0, length + 1, NODE_STEP), length + 1.0) for length in (nx, ny))
    zero, right, top = np.zeros_like, np.full(len(y), nx + 1.0), np.full(len(x), ny + 1.0)
    return (
        np.concatenate([x, right, x[::-1], zero(y)]),
        np.concatenate([zero(x), y, top, y[::-1]]),
    )


def _between(nodes: NDArray[np.int64], pixels: slice) -> tuple[NDArray[np.int64], Floats]:
    """Index of the node before each pixel, and the way to the next one (0 to 1)."""
    positions = np.arange(pixels.start, pixels.stop)
    index = np.minimum(np.searchsorted(nodes, positions, side="right") - 1, len(nodes) - 2)
    return index, (positions - nodes[index]) / (nodes[index + 1] - nodes[index])
