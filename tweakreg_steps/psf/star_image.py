"""What the stars of one exposure look like on the average, each where the finder puts it.

This is no PSF: one exposure cannot tell the PSF from the finder's errors. It is what a picture
shows where no PSF is used.
"""

from __future__ import annotations

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.psf.exposed_pixels import ExposedPixels
from tweakreg_steps.psf.grouping import near_pairs
from tweakreg_steps.psf.pixel_boxes import ChipPixels
from tweakreg_steps.psf.psf_build import OVERSAMPLING
from tweakreg_steps.psf.psf_grid import PsfGrid
from tweakreg_steps.psf.psf_residuals import Samples
from tweakreg_steps.psf.psf_stars import APART, FIRST_HALF
from tweakreg_steps.psf.psf_tidying import normalise
from tweakreg_steps.tables.ecsv import ColumnTable

MOST_STARS = 400
"""Stars that are averaged, the brightest that stand alone."""

LEAST_STARS = 20
"""Stars without which there is no picture."""

HALF = 6
"""Pixels on each side of the star in the picture."""


def average_stars(pixels: ExposedPixels, catalog: ColumnTable) -> tuple[PsfGrid, int] | None:
    """Average the stars of a chip.

    Parameters
    ----------
    pixels
        The chip.
    catalog
        The finder's catalog of the image.

    Returns
    -------
    tuple of PsfGrid and int, or None
        The mean image, the same all over the chip, and the number of stars; None where there are
        too few.
    """
    here = catalog["chip"] == pixels.chip.number
    x, y, flux = (catalog[name][here] for name in ("x", "y", "flux"))
    clear = np.flatnonzero(_stand_alone(x, y) & ~catalog["narrow"][here])
    chosen = clear[np.argsort(-flux[clear], kind="stable")[:MOST_STARS]]
    if len(chosen) < LEAST_STARS:
        return None
    x, y = x[chosen], y[chosen]
    data: ChipPixels = pixels.load_without_noise()
    known = np.zeros(len(chosen))
    samples = Samples(data.boxes(x, y, FIRST_HALF + 0.5), known, known, x, y, np.arange(len(x)))
    size = 2 * FIRST_HALF * OVERSAMPLING + 1
    ny, nx = pixels.chip.shape
    middle = np.array([(nx + 1) / 2]), np.array([(ny + 1) / 2])
    rough = PsfGrid(samples.stack(size, OVERSAMPLING)[None, None], *middle, OVERSAMPLING)
    return normalise(rough, HALF), len(chosen)


def _stand_alone(x: FloatArray, y: FloatArray) -> BoolArray:
    """Tell which sources have no other one near."""
    alone = np.ones(len(x), dtype=np.bool_)
    alone[near_pairs(x, y, APART).ravel()] = False
    return alone
