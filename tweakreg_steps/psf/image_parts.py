"""Images of which only the pixels near some places are held, in square tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray, IndexArray

SIDE = 8
"""Pixels on a side of a tile: larger ones hold more than is needed, smaller ones take longer."""

Pixels = tuple[IndexArray, IndexArray]


@dataclass(frozen=True, eq=False)
class ImageParts:
    """Tiles of an image, which `Tiling.cut` makes; elsewhere all pixels are 0, or False.

    Attributes
    ----------
    shape
        (ny, nx) of the whole image.
    number
        Which tile lies where, 0 for one that is not held; shape (ny / 8, nx / 8), rounded up.
    tiles
        What they hold, shape (number of tiles + 1, 8, 8); the first one stands for the others.
    """

    shape: tuple[int, int]
    number: NDArray[np.unsignedinteger]
    tiles: NDArray[Any]

    @property
    def dtype(self) -> np.dtype[Any]:
        """What a pixel is held in."""
        return self.tiles.dtype

    def __getitem__(self, at: Pixels) -> NDArray[Any]:
        """Return some pixels.

        Parameters
        ----------
        at
            0-based rows and columns on the image, arrays that broadcast to the same shape.
        """
        row, column = at
        found: NDArray[Any] = self.tiles[
            self.number[row // SIDE, column // SIDE], row % SIDE, column % SIDE
        ]
        return found


@dataclass(frozen=True, eq=False)
class Tiling:
    """Which tiles of images of one size are held.

    Attributes
    ----------
    shape
        (ny, nx) of the images.
    number
        As `ImageParts` has it; all images that are cut share it.
    """

    shape: tuple[int, int]
    number: NDArray[np.unsignedinteger]

    @staticmethod
    def near(shape: tuple[int, int], x: FloatArray, y: FloatArray, radius: FloatArray) -> Tiling:
        """Choose the tiles that have pixels near some places.

        Parameters
        ----------
        shape
            (ny, nx) of the images.
        x, y
            FITS pixels, shape (n,).
        radius
            Pixels along each axis, shape (n,).
        """
        ny, nx = (-(-size // SIDE) for size in shape)
        chosen = np.zeros((ny, nx), dtype=np.bool_)
        (top, bottom), (right, left) = (
            [(np.rint(place) - 1.0 + way).astype(np.intp) // SIDE for way in (radius, -radius)]
            for place in (y, x)
        )
        for up in range(int((top - bottom).max(initial=-1)) + 1):
            for along in range(int((right - left).max(initial=-1)) + 1):
                row, column = bottom + up, left + along
                near = (row <= top) & (column <= right)
                near &= (row >= 0) & (row < ny) & (column >= 0) & (column < nx)
                chosen[row[near], column[near]] = True
        count = np.count_nonzero(chosen)
        number = np.zeros((ny, nx), dtype=np.min_scalar_type(count))
        number[chosen] = 1 + np.arange(count)
        return Tiling(shape, number)

    def cut(self, image: NDArray[Any] | ImageParts) -> ImageParts:
        """Take the tiles of an image."""
        row, column = np.nonzero(self.number)
        step, (ny, nx) = np.arange(SIDE), self.shape
        tiles = np.zeros((1 + len(row), SIDE, SIDE), dtype=image.dtype)
        tiles[1:] = image[
            np.minimum(row[:, None] * SIDE + step, ny - 1)[:, :, None],
            np.minimum(column[:, None] * SIDE + step, nx - 1)[:, None, :],
        ]
        return ImageParts(self.shape, self.number, tiles)
