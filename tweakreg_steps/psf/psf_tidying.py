"""Where the middle of a PSF is, and how much light it holds: what stars do not tell.

A star's place and the PSF's are moved together without any change to its pixels, and so are its
flux and the PSF's sum, its sky and a pedestal under the PSF. A convention has to hold these.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.psf.psf_grid import PsfGrid, full_width

FloatArray = NDArray[np.float64]

BESIDE = 0.29
"""Full widths at half maximum from the middle at which the PSF is the same on both sides.

Half a pixel in a PSF of 1.7 pixels, as Anderson & King (2000) have it: where it is steepest."""

ROUNDS = 8
"""Newton steps from the highest sample towards the middle; the last ones change nothing."""


def tidy(psf: PsfGrid, half: int) -> PsfGrid:
    """Centre the PSF at every node, free it of a pedestal, and give it the sum 1.

    The middle is where the PSF has the same value at `BESIDE` full widths on both sides, in x and
    in y. The pedestal is the median of the outermost pixel.

    Parameters
    ----------
    psf
        Any.
    half
        Pixels on each side of the star that are kept.
    """
    beside = BESIDE * full_width(psf) * psf.oversampling
    flat = [
        _normal(_cut(_centred(image, beside), half * psf.oversampling), psf.oversampling)
        for image in psf.images.reshape(-1, *psf.images.shape[-2:])
    ]
    images = np.array(flat)
    return replace(psf, images=images.reshape(*psf.images.shape[:2], *images.shape[1:]))


def _centred(image: FloatArray, beside: float) -> FloatArray:
    """Move an image by cubic splines so that its middle is the middle sample."""
    from scipy.ndimage import map_coordinates, spline_filter

    coefficients = spline_filter(image, order=3, mode="mirror")
    middle = (image.shape[0] - 1) / 2.0
    reach = beside * np.array([[0.0, 0.0, 1.0, -1.0], [1.0, -1.0, 0.0, 0.0]])
    shift = np.array(np.unravel_index(image.argmax(), image.shape), dtype=np.float64) - middle
    small = 0.05

    def unequal(by: FloatArray) -> FloatArray:
        value = map_coordinates(
            coefficients, middle + by[:, None] + reach, order=3, prefilter=False, mode="mirror"
        )
        return np.array([value[2] - value[3], value[0] - value[1]])

    for _ in range(ROUNDS):
        here = unequal(shift)
        slope = np.stack([(unequal(shift + step) - here) / small for step in small * np.eye(2)], 1)
        shift = shift - np.clip(np.linalg.solve(slope, here), -1.0, 1.0)
    rows, columns = (np.arange(image.shape[0]) + s for s in shift)
    at = np.meshgrid(rows, columns, indexing="ij")
    centred: FloatArray = map_coordinates(
        coefficients, at, order=3, prefilter=False, mode="nearest"
    )
    return centred


def _cut(image: FloatArray, half: int) -> FloatArray:
    """Keep some samples on each side of the middle one."""
    middle = image.shape[0] // 2
    kept = slice(middle - half, middle + half + 1)
    return image[kept, kept]


def _normal(image: FloatArray, oversampling: int) -> FloatArray:
    """Take a pedestal away, and give the light in a pixel's unit the sum 1."""
    step = np.arange(image.shape[0]) - image.shape[0] // 2
    distance = np.hypot(step, step[:, None])
    outermost = (distance <= step[-1]) & (distance > step[-1] - oversampling)
    level = image - np.median(image[outermost])
    return np.asarray(level / (level.sum() / oversampling**2))
