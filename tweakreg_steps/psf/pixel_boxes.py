"""Boxes of pixels around sources, with their noise and the light of neighbours in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.finding.sky_noise import RealPixels
from tweakreg_steps.psf.image_parts import ImageParts, Tiling
from tweakreg_steps.psf.pixel_noise import PixelNoise
from tweakreg_steps.psf.psf_grid import PsfGrid, cut_pieces

Index = IndexArray

PIECE = 24_000
"""Pixels that neighbours' light is worked out for at a time: what stays in the cache."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """Pixels around n sources.

    Attributes
    ----------
    values
        What they hold, 0 where they cannot be used; shape (n, side * side).
    variance
        Their variance if only the sky were there, 1 where they cannot be used.
    usable
        False beyond the radius, off the image, where masked or without a value.
    left, bottom
        First pixel of each box, FITS pixels, shape (n,).
    side
        Pixels on a side of a box.
    """

    values: NDArray[np.floating]
    variance: NDArray[np.floating]
    usable: BoolArray
    left: FloatArray
    bottom: FloatArray
    side: int

    @staticmethod
    def join(parts: Sequence[Boxes]) -> Boxes:
        """Put boxes of one size one after the other."""
        values, variance, usable, left, bottom = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("values", "variance", "usable", "left", "bottom")
        )
        return Boxes(values, variance, usable, left, bottom, parts[0].side)

    def __getitem__(self, chosen: BoolArray | Index | slice) -> Boxes:
        values, variance, usable, left, bottom = (
            getattr(self, name)[chosen]
            for name in ("values", "variance", "usable", "left", "bottom")
        )
        return Boxes(values, variance, usable, left, bottom, self.side)

    def shrink(self) -> Boxes:
        """Return the same in half of the memory, for keeping many."""
        values, variance = (a.astype(np.float32) for a in (self.values, self.variance))
        return replace(self, values=values, variance=variance)

    def light_of(
        self, psf: PsfGrid, x: FloatArray, y: FloatArray, flux: FloatArray, box: Index
    ) -> FloatArray:
        """Sum the light that some stars send into the boxes.

        Parameters
        ----------
        psf
            The PSF of the chip.
        x, y, flux
            The stars, FITS pixels and the unit of the pixels, shape (m,).
        box
            Which box each one's light falls into, shape (m,).

        Returns
        -------
        float array of the shape of ``values``
        """
        light = np.zeros(self.values.shape)
        most = max(1, PIECE // self.side**2)
        for i in range(0, len(box), most):
            some = slice(i, i + most)
            into = box[some]
            pieces = cut_pieces(
                psf, x[some], y[some], self.left[into], self.bottom[into], self.side
            )
            pixels = pieces.light(x[some], y[some]).reshape(len(into), -1)
            np.add.at(light, into, flux[some, None] * pixels)
        return light

    def in_first(self, g: int) -> BoolArray:
        """Tell which pixels can be used and are in no earlier box of the same g boxes."""
        if g == 1:
            return self.usable
        step = np.arange(self.side)
        shape = (len(self.left), self.side, self.side)
        held = self.usable.reshape(-1, g, self.side**2)
        first = held.copy()
        left, bottom = self.left.reshape(-1, g), self.bottom.reshape(-1, g)
        columns = np.broadcast_to(self.left[:, None, None] + step, shape).reshape(held.shape)
        rows = np.broadcast_to(self.bottom[:, None, None] + step[:, None], shape)
        rows = rows.reshape(held.shape)
        for later in range(1, g):
            for earlier in range(later):
                in_x = columns[:, later] - left[:, earlier, None]
                in_y = rows[:, later] - bottom[:, earlier, None]
                inside = (in_x >= 0) & (in_x < self.side) & (in_y >= 0) & (in_y < self.side)
                index = np.where(inside, in_y * self.side + in_x, 0).astype(np.intp)
                first[:, later] &= ~(inside & np.take_along_axis(held[:, earlier], index, axis=1))
        return first


@dataclass(frozen=True, eq=False)
class ChipPixels:
    """The pixels of a chip, which of them are good, and their noise."""

    pixels: RealPixels | ImageParts
    good: BoolArray | ImageParts
    noise: PixelNoise

    def near(self, x: FloatArray, y: FloatArray, radius: FloatArray) -> ChipPixels:
        """Return the same without the pixels that are farther from all places than a radius.

        These are no longer held, and count as not good.

        Parameters
        ----------
        x, y
            FITS pixels, shape (n,).
        radius
            Pixels from each place, shape (n,); some more are held, tile by tile.
        """
        ny, nx = self.pixels.shape
        tiling, errors = Tiling.near((ny, nx), x, y, radius), self.noise.errors
        held = None if errors is None else tiling.cut(errors)
        noise = replace(self.noise, errors=held)
        return ChipPixels(tiling.cut(self.pixels), tiling.cut(self.good), noise)

    def boxes(self, x: FloatArray, y: FloatArray, radius: float) -> Boxes:
        """Cut the pixels within a radius of the pixels that positions are in."""
        within = disc(radius)
        side = within.shape[0]
        half = side // 2
        step = np.arange(-half, half + 1)
        flat = (len(x), side**2)
        column, row = np.rint(x).astype(np.intp) - 1, np.rint(y).astype(np.intp) - 1
        rows, columns = (row[:, None] + step)[:, :, None], (column[:, None] + step)[:, None]
        ny, nx = self.pixels.shape
        inside = ((rows >= 0) & (rows < ny)) & ((columns >= 0) & (columns < nx))
        at = rows.clip(0, ny - 1), columns.clip(0, nx - 1)
        values = self.pixels[at].astype(np.float64)
        variance = self.noise.without_light(values, at)
        usable = within & inside & self.good[at] & np.isfinite(values) & np.isfinite(variance)
        return Boxes(
            np.where(usable, values, 0.0).reshape(flat),
            np.where(usable, variance, 1.0).reshape(flat),
            usable.reshape(flat),
            column + 1.0 - half,
            row + 1.0 - half,
            side,
        )


def disc(radius: float) -> BoolArray:
    """Give the pixels within a radius of the middle one, shape (side, side)."""
    half = int(radius)
    step = np.arange(-half, half + 1)
    return np.asarray(np.hypot(step, step[:, None]) <= radius)
