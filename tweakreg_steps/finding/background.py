"""Taking off the sky that varies over a chip (``imagefindpars.background``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray
from tweakreg_steps.finding.sky_noise import RealPixels


def subtract_background(
    pixels: RealPixels, good: BoolArray, *, backsize: int, backfiltersize: int
) -> NDArray[np.float32]:
    """Return an image without its background, as `photutils.background.Background2D` maps it.

    In each box SExtractor's estimate of the clipped pixels, ``2.5*median - 1.5*mean``, a median
    filter over the boxes, and a spline between them.

    Parameters
    ----------
    pixels
        Shape (ny, nx).
    good
        False for pixels that do not count, shape (ny, nx); those that are not finite never do.
    backsize
        Side of the boxes, pixels.
    backfiltersize
        Side of the median filter, boxes; odd.

    Returns
    -------
    numpy.ndarray
        Shape (ny, nx); the pixels as they are where none counts.
    """
    from photutils.background import Background2D

    data = pixels.astype(np.float32)
    left_out = ~(good & np.isfinite(data))
    if left_out.all():
        return data
    size = tuple(min(backsize, length) for length in data.shape)
    background = Background2D(
        np.where(left_out, np.float32(0.0), data),
        size,
        mask=left_out,
        filter_size=backfiltersize,
        exclude_percentile=100.0,
    ).background
    difference: NDArray[np.float32] = (data - background).astype(np.float32)
    return difference
