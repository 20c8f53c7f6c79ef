"""Painting star fields with known positions into pixel arrays.

The demo and the tests need exposures of which the truth is known.  Everything here is a pure
function of its arguments and of the random generator that is handed in; files are made elsewhere
(:mod:`tweakreg_steps.demo.demo_exposures`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Psf:
    """A star's light: a round Gaussian core with a round Gaussian wing, both pixel-integrated.

    Attributes
    ----------
    core_sigma, wing_sigma
        Gaussian sigma in pixels, before the light is summed over pixels.
    wing_fraction
        Part of the flux in the wing, 0 to 1.
    radius
        Pixels on each side of the star's pixel that receive light.
    """

    core_sigma: float
    wing_sigma: float
    wing_fraction: float
    radius: int


UVIS_PSF = Psf(core_sigma=0.75, wing_sigma=1.9, wing_fraction=0.15, radius=9)
"""Undersampled like WFC3/UVIS: the full width at half maximum is 1.9 px over the pixels."""


@dataclass(frozen=True)
class Hits:
    """Counts that fall into single pixels: cosmic rays or hot pixels.

    Attributes
    ----------
    row, column
        0-based array indices, shape (n,); a pixel may occur more than once.
    counts
        Counts added to the pixel, shape (n,).
    """

    row: IntArray
    column: IntArray
    counts: FloatArray


def paint_stars(
    shape: tuple[int, int], *, x: FloatArray, y: FloatArray, flux: FloatArray, psf: Psf
) -> FloatArray:
    """Return the expected counts of stars on an empty sky.

    Parameters
    ----------
    shape
        (ny, nx) of the image.
    x, y
        FITS pixel positions (centre of the first pixel = 1.0), shape (n,); stars off the image
        add what light of theirs falls on it.
    flux
        Total counts of each star, shape (n,).
    psf
        The light's distribution.

    Returns
    -------
    numpy.ndarray
        Shape (ny, nx): the flux integrated over each pixel, no noise.
    """
    ny, nx = shape
    column, row = np.rint(x).astype(np.int64) - 1, np.rint(y).astype(np.int64) - 1
    box = np.arange(-psf.radius, psf.radius + 1)
    columns, rows = column[:, None] + box, row[:, None] + box
    light = np.zeros((len(x), box.size, box.size))
    for sigma, part in (
        (psf.core_sigma, 1.0 - psf.wing_fraction),
        (psf.wing_sigma, psf.wing_fraction),
    ):
        across = _pixel_fractions(columns - (x[:, None] - 1.0), sigma)
        along = _pixel_fractions(rows - (y[:, None] - 1.0), sigma)
        light += (part * flux)[:, None, None] * along[:, :, None] * across[:, None, :]
    inside = ((rows >= 0) & (rows < ny))[:, :, None] & ((columns >= 0) & (columns < nx))[:, None, :]
    pixel = rows[:, :, None] * nx + columns[:, None, :]
    counts = np.bincount(pixel[inside], weights=light[inside], minlength=ny * nx)
    return np.asarray(counts, dtype=np.float64).reshape(shape)


def cosmic_rays(
    shape: tuple[int, int],
    *,
    number: int,
    rng: np.random.Generator,
    mean_length: float,
    counts_per_pixel: float,
) -> Hits:
    """Draw cosmic rays: straight tracks, from dots to long streaks, of varied energy.

    The track lengths are exponentially distributed, the counts per pixel of track log-normally
    (a natural-logarithm sigma of 0.7), the directions and places uniformly.

    Parameters
    ----------
    shape
        (ny, nx) of the image.
    number
        Tracks that start on the image.
    rng
        The source of chance.
    mean_length
        Mean length of a track in pixels.
    counts_per_pixel
        Median counts left in a pixel's length of track.

    Returns
    -------
    Hits
        What fell on the image; tracks are cut at its edges.
    """
    samples = 40
    ny, nx = shape
    length = np.minimum(rng.exponential(mean_length, number), samples / 2)
    angle = rng.uniform(0.0, math.pi, number)
    counts = (1.0 + length) * rng.lognormal(math.log(counts_per_pixel), 0.7, number)
    way = length[:, None] * np.linspace(0.0, 1.0, samples)
    column = np.floor(rng.uniform(0, nx, number)[:, None] + way * np.cos(angle)[:, None])
    row = np.floor(rng.uniform(0, ny, number)[:, None] + way * np.sin(angle)[:, None])
    inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    share = np.broadcast_to((counts / samples)[:, None], inside.shape)
    return Hits(row[inside].astype(np.int64), column[inside].astype(np.int64), share[inside])


def hot_pixels(
    shape: tuple[int, int], *, number: int, rng: np.random.Generator, faintest: float
) -> Hits:
    """Draw hot pixels: single pixels with a steep distribution of counts.

    Parameters
    ----------
    shape
        (ny, nx) of the image.
    number
        How many; each in a pixel of its own.
    rng
        The source of chance.
    faintest
        Counts of the faintest; the number brighter than ``c`` falls as 1/c, up to 60,000.

    Returns
    -------
    Hits
        One entry per hot pixel.
    """
    pixel = rng.choice(shape[0] * shape[1], size=number, replace=False)
    counts = np.minimum(faintest / (1.0 - rng.random(number)), 6.0e4)
    row, column = np.divmod(pixel, shape[1])
    return Hits(row, column, counts)


def expose(
    expected: FloatArray,
    *,
    hits: tuple[Hits, ...],
    rng: np.random.Generator,
    sky: float,
    read_noise: float,
) -> NDArray[np.float32]:
    """Make one noisy exposure of an expected image.

    Parameters
    ----------
    expected
        Expected counts above the sky, shape (ny, nx).
    hits
        Cosmic rays and hot pixels to add; they carry no noise of their own.
    rng
        The source of chance.
    sky
        Expected sky counts of every pixel.
    read_noise
        Standard deviation of the Gaussian noise of reading, in counts.

    Returns
    -------
    numpy.ndarray
        Shape (ny, nx), sky included: Poisson noise of stars and sky, and read noise.
    """
    image = rng.poisson(expected + sky).astype(np.float32)
    image += np.float32(read_noise) * rng.standard_normal(image.shape, dtype=np.float32)
    for some in hits:
        np.add.at(image, (some.row, some.column), some.counts.astype(np.float32))
    return image


def steep_fluxes(
    number: int, *, rng: np.random.Generator, faintest: float, slope: float
) -> FloatArray:
    """Draw the fluxes of a star field: the number brighter than ``f`` falls as ``f**-slope``.

    Parameters
    ----------
    number
        How many.
    rng
        The source of chance.
    faintest
        The smallest flux, in counts.
    slope
        The power; a steep field has 1.5.

    Returns
    -------
    numpy.ndarray
        Shape (number,), in counts, in no order.
    """
    return np.asarray(faintest * (1.0 - rng.random(number)) ** (-1.0 / slope))


def _pixel_fractions(offset: FloatArray, sigma: float) -> FloatArray:
    """Part of a 1-D Gaussian that falls on the pixels centred ``offset`` from its centre."""
    from scipy.special import ndtr

    return np.asarray(ndtr((offset + 0.5) / sigma) - ndtr((offset - 0.5) / sigma))
