"""Noise of a chip's sky, the unit of the detection threshold (``imagefindpars.computesig``).

TweakReg takes the mode *m* of the clipped pixels for the counts of the sky and ``sqrt(2*|m|)`` for
its noise.  The same thresholds mean the same only if this number is reproduced, so the pixels are
clipped and binned here exactly as IRAF's ``imstatistics`` does.  It is a statistic of counts: rates
are counted over the exposure time, and where it is not known what a pixel counts, or the mode says
nothing because the sky is subtracted, the clipped standard deviation is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import IntArray
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.finding import tuning

CLIPS = 3
CLIP_SIGMA = 3.0
BIN_WIDTH = 0.01  # standard deviations
LARGEST = float(np.finfo(np.float32).max)

Method = Literal["mode", "clipped_std", "std"]
RealPixels = NDArray[np.floating] | NDArray[np.integer]


@dataclass(frozen=True)
class SkyNoise:
    """Noise of a chip's sky.

    Attributes
    ----------
    sigma
        The noise, in the unit of the pixels.
    method
        ``mode``: sqrt(2*abs(mode)) of the counts, as TweakReg has it.  ``clipped_std``: the mode is
        unstable or the counts are not known, the clipped standard deviation is used.  ``std``: the
        clipping leaves one value only, the last standard deviation before that is used.
    mode
        Most frequent value of the clipped pixels.
    clipped_std
        Their standard deviation.
    mode_sigma
        sqrt(2*abs(mode)) of the counts, in the unit of the pixels; None where the counts are not
        known.
    """

    sigma: float
    method: Method
    mode: float
    clipped_std: float
    mode_sigma: float | None

    @property
    def differs(self) -> bool:
        """Tell whether what TweakReg takes for the noise is far from what the pixels scatter."""
        if self.method != "mode" or self.clipped_std == 0.0:
            return False
        ratio = self.sigma / self.clipped_std
        return not 1.0 / tuning.FAR <= ratio <= tuning.FAR

    @property
    def of_a_pixel(self) -> float:
        """Noise of a pixel, which gives errors.

        It is `sigma`, unless that is far beyond the scatter of the pixels, which the noise of the
        sky never exceeds; stars and nebulae add to the scatter.
        """
        return min(self.sigma, self.clipped_std) if self.differs else self.sigma


@dataclass(frozen=True)
class _Moments:
    """Count, sum, sum of squares and range of the pixels inside some limits."""

    count: int
    total: float
    squares: float
    low: float
    high: float

    @property
    def mean(self) -> float:
        """Mean of the pixels."""
        return self.total / self.count

    @property
    def std(self) -> float:
        """Standard deviation of the pixels."""
        variance = max(self.squares - self.total * self.mean, 0.0) / max(self.count - 1, 1)
        return math.sqrt(variance)


def measure_sky_noise(pixels: RealPixels, *, counts_per_unit: float | None) -> SkyNoise:
    """Return the sky sigma of one chip.

    All finite pixels count, also those that a mask excludes from source finding.  They are
    clipped three times at 3 standard deviations, and the mode is the vertex of the parabola
    through the highest of the bins of 0.01 standard deviations and its neighbours.

    On pure noise that mode scatters by ``2.45 * n**(-1/4)`` standard deviations (measured for n
    from 2.6e5 to 8.4e6 pixels), whatever the sky.  It is called unstable where its absolute value
    is below 3.5 times its scatter: below 0.16 standard deviations on 4096 x 2051 pixels, 0.27 on
    1024 x 1024.  The sigma that is taken from a stable mode is so known to some 15 %.

    Parameters
    ----------
    pixels
        Shape (ny, nx), any byte order; pixels that are not finite are ignored.
    counts_per_unit
        Counts that a pixel of value 1 holds (`tweakreg_steps.fits_files.pixel_unit`): with ``t`` of
        them TweakReg's noise is ``sqrt(2*t*|m|) / t``; None where that is not known.

    Returns
    -------
    SkyNoise
        The noise and how it was found; 0 on a chip without sky or noise.

    Raises
    ------
    NotAlignedError
        No pixel is finite (``no_pixels``).
    """
    clippings = _clip(pixels)
    clipped = clippings[-1]
    mode = _mode(pixels, clipped)
    scatter = tuning.MODE_SCATTER * clipped.count**-0.25 * clipped.std
    by_mode = None
    if counts_per_unit is not None:
        by_mode = math.sqrt(2.0 * abs(mode) * counts_per_unit) / counts_per_unit
    if by_mode is not None and abs(mode) > tuning.SIGNIFICANT * scatter:
        return SkyNoise(by_mode, "mode", mode, clipped.std, by_mode)
    if clipped.std > 0.0:
        return SkyNoise(clipped.std, "clipped_std", mode, clipped.std, by_mode)
    least = min((m.std for m in clippings if m.std > 0.0), default=0.0)
    method: Method = "std" if least else "clipped_std"
    return SkyNoise(least, method, mode, clipped.std, by_mode)


def _clip(pixels: RealPixels) -> list[_Moments]:
    """Return the moments of the pixels before the clipping, and after each."""
    first = _moments(pixels, -LARGEST, LARGEST)
    found = [first]
    for clipping in range(1, CLIPS + 1):
        reach = CLIP_SIGMA * found[-1].std
        low = max(first.low, found[-1].mean - reach)
        high = min(first.high, found[-1].mean + reach)
        # the range of the pixels that are left is asked for after the last clipping only
        within = None if clipping == CLIPS else _moments_without(pixels, first, low, high)
        found.append(within or _moments(pixels, low, high))
    return found


def _moments(pixels: RealPixels, low: float, high: float) -> _Moments:
    """Return the moments of the finite pixels with ``low <= pixel <= high``."""
    count, total, squares = 0, 0.0, 0.0
    lowest, highest = math.inf, -math.inf
    for chunk in _chunks(pixels):
        least, most = float(chunk.min()), float(chunk.max())
        # true for no pixel that is not finite
        if low <= least and most <= high:
            kept = chunk
        else:
            kept = chunk[(chunk >= np.float32(low)) & (chunk <= np.float32(high))]
            if kept.size == 0:
                continue
            least, most = float(kept.min()), float(kept.max())
        of_chunk, squares_of_chunk = _sums(kept)
        count, total, squares = count + kept.size, total + of_chunk, squares + squares_of_chunk
        lowest, highest = min(lowest, least), max(highest, most)
    if count == 0:
        raise NotAlignedError(Reason.NO_PIXELS, f"none of {pixels.size} pixels is finite")
    return _Moments(count, total, squares, lowest, highest)


def _moments_without(
    pixels: RealPixels, every: _Moments, low: float, high: float
) -> _Moments | None:
    """Return the moments of the pixels within limits, from those of all and of the few outside.

    That takes a third of the time of adding up those within; None where it would cost precision.
    The range is that of the limits.
    """
    count, total, squares = every.count, every.total, every.squares
    for chunk in _chunks(pixels):
        outside = chunk[(chunk < np.float32(low)) | (chunk > np.float32(high))]
        outside = outside[np.abs(outside) <= LARGEST]
        of_chunk, squares_of_chunk = _sums(outside)
        count, total, squares = count - outside.size, total - of_chunk, squares - squares_of_chunk
    if count <= 0 or every.squares > tuning.LARGEST_SHARE * squares:
        return None
    return _Moments(count, total, squares, low, high)


def _sums(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return the sum and the sum of squares, of double precision."""
    exact = values.astype(np.float64)
    return float(exact.sum()), float(np.einsum("i,i->", exact, exact))


