"""Source finding with SExtractor on one chip, with the parameters of ``imagefindpars``.

``threshold`` counts in units of the noise that SExtractor measures (or of ``skysigma``), above the
background that it measures, on the filtered image. The filter is the Gaussian that DAOFIND uses:
``conv_width``, ``nsigma``, ``ratio`` and ``theta`` describe it. The limits of the peak and of the
flux hold for the brightest pixel, the background included as elsewhere, and for FLUX_AUTO.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.finding import tuning
from tweakreg_steps.finding.limits import strictly_between
from tweakreg_steps.finding.sextractor_filter import filter_text
from tweakreg_steps.finding.sextractor_options import Option, configuration
from tweakreg_steps.finding.sextractor_options import weight_type as kind_of_weights
from tweakreg_steps.finding.sextractor_program import Program, run_program
from tweakreg_steps.finding.sky_noise import RealPixels, measure_sky_noise

_CUT_OFF = 8
"""The flag of objects that are cut off at an edge: their centroids are nobody's."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExtractedSources:
    """What SExtractor found on one chip.

    Attributes
    ----------
    x, y
        Windowed centroids, FITS pixels (the first pixel's centre is 1), shape (n,).
    flux
        FLUX_AUTO, above the background, in the unit of the pixels.
    peak
        Brightest pixel, the background included.
    error
        Standard error of x, and of y, pixels: the rms of both.
    retried
        Nothing was found with the given ``skysigma``, so that the measured noise was taken.
    """

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    peak: FloatArray
    error: FloatArray
    retried: bool

    def __len__(self) -> int:
        return len(self.x)


def extract_sources_on_chip(
    pixels: RealPixels,
    good: BoolArray,
    *,
    program: Program,
    weights: NDArray[Any] | None,
    user_filter: str | None,
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
    sextractor: Mapping[str, Option],
) -> ExtractedSources:
    """Find the sources of one chip with SExtractor.

    Parameters
    ----------
    pixels
        Shape (ny, nx).
    good
        False where no source may be, shape (ny, nx): such pixels have no weight, so that nothing is
        detected on them, and a source whose centroid falls on one is left out. The same holds for
        pixels that are not finite, and for those to which `weights` gives no positive number.
    program
        The program.
    weights
        The user's weight map, shape (ny, nx), of the kind that ``WEIGHT_TYPE`` says; or None.
    user_filter
        The text of the user's filter, used in place of the Gaussian; or None.
    counts_per_unit
        Counts that a pixel of value 1 holds, or None; for a threshold of None.
    computesig
        Take the noise that the program measures.
    skysigma
        The noise where it is not to be measured; measured all the same if nothing is found.
    threshold
        Detection threshold in units of the noise; None for the square of the noise, which is taken
        of counts where it is known what a pixel counts.
    conv_width, nsigma, ratio, theta
        The Gaussian that filters the image for detection.
    peakmin, peakmax, fluxmin, fluxmax
        The peak and the flux lie strictly between; None for no limit.
    sextractor
        The user's options.

    Returns
    -------
    ExtractedSources
        In the program's order.

    Raises
    ------
    NotAlignedError
        No pixel is finite (``no_pixels``).
    JobFailedError
        The program failed.
    """
    finite = np.isfinite(pixels)
    if not finite.any():
        raise NotAlignedError(Reason.NO_PIXELS, "no pixel is finite")
    usable = good & finite
    if weights is not None:
        usable &= np.isfinite(weights) & (weights > 0)
    weight_map = make_weight_map(usable, weights, kind_of_weights(sextractor))
    gaussian = partial(filter_text, conv_width=conv_width, nsigma=nsigma, ratio=ratio, theta=theta)
    extract = partial(
        _extract,
        np.where(finite, pixels, 0).astype(np.float32),
        program=program,
        weights=weight_map,
        text=user_filter if user_filter is not None else gaussian(),
        sextractor=sextractor,
    )
    select = partial(
        _select, pixels=pixels, good=usable, peak=(peakmin, peakmax), flux=(fluxmin, fluxmax)
    )
    if not computesig:
        level = _square(skysigma, counts_per_unit) if threshold is None else skysigma * threshold
        found = select(extract(threshold=None, level=level), retried=False)
        if len(found):
            return found
        log.info("nothing found with skysigma %g: the noise is measured", skysigma)
    measured = None
    if threshold is None:
        noise = measure_sky_noise(pixels, counts_per_unit=counts_per_unit)
        measured = _square(noise.sigma, counts_per_unit)
    return select(extract(threshold=threshold, level=measured), retried=not computesig)


def _square(sigma: float, counts_per_unit: float | None) -> float:
    """Return the square of the noise, of counts where it is known what a pixel counts."""
    return sigma**2 * (1.0 if counts_per_unit is None else counts_per_unit)


def make_weight_map(
    usable: BoolArray, weights: NDArray[Any] | None, kind: str
) -> NDArray[np.float32] | None:
    """Return the weight map that carries the masks, or None where nothing is masked or weighted.

    Parameters
    ----------
    usable
        False for pixels that must not count, shape (ny, nx).
    weights
        The user's weight map, or None.
    kind
        ``MAP_WEIGHT``, ``MAP_RMS`` or ``MAP_VAR``; ``NONE`` without a map.
    """
    if weights is None:
        return None if usable.all() else usable.astype(np.float32)
    bad = {"MAP_WEIGHT": 0.0, "MAP_RMS": tuning.BAD_RMS, "MAP_VAR": tuning.BAD_RMS**2}[kind]
    return np.where(usable, weights, bad).astype(np.float32)


def _extract(
    pixels: NDArray[np.float32],
    *,
    program: Program,
    weights: NDArray[np.float32] | None,
    text: str,
    sextractor: Mapping[str, Option],
    threshold: float | None,
    level: float | None,
) -> dict[str, NDArray[Any]]:
    """Run the program in a temporary folder."""
    options = configuration(
        sextractor, threshold=threshold, level=level, has_weights=weights is not None
    )
    with TemporaryDirectory(prefix="tweakreg-") as folder:
        return run_program(
            program,
            Path(folder),
            pixels=pixels,
            weights=weights,
            filter_text=text,
            options=options,
        )


def _select(
    found: Mapping[str, NDArray[Any]],
    *,
    pixels: RealPixels,
    good: BoolArray,
    peak: tuple[float | None, float | None],
    flux: tuple[float | None, float | None],
    retried: bool,
) -> ExtractedSources:
    """Keep the sources that are whole, on good pixels and within the limits."""
    ny, nx = pixels.shape
    x, y, light = (
        found[name].astype(np.float64) for name in ("XWIN_IMAGE", "YWIN_IMAGE", "FLUX_AUTO")
    )
    height = pixels[found["YPEAK_IMAGE"] - 1, found["XPEAK_IMAGE"] - 1].astype(np.float64)
    error = np.sqrt(0.5 * (found["ERRX2WIN_IMAGE"] + found["ERRY2WIN_IMAGE"]))
    column, row = (np.floor(place + 0.5).astype(np.intp) - 1 for place in (x, y))
    kept = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    kept &= good[row.clip(0, ny - 1), column.clip(0, nx - 1)]
    kept &= found["FLAGS"] & _CUT_OFF == 0
    kept &= strictly_between(height, *peak) & strictly_between(light, *flux)
    return ExtractedSources(x[kept], y[kept], light[kept], height[kept], error[kept], retried)
