"""Source finding with IRAF's ``starfind`` on one chip, as photutils has it.

`photutils.detection.IRAFStarFinder` looks for maxima of the image convolved with a round Gaussian,
takes the mean of the corners of the kernel's box for the local sky, and measures the moments of
what is left.
"""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.finding.limits import strictly_between
from tweakreg_steps.finding.sky_noise import RealPixels
from tweakreg_steps.finding.sources import (
    FoundSources,
    fill_holes,
)
from tweakreg_steps.finding.threshold import Threshold, find_above


def find_iraf_sources(
    pixels: RealPixels,
    good: BoolArray,
    *,
    counts_per_unit: float | None,
    computesig: bool,
    skysigma: float,
    conv_width: float,
    threshold: float | None,
    peakmin: float | None,
    peakmax: float | None,
    fluxmin: float | None,
    fluxmax: float | None,
    nsigma: float,
    use_sharp_round: bool,
    sharplo: float,
    sharphi: float,
    roundlo: float,
    roundhi: float,
) -> tuple[FoundSources, Threshold]:
    """Find the sources of one chip with IRAF's ``starfind``.

    Parameters
    ----------
    pixels
        Shape (ny, nx).
    good
        False where no source may be, shape (ny, nx).
    counts_per_unit, computesig, skysigma, threshold
        See `tweakreg_steps.finding.threshold.find_above`.
    conv_width, nsigma
        Full width at half maximum of the round Gaussian, pixels, and where it is cut, in units of
        its sigma.
    peakmin, peakmax, fluxmin, fluxmax
        The peak, sky included, and the flux, above the local sky, lie strictly between; None for no
        limit.
    use_sharp_round
        Leave out sources whose sharpness or roundness is not within the following limits.
    sharplo, sharphi
        Limits of the sharpness, the source's width over the Gaussian's; inclusive.
    roundlo, roundhi
        Limits of the roundness, 0 for a round source and 1 for a line; inclusive.

    Returns
    -------
    tuple
        The sources and the threshold.
    """
    find = partial(_find, pixels, good, conv_width=conv_width, nsigma=nsigma)
    limits = (sharplo, sharphi), (roundlo, roundhi)

    def select(level: float) -> FoundSources:
        found = find(level)
        kept = strictly_between(found.peak, peakmin, peakmax)
        kept &= strictly_between(found.flux, fluxmin, fluxmax)
        if use_sharp_round:
            for values, (low, high) in zip((found.sharpness, found.roundness), limits, strict=True):
                kept &= (values >= low) & (values <= high)
        return found[kept]

    return find_above(
        select,
        pixels,
        counts_per_unit=counts_per_unit,
        computesig=computesig,
        skysigma=skysigma,
        threshold=threshold,
    )


def _find(
    pixels: RealPixels, good: BoolArray, level: float, *, conv_width: float, nsigma: float
) -> FoundSources:
    """Find all sources above a level."""
    from tweakreg_steps.finding.star_finders import IRAFStarFinder, NoDetectionsWarning

    finder = IRAFStarFinder(
        threshold=level,
        fwhm=conv_width,
        sigma_radius=nsigma,
        exclude_border=True,
        sharpness_range=None,
        roundness_range=None,
    )
    size = finder.kernel.shape
    finite = np.isfinite(pixels)
    if not np.isfinite(level) or not finite.any() or min(pixels.shape) <= max(size):
        return FoundSources.none()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoDetectionsWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # of moments of what is not kept
        table = finder(fill_holes(pixels, finite), mask=~(good & finite))
    if table is None:
        return FoundSources.none()
    x, y, flux = (
        np.asarray(table[name], dtype=np.float64) for name in ("x_centroid", "y_centroid", "flux")
    )
    row, column = np.floor(y + 0.5).astype(np.intp), np.floor(x + 0.5).astype(np.intp)
    boxes = _boxes(pixels, row, column, size)
    found = FoundSources(
        x=x + 1.0,
        y=y + 1.0,
        flux=flux,
        peak=boxes.max(axis=(1, 2)),
        noise_response=_moment_response(finder.kernel.mask) / flux,
        sharpness=np.asarray(table["sharpness"], dtype=np.float64),
        roundness=np.asarray(table["roundness"], dtype=np.float64),
    )
    ny, nx = pixels.shape
    inside = (row >= 0) & (row < ny) & (column >= 0) & (column < nx)
    inside &= good[row.clip(0, ny - 1), column.clip(0, nx - 1)] & np.isfinite(found.peak)
    return found[inside & (flux > 0.0)]


def _boxes(
    pixels: RealPixels, row: IndexArray, column: IndexArray, size: tuple[int, int]
) -> FloatArray:
    """Return the pixels of the kernel's box around some, those off the image from its edge."""
    ny, nx = pixels.shape
    rows = (row[:, None] + np.arange(size[0]) - size[0] // 2).clip(0, ny - 1)
    columns = (column[:, None] + np.arange(size[1]) - size[1] // 2).clip(0, nx - 1)
    boxes: FloatArray = pixels[rows[:, :, None], columns[:, None, :]].astype(np.float64)
    return boxes


def _moment_response(inside: NDArray[np.int_]) -> float:
    """Return the standard error of a first moment, times the flux, for noise of 1 in each pixel.

    The moment ``sum k D / sum D`` changes by ``k / flux`` with each pixel at ``k`` from it; rms of
    both axes.
    """
    y, x = np.nonzero(inside)
    squares = (x - inside.shape[1] // 2) ** 2 + (y - inside.shape[0] // 2) ** 2
    return float(np.sqrt(0.5 * squares.sum()))