def _mode(pixels: RealPixels, clipped: _Moments) -> float:
    """Vertex of the histogram of the clipped pixels."""
    width = BIN_WIDTH * clipped.std
    span = clipped.high - clipped.low
    if width == 0.0 or width > span:
        return clipped.low + 0.5 * width
    bins = int(span / width) + 1
    counts = _histogram(pixels, clipped, bins)
    peak = int(np.argmax(counts))
    if peak in (0, bins - 1):
        return clipped.low + (peak + 0.5) * width
    rise, fall = counts[peak] - counts[peak - 1], counts[peak] - counts[peak + 1]
    offset = 0.5 * (rise - fall) / (rise + fall) if rise + fall > 0 else 0.0
    return float(clipped.low + (peak + 0.5 + offset) * width)


def _histogram(pixels: RealPixels, clipped: _Moments, bins: int) -> IntArray:
    """Numbers of pixels in ``bins`` bins, the lowest of which starts at the lowest pixel."""
    # the bins are a little wider than a hundredth so that the highest pixel starts the last one
    step = np.float32((clipped.high - clipped.low) / (bins - 1))
    low = np.float32(clipped.low)
    counts = np.zeros(bins, dtype=np.int64)
    for chunk in _chunks(pixels):
        index = (chunk - low) / step
        # leaving out the few is faster than picking the many
        index[~((chunk >= low) & (chunk <= np.float32(clipped.high)))] = bins
        counts += np.bincount(index.astype(np.intp), minlength=bins + 1)[:bins]
    return counts


def _chunks(pixels: RealPixels) -> Iterator[NDArray[np.float32]]:
    """Rows of the image, flat and of single precision, a cacheful at a time."""
    rows = max(1, tuning.CHUNK // max(1, pixels.shape[1]))
    for start in range(0, pixels.shape[0], rows):
        yield pixels[start : start + rows].astype(np.float32, copy=False).ravel()
