"""Telling what no optics has made: light in a pixel, or a line of pixels, and none beside it.

A star's light falls on all sides of its brightest pixel, a cosmic ray's only along its track, a
hot pixel's on none. So of the four lines through the brightest pixel the darkest decides. It works
with any number of pixels in the track, and needs no model of the stars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.finding import tuning
from tweakreg_steps.finding.sky_noise import RealPixels

Index = IndexArray

LINES = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Steps in y and x along the lines through a pixel."""


@dataclass(frozen=True)
class Narrowness:
    """How narrow sources are; arrays of shape (n,).

    Attributes
    ----------
    spread
        Mean of the two pixels beside the brightest one, on the line where it is least, over the
        brightest pixel, all above the local sky; nan where pixels are not finite.
    narrow
        Whether the spread is below that of any star even if the noise has lowered it.
    """

    spread: FloatArray
    narrow: BoolArray


def measure_narrowness(
    pixels: RealPixels, x: FloatArray, y: FloatArray, *, sigma: float
) -> Narrowness:
    """Measure how narrow sources are.

    Parameters
    ----------
    pixels
        Shape (ny, nx).
    x, y
        Centres in FITS pixels (the centre of the first is 1.0), shape (n,).
    sigma
        Noise of a pixel of the sky, in the unit of the pixels.
    """
    pieces = [
        _measure(pixels, x[i : i + tuning.PIECE], y[i : i + tuning.PIECE], sigma)
        for i in range(0, max(1, len(x)), tuning.PIECE)
    ]
    return Narrowness(
        np.concatenate([piece.spread for piece in pieces]),
        np.concatenate([piece.narrow for piece in pieces]),
    )


def _measure(pixels: RealPixels, x: FloatArray, y: FloatArray, sigma: float) -> Narrowness:
    """Measure some sources."""
    row, column = _brightest(pixels, _pixel(y), _pixel(x))
    sky = np.median(_frame(pixels, row, column), axis=1)
    peak = _at(pixels, row, column) - sky
    beside = [
        (_at(pixels, row + dy, column + dx) + _at(pixels, row - dy, column - dx)) / 2.0 - sky
        for dy, dx in LINES
    ]
    least = np.min(beside, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = least / peak
    # the noise of a mean of two pixels
    narrow = least + sigma / np.sqrt(2.0) < tuning.LEAST_SPREAD * peak
    return Narrowness(spread, narrow)


def _pixel(centre: FloatArray) -> Index:
    """Give the array index of the pixel that a FITS position is in."""
    return np.floor(centre - 0.5).astype(np.intp)


def _brightest(pixels: RealPixels, row: Index, column: Index) -> tuple[Index, Index]:
    """Find the brightest pixel near each of some pixels."""
    steps = np.arange(-tuning.REACH, tuning.REACH + 1)
    dy, dx = (step.ravel() for step in np.meshgrid(steps, steps, indexing="ij"))
    values = _at(pixels, row[:, None] + dy, column[:, None] + dx)
    best = np.where(np.isfinite(values), values, -np.inf).argmax(axis=1)
    ny, nx = pixels.shape
    return (row + dy[best]).clip(0, ny - 1), (column + dx[best]).clip(0, nx - 1)


def _frame(pixels: RealPixels, row: Index, column: Index) -> FloatArray:
    """Give the pixels of a square frame around each of some pixels, shape (n, m)."""
    steps = np.arange(-tuning.SKY_REACH, tuning.SKY_REACH + 1)
    dy, dx = (step.ravel() for step in np.meshgrid(steps, steps, indexing="ij"))
    edge = np.maximum(np.abs(dy), np.abs(dx)) == tuning.SKY_REACH
    return _at(pixels, row[:, None] + dy[edge], column[:, None] + dx[edge])


def _at(pixels: RealPixels, row: Index, column: Index) -> FloatArray:
    """Give pixels, those off the image from its edge."""
    ny, nx = pixels.shape
    values: FloatArray = pixels[row.clip(0, ny - 1), column.clip(0, nx - 1)].astype(np.float64)
    return values
