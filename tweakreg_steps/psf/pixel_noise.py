"""How uncertain a pixel is, given what it is expected to hold.

A pixel that holds more than expected by chance must not weigh less for it: the variance is that of
the fitted model, not of the data. With the variance ``V`` that an ERR array tells of a pixel of
value ``d``, and the variance ``s`` that each unit of light adds, that of a pixel expected to hold
``m`` is ``V + s * (m - d)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray, IndexArray
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.header_cards import Cards
from tweakreg_steps.fits_files.noise_cards import GAINS, READ_NOISES, of_amplifiers
from tweakreg_steps.fits_files.pixel_unit import pixel_unit
from tweakreg_steps.psf.image_parts import ImageParts

RealImage = NDArray[np.floating]

ERR = "ERR"
"""What the noise is taken from, where it is an ERR image."""

SAMPLE = 200_000
"""Pixels of a chip from which the noise of its light is learnt."""

BRIGHT = 0.005
"""Part of the pixels that are taken as light of sources: the brightest."""

STEADY = 0.3
"""Largest relative scatter of the ratio of variance and light of bright pixels to be trusted."""

LEAST = 0.25
"""Part of the sky's variance that no pixel falls below when its light is taken away."""


@dataclass(frozen=True, eq=False)
class PixelNoise:
    """Noise of the pixels of a chip, in their own unit.

    Attributes
    ----------
    errors
        Standard deviation of each pixel, shape (ny, nx), from an ERR array; None without one.
    sky
        Level of the sky.
    sky_variance
        Variance of a pixel without a source.
    per_unit
        Variance that a unit of light adds.
    source
        What this was taken from, for messages and the catalog.
    """

    errors: RealImage | ImageParts | None
    sky: float
    sky_variance: float
    per_unit: float
    source: str

    def without_light(self, values: FloatArray, at: tuple[IndexArray, IndexArray]) -> FloatArray:
        """Give the variance that some pixels would have if only the sky were there.

        Parameters
        ----------
        values
            What the pixels hold, any shape.
        at
            0-based rows and columns, arrays that broadcast to the same shape.
        """
        if self.errors is None:
            return np.full(values.shape, self.sky_variance)
        error = self.errors[at].astype(np.float64)
        variance = error**2 - self.per_unit * (values - self.sky)
        least = LEAST * self.sky_variance
        return np.where(error > 0.0, np.maximum(variance, least), np.inf)


def noise_from_errors(errors: RealImage, pixels: RealImage, *, sky: float) -> PixelNoise:
    """Learn the noise of a chip from its ERR array.

    What a unit of light adds to the variance is the median ratio, over the brightest pixels, of
    the variance above that of the sky and the light above the sky. Where the ratio is not the
    same for all of them, the errors do not follow the light and are used as they are.

    Parameters
    ----------
    errors
        Standard deviations, shape (ny, nx), in the unit of the pixels; pixels where it is not
        positive are not used by a fit.
    pixels
        Shape (ny, nx).
    sky
        Level of the sky in the pixels.
    """
    step = max(1, pixels.size // SAMPLE)
    value, error = (image.ravel()[::step].astype(np.float64) for image in (pixels, errors))
    known = np.isfinite(value) & np.isfinite(error) & (error > 0.0)
    light, variance = value[known] - sky, error[known] ** 2
    if not light.size:
        return PixelNoise(errors, sky, 0.0, 0.0, ERR)
    dark = np.abs(light) <= np.median(np.abs(light))
    floor = float(np.median(variance[dark]))
    bright = light > max(np.quantile(light, 1.0 - BRIGHT), 3.0 * np.sqrt(floor))
    ratio = (variance[bright] - floor) / light[bright]
    slope, scatter = (0.0, 0.0) if not ratio.size else _median_and_scatter(ratio)
    if slope <= 0.0 or scatter > STEADY * slope:
        return PixelNoise(errors, sky, floor, 0.0, ERR)
    return PixelNoise(errors, sky, floor, slope, ERR)


def noise_from_header(header: Cards, *, sky: float, sky_sigma: float, label: str) -> PixelNoise:
    """Derive the noise of a chip from gain, read noise and unit in its header.

    A pixel of ``d`` counts has the variance ``(read / gain)**2 + d / gain``, with the gain in
    electrons a count; one in electrons has a gain of 1, and for rates the gain is that times the
    exposure time. The sky's measured noise stands in where it is larger than what follows: a sky
    that has been subtracted leaves its noise behind.

    Parameters
    ----------
    header
        Cards of the primary header and of the chip's, together: BUNIT; GAIN, CCDGAIN or ATODGNA…D
        (electrons a count), RDNOISE, READNOIS or READNSEA…D (electrons), EXPTIME (s).
    sky, sky_sigma
        Level of the sky, and its noise as measured, in the unit of the pixels.
    label
        The chip's name, for messages.

    Raises
    ------
    InputError
        The header does not say the unit, or not the gain or the exposure time that it needs.
    """
    unit = pixel_unit(header)
    if unit.counts is None and not unit.is_rate:
        raise InputError(
            f"{label}: BUNIT is {header.get('BUNIT')!r}, which tells neither counts nor electrons; "
            "correct it, or give an ERR image"
        )
    if unit.counts is None:
        raise InputError(
            f"{label}: pixels are rates ({unit.name}) and EXPTIME is {header.get('EXPTIME')!r}; "
            "give the exposure time in seconds"
        )
    gain = 1.0 if unit.is_electrons else _amplifiers(header, "gain", GAINS, label)
    read = _amplifiers(header, "read noise", READ_NOISES, label)
    time = unit.counts
    per_unit = 1.0 / (gain * time)
    expected = (read * per_unit) ** 2 + per_unit * max(sky, 0.0)
    variance = max(expected, sky_sigma**2)
    return PixelNoise(None, sky, variance, per_unit, f"header, {unit.name}")


def _amplifiers(header: Cards, what: str, names: tuple[str, ...], label: str) -> float:
    """Mean over the amplifiers of the first card that is there."""
    for name in names:
        values = [
            float(header[key])
            for key in of_amplifiers(name)
            if isinstance(header.get(key), int | float) and float(header[key]) > 0.0
        ]
        if values:
            return float(np.mean(values))
    raise InputError(
        f"{label}: no {what} in the header ({', '.join(names)}); write it, or give an ERR image"
    )


def _median_and_scatter(values: FloatArray) -> tuple[float, float]:
    """Median, and 1.4826 times the median distance from it."""
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))
