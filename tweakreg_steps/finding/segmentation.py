"""Source finding by segmentation on one chip, for galaxies and knots of nebulae.

`photutils.segmentation` as SExtractor has it (Bertin & Arnouts 1996, A&AS 117, 393): connected
pixels of the smoothed image above a threshold are a source, which is divided where its levels show
separate parts (deblending); the centre is the barycentre of its pixels.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.finding.daofind_kernel import make_kernel
from tweakreg_steps.finding.limits import strictly_between
from tweakreg_steps.finding.sky_noise import RealPixels
from tweakreg_steps.finding.sources import (
    FoundSources,
    fill_holes,
)
from tweakreg_steps.finding.threshold import Threshold, find_above


def find_segments(
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
    ratio: float,
    theta: float,
    minarea: int,
    deblend_levels: int,
    deblend_contrast: float,
) -> tuple[FoundSources, Threshold]:
    """Find the sources of one chip by segmentation.

    Parameters
    ----------
    pixels
        Shape (ny, nx).
    good
        False where no source may be, shape (ny, nx): such pixels belong to no source.
    counts_per_unit, computesig, skysigma, threshold
        See `tweakreg_steps.finding.threshold.find_above`; the level is that of the smoothed image.
    conv_width, nsigma, ratio, theta
        The Gaussian that smooths the image, see `tweakreg_steps.finding.daofind_kernel`.
    peakmin, peakmax, fluxmin, fluxmax
        The peak, sky included, and the flux of the source's pixels, above the median of the chip,
        lie strictly between; None for no limit.
    minarea
        Connected pixels above the threshold that a source, or a part of one, has at least.
    deblend_levels
        Levels between threshold and peak at which parts of a source are looked for.
    deblend_contrast
        Part of a source's flux that a part of its own has at least; 1 for no deblending.

    Returns
    -------
    tuple
        The sources, those cut off at an edge left out, and the threshold.
    """
    finite = np.isfinite(pixels)
    kernel = make_kernel(conv_width=conv_width, nsigma=nsigma, ratio=ratio, theta=theta)
    data = fill_holes(pixels, finite) if finite.any() else np.zeros(pixels.shape, np.float32)
    data -= _sky_level(data)
    smoothed = _smooth(data, np.where(kernel.support, kernel.gaussian, 0.0))
    usable = good & finite

    def find(level: float) -> FoundSources:
        segments = _segments(
            smoothed,
            usable,
            level=level,
            minarea=minarea,
            levels=deblend_levels,
            contrast=deblend_contrast,
        )
        found = FoundSources.none() if segments is None else _measure(pixels, data, segments)
        kept = strictly_between(found.peak, peakmin, peakmax)
        kept &= strictly_between(found.flux, fluxmin, fluxmax)
        return found[kept]

    return find_above(
        find,
        pixels,
        counts_per_unit=counts_per_unit,
        computesig=computesig,
        skysigma=skysigma,
        threshold=threshold,
    )


def _sky_level(data: NDArray[np.float32]) -> np.float32:
    """Return the median of the clipped pixels."""
    from astropy.stats import sigma_clip

    step = max(1, min(data.shape) // 500)
    sample = sigma_clip(data[::step, ::step], sigma=3.0, maxiters=5, masked=False, copy=True)
    return np.float32(np.median(sample))


def _smooth(data: NDArray[np.float32], gaussian: FloatArray) -> NDArray[np.float32]:
    """Return the image smoothed with a Gaussian of sum 1."""
    from scipy.ndimage import correlate

    smoothed: NDArray[np.float32] = correlate(data, gaussian / gaussian.sum(), mode="reflect")
    return smoothed


def _segments(
    smoothed: NDArray[np.float32],
    usable: BoolArray,
    *,
    level: float,
    minarea: int,
    levels: int,
    contrast: float,
) -> Any | None:  # noqa: ANN401  photutils.segmentation.SegmentationImage
    """Return the segments above a level, deblended, without those at an edge; None for none."""
    from astropy.utils.exceptions import AstropyWarning
    from photutils.segmentation import deblend_sources, detect_sources

    if not np.isfinite(level):
        return None
    with warnings.catch_warnings():
        # nothing found, and sources whose parts are too many or too near one level
        warnings.simplefilter("ignore", AstropyWarning)
        segments = detect_sources(smoothed, level, minarea, mask=~usable)
        if segments is None:
            return None
        if contrast < 1.0:
            segments = deblend_sources(
                smoothed,
                segments,
                minarea,
                n_levels=levels,
                contrast=contrast,
                progress_bar=False,
            )
    if min(smoothed.shape) > 2:  # noqa: PLR2004  both edges
        segments.remove_border_labels(1, relabel=True)
    return segments if segments.n_labels else None


def _measure(
    pixels: RealPixels,
    data: NDArray[np.float32],
    segments: Any,  # noqa: ANN401  photutils.segmentation.SegmentationImage
) -> FoundSources:
    """Measure the sources of segments.

    The barycentre ``sum k D / sum D`` changes by ``k / flux`` with each pixel at ``k`` from it, so
    that noise of 1 in each pixel gives it the standard error ``sqrt(sum k**2) / flux``.
    """
    from photutils.segmentation import SourceCatalog

    catalog = SourceCatalog(data, segments)
    x, y = (np.asarray(values, dtype=np.float64) for values in zip(*catalog.centroid, strict=True))
    flux = np.asarray(catalog.segment_flux, dtype=np.float64)
    row, column = np.nonzero(segments.data)
    owner = np.searchsorted(segments.labels, segments.data[row, column])
    squares = (column - x[owner]) ** 2 + (row - y[owner]) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        response = np.sqrt(0.5 * np.bincount(owner, squares, x.size)) / flux
    peak = np.full(x.size, -np.inf)
    np.maximum.at(peak, owner, pixels[row, column].astype(np.float64))
    nowhere = np.full(x.size, np.nan)
    found = FoundSources(x + 1.0, y + 1.0, flux, peak, response, nowhere, nowhere)
    return found[np.isfinite(x + y) & (flux > 0.0)]
