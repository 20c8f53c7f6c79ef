"""Painting galaxies: Sersic profiles, smeared by the telescope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.modeling.models import Sersic2D
from scipy.ndimage import gaussian_filter

from tweakreg_steps.arrays import FloatArray, IntArray

REACH = 5.0
"""Effective radii on each side of the centre that receive light."""


@dataclass(frozen=True)
class Galaxies:
    """Galaxies of a sky, shape (n,) each.

    Attributes
    ----------
    ra, dec
        Degrees.
    flux
        Counts in an exposure of unit time.
    radius
        Effective radius in pixels.
    sersic
        Sersic index.
    ellipticity
        One minus the ratio of the axes.
    angle
        Direction of the long axis on the sky, in radians from north towards east.
    """

    ra: FloatArray
    dec: FloatArray
    flux: FloatArray
    radius: FloatArray
    sersic: FloatArray
    ellipticity: FloatArray
    angle: FloatArray

    def choose(self, places: IntArray) -> Galaxies:
        """Return some of them."""
        return Galaxies(*(column[places] for column in vars(self).values()))


def draw_galaxies(ra: FloatArray, dec: FloatArray, rng: np.random.Generator) -> Galaxies:
    """Draw galaxies at given places: mostly discs, a few compact ones."""
    number = len(ra)
    return Galaxies(
        ra=ra,
        dec=dec,
        flux=3000.0 * (1.0 - rng.random(number)) ** -1.0,
        radius=rng.uniform(1.5, 8.0, number),
        sersic=rng.choice([1.0, 1.0, 2.5, 4.0], number),
        ellipticity=rng.uniform(0.0, 0.7, number),
        angle=rng.uniform(0.0, np.pi, number),
    )


def paint_galaxies(
    shape: tuple[int, int],
    *,
    x: FloatArray,
    y: FloatArray,
    flux: FloatArray,
    axis: FloatArray,
    galaxies: Galaxies,
    smear: float,
) -> FloatArray:
    """Return the expected counts of galaxies on an empty sky.

    Parameters
    ----------
    shape
        (ny, nx) of the image.
    x, y
        FITS pixel positions of their centres (first pixel = 1.0), shape (n,).
    flux
        Counts, shape (n,).
    axis
        Direction of their long axes on the image, in radians from x towards y, shape (n,).
    galaxies
        What they are like, n of them.
    smear
        Gaussian sigma of the telescope and the pixels, in pixels.
    """
    image = np.zeros(shape)
    for i in range(len(x)):
        half = int(np.ceil(REACH * galaxies.radius[i]))
        column, row = round(x[i] - 1.0), round(y[i] - 1.0)
        rows, columns = np.mgrid[row - half : row + half + 1, column - half : column + half + 1]
        profile = Sersic2D(
            amplitude=1.0,
            r_eff=galaxies.radius[i],
            n=galaxies.sersic[i],
            x_0=x[i] - 1.0,
            y_0=y[i] - 1.0,
            ellip=galaxies.ellipticity[i],
            theta=axis[i],
        )
        # a steep profile is endless at its centre
        stamp = np.minimum(profile(columns, rows), 50.0)
        stamp = gaussian_filter(stamp, smear, mode="constant")
        on = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
        image[rows[on], columns[on]] += (flux[i] / stamp.sum()) * stamp[on]
    return image
