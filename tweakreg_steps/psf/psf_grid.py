"""The effective PSF of a chip: what a pixel receives of a star, as a function of the distance.

Anderson & King (2000, PASP 112, 1360): the optics' PSF, the pixel and the charge's diffusion taken
together, tabulated on a grid finer than the pixels, so that no integration over pixels is left to
be done. It varies over the chip; between the places where it is known it is interpolated linearly
in x and in y, and between the samples of its grid by splines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray

Index = IndexArray

CUBIC: Literal[3] = 3
QUINTIC: Literal[5] = 5
"""Degrees of the splines between the samples of a PSF."""

FINELY_SAMPLED = 5.5
"""Samples a full width at half maximum from which on cubic splines are good enough.

Four samples a pixel are 7.2 of them for WFC3/UVIS and 4.4 for WFC3/IR. Of stars of known optics
without noise, cubic splines put those of UVIS off by 0.00002 px along an axis and those of IR by
0.00044, two thirds of the noise of 1e6 electrons; quintic splines leave a tenth of that."""

_LIGHT_AND_SLOPES = ((0, 0), (0, 1), (1, 0))
"""Orders of the derivatives in y and in x."""

SLACK = 0.4
"""Pixels by which a star may move before its piece of the PSF has to be cut anew."""


@dataclass(frozen=True, eq=False)
class PsfGrid:
    """The effective PSF at the nodes of a grid over one chip.

    Attributes
    ----------
    images
        Part of the flux that falls into a pixel, by the distance of its centre from the star;
        shape (n_y, n_x, size, size), size odd, the star in the middle.
    x_nodes, y_nodes
        Where on the chip, FITS pixels in ascending order, shapes (n_x,) and (n_y,).
    oversampling
        Samples a pixel.
    """

    images: FloatArray
    x_nodes: FloatArray
    y_nodes: FloatArray
    oversampling: int

    @property
    def radius(self) -> float:
        """Pixels from the star to the nearest edge of the images."""
        return float(self.images.shape[-1] - 1) / (2 * self.oversampling)

    @cached_property
    def degree(self) -> Literal[3, 5]:
        """Degree of the spline through the samples."""
        return CUBIC if full_width(self) * self.oversampling >= FINELY_SAMPLED else QUINTIC

    @cached_property
    def coefficients(self) -> FloatArray:
        """Coefficients of the spline through the samples, shape of the images."""
        from scipy.ndimage import spline_filter1d

        order = self.degree
        along_y = spline_filter1d(self.images, order=order, axis=-2, mode="mirror")
        coefficients: FloatArray = spline_filter1d(along_y, order=order, axis=-1, mode="mirror")
        return coefficients

    @cached_property
    def _padded(self) -> dict[int, NDArray[np.float32]]:
        return {}

    def padded(self, margin: int) -> NDArray[np.float32]:
        """Coefficients of all nodes one after the other, with zeros around each."""
        if margin not in self._padded:
            pad = ((0, 0), (0, 0), (margin, margin), (margin, margin))
            wide = np.pad(self.coefficients.astype(np.float32), pad)
            self._padded[margin] = wide.reshape(-1, *wide.shape[-2:])
        return self._padded[margin]

    def node_weights(self, x: FloatArray, y: FloatArray) -> tuple[Index, FloatArray]:
        """Say which nodes hold at some places, and by how much.

        Beyond the outer nodes the PSF stays as it is there.

        Parameters
        ----------
        x, y
            FITS pixels, shape (n,).

        Returns
        -------
        tuple
            Flat indices of four nodes, and their weights, which sum to 1; shape (n, 4).
        """
        left, right, part_x = _between(self.x_nodes, x)
        below, above, part_y = _between(self.y_nodes, y)
        width = len(self.x_nodes)
        nodes = np.stack(
            [
                below * width + left,
                below * width + right,
                above * width + left,
                above * width + right,
            ],
            axis=1,
        )
        weights = np.stack(
            [
                (1 - part_y) * (1 - part_x),
                (1 - part_y) * part_x,
                part_y * (1 - part_x),
                part_y * part_x,
            ],
            axis=1,
        )
        return nodes, weights

    def seen_from(self, offset: tuple[float, float]) -> PsfGrid:
        """Return the PSF of an image that begins some columns and rows into this one."""
        if not any(offset):
            return self
        return replace(self, x_nodes=self.x_nodes - offset[0], y_nodes=self.y_nodes - offset[1])

    def at(self, x: float, y: float) -> FloatArray:
        """Return the image of the PSF at a place of the chip (FITS pixels), shape (size, size)."""
        nodes, weights = self.node_weights(np.array([x]), np.array([y]))
        flat = self.images.reshape(-1, *self.images.shape[-2:])
        return np.asarray(np.tensordot(weights[0], flat[nodes[0]], axes=1))


@dataclass(frozen=True, eq=False)
class PsfPieces:
    """The PSF of some stars around boxes of pixels: spline coefficients, cut out.

    Attributes
    ----------
    coefficients
        Shape (n, m, m).
    row, column
        Index in the whole grid of the first coefficient, shape (n,).
    middle
        Index of the star in the whole grid.
    box_x, box_y
        FITS pixel of the first pixel of each box, shape (n,).
    side
        Pixels on a side of the boxes.
    oversampling
        Samples a pixel.
    degree
        Of the spline.
    """

    coefficients: NDArray[np.float32]
    row: Index
    column: Index
    middle: float
    box_x: FloatArray
    box_y: FloatArray
    side: int
    oversampling: int
    degree: int

    def __getitem__(self, chosen: Index | BoolArray) -> PsfPieces:
        return PsfPieces(
            self.coefficients[chosen],
            self.row[chosen],
            self.column[chosen],
            self.middle,
            self.box_x[chosen],
            self.box_y[chosen],
            self.side,
            self.oversampling,
            self.degree,
        )

    def put(self, chosen: Index, others: PsfPieces) -> PsfPieces:
        """Return the pieces with the chosen ones replaced; the boxes are the same."""
        coefficients, row, column = self.coefficients.copy(), self.row.copy(), self.column.copy()
        coefficients[chosen] = others.coefficients
        row[chosen], column[chosen] = others.row, others.column
        return replace(self, coefficients=coefficients, row=row, column=column)

    def reach(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """Tell whether the pieces are large enough for stars at some positions, shape (n,)."""
        enough = np.ones(len(x), dtype=np.bool_)
        for place, box, start in ((x, self.box_x, self.column), (y, self.box_y, self.row)):
            first = np.floor(self.oversampling * (box - place) + self.middle)
            first -= self.degree // 2 + start
            enough &= (first >= 0) & (first <= self._room)
        return enough

    def evaluate(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Give the pixels of stars of unit flux, and their derivatives by the position.

        With the B-spline ``B`` and the coefficients ``c``, the pixel (i, j) of a star at
        (x, y) is ``sum c[k, l] B(v_j - k) B(u_i - l)`` with ``u_i = oversampling * (i - x)`` from
        the middle of the grid; as the oversampling is a whole number, the B-splines are the same
        for all pixels of a star.

        Parameters
        ----------
        x, y
            Positions, at most `SLACK` from where the pieces were cut for; FITS pixels, shape (n,).

        Returns
        -------
        tuple of arrays
            Pixels, their derivatives by x, by y; each of shape (n, side, side).
        """
        scale = -float(self.oversampling)
        light, by_x, by_y = self._apply(x, y, _LIGHT_AND_SLOPES)
        return light, scale * by_x, scale * by_y

    def light(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Give the pixels alone; as `evaluate`."""
        return self._apply(x, y, _LIGHT_AND_SLOPES[:1])[0]

    def _apply(
        self, x: FloatArray, y: FloatArray, orders: tuple[tuple[int, int], ...]
    ) -> tuple[FloatArray, ...]:
        """Sum coefficients times B-splines (order 0) or derivatives (1) in y and in x.

        One array of shape (n, side, side) for each pair of orders.
        """
        first_column, in_x = self._taps(x, self.box_x, self.column)
        first_row, in_y = self._taps(y, self.box_y, self.row)
        n, _, width = self.coefficients.shape
        start = (np.arange(n) * width + first_row) * width + first_column
        around = self.coefficients.ravel().take(start[:, None] + self._pattern)
        around = around.reshape(n, self.side**2, -1)
        splines = np.stack([in_y[:, :, i, None] * in_x[:, None, :, j] for i, j in orders], axis=1)
        summed = splines.reshape(n, len(orders), -1) @ np.swapaxes(around, 1, 2)
        pixels = summed.astype(np.float64).reshape(n, len(orders), self.side, self.side)
        return tuple(pixels[:, i] for i in range(len(orders)))

    @property
    def _pattern(self) -> Index:
        """Places of the coefficients of all pixels of a box, from the first one, flat."""
        width = self.coefficients.shape[-1]
        pixel, tap = np.arange(self.side) * self.oversampling, np.arange(self.degree + 1)
        row = pixel[:, None, None, None] + tap[:, None]
        column = pixel[:, None, None] + tap
        return np.asarray((row * width + column).ravel())

    def _taps(self, place: FloatArray, box: FloatArray, start: Index) -> tuple[Index, FloatArray]:
        """First coefficient of each box in its piece, and the B-splines, (n, degree + 1, 2)."""
        at = self.oversampling * (box - place) + self.middle
        whole = np.floor(at)
        first = whole.astype(np.intp) - self.degree // 2 - start
        at_room = first.clip(0, self._room)
        return at_room, _b_splines(at - whole, self.degree).astype(np.float32)

    @property
    def _room(self) -> int:
        """Largest index in a piece at which the coefficients of a box may begin."""
        size = int(self.coefficients.shape[-1])
        return size - (self.side - 1) * self.oversampling - (self.degree + 1)


def cut_pieces(
    grid: PsfGrid, x: FloatArray, y: FloatArray, box_x: FloatArray, box_y: FloatArray, side: int
) -> PsfPieces:
    """Cut out of the PSF what boxes of pixels receive of stars.

    Parameters
    ----------
    grid
        The PSF of the chip.
    x, y
        The stars, FITS pixels, shape (n,).
    box_x, box_y
        The first pixel of the box of each, shape (n,).
    side
        Pixels on a side of the boxes.

    Returns
    -------
    PsfPieces
        Of the PSF at the places of the stars; 0 beyond its images.
    """
    oversampling, size = grid.oversampling, grid.images.shape[-1]
    slack = int(np.ceil(SLACK * oversampling))
    width = (side - 1) * oversampling + grid.degree + 1 + 2 * slack
    middle = (size - 1) / 2
    flat = grid.padded(width)
    windows = np.lib.stride_tricks.sliding_window_view(flat, (width, width), axis=(1, 2))
    column, row = (
        np.floor(oversampling * (box - place) + middle).astype(np.intp) - grid.degree // 2 - slack
        for box, place in ((box_x, x), (box_y, y))
    )
    limit = windows.shape[1] - 1
    at_row, at_column = ((start + width).clip(0, limit) for start in (row, column))
    nodes, weights = grid.node_weights(x, y)
    around = windows[nodes, at_row[:, None], at_column[:, None]].reshape(*nodes.shape, width**2)
    pieces = (weights.astype(np.float32)[:, None] @ around).reshape(-1, width, width)
    return PsfPieces(pieces, row, column, middle, box_x, box_y, side, oversampling, grid.degree)


def full_width(psf: PsfGrid) -> float:
    """Measure the full width at half maximum of the PSF's mean over the chip, in pixels.

    It is that of the round area in which the PSF is above half its maximum.
    """
    mean = psf.images.mean(axis=(0, 1))
    area = np.count_nonzero(mean > 0.5 * mean.max()) / psf.oversampling**2
    return float(2.0 * np.sqrt(area / np.pi))


def _between(nodes: FloatArray, place: FloatArray) -> tuple[Index, Index, FloatArray]:
    """Neighbouring nodes of places, and how far along they are from one to the other."""
    at = np.interp(place, nodes, np.arange(len(nodes)))
    left = np.floor(at).astype(np.intp)
    return left, np.minimum(left + 1, len(nodes) - 1), at - left


def _b_splines(t: FloatArray, degree: int) -> FloatArray:
    """B-splines that overlap at a fraction of a sample, and derivatives, (n, degree + 1, 2).

    By the recursion of de Boor for equal steps:
    ``p B_j,p = (t + p - j) B_j-1,p-1 + (1 - t + j) B_j,p-1``.
    """
    zero = np.zeros_like(t)
    lower, splines = [], [np.ones_like(t)]
    for p in range(1, degree + 1):
        lower = [zero, *splines, zero]
        splines = [
            ((t + p - j) * lower[j] + (1.0 - t + j) * lower[j + 1]) / p for j in range(p + 1)
        ]
    slopes = [lower[j] - lower[j + 1] for j in range(degree + 1)]
    return np.stack([np.stack(splines, -1), np.stack(slopes, -1)], axis=-1)
