"""What stars would gain by a PSF that is built from the exposures, from a first look at them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.header_cards import Cards

FLOORS = ((1.8, 0.035), (2.5, 0.020), (3.2, 0.015))
"""Up to which width of the stars, in pixels, DAOFIND's positions err by how much along an axis, in
pixels, whatever the signal (docs/psf.md); where stars are wider a PSF gains little.

Widths are those of the first look, from flux and peak: 2.2 for WFC3/UVIS, whose full width at half
maximum is 1.9."""

LEAST_GAIN = 1.5
"""DAOFIND's error over that of a PSF, for the median star, from which a PSF is worth its time."""

SPARE = 2.0
"""Observations of stars that are asked for, in units of what a PSF needs at least: not all stars
are seen by two exposures, and not all are found alone."""

UNDITHERED = 0.05
"""Pixels between pointings that are the same."""

OVERLAPPING = 0.5
"""Part of a chip's shorter side by which the pointings of exposures of the same stars differ."""


@dataclass(frozen=True)
class Stars:
    """What a chip has for a PSF.

    Attributes
    ----------
    setup
        Camera and filter in one word.
    number
        Stars that are bright and alone.
    error
        What their photons leave of uncertainty along an axis, the median, pixels.
    """

    setup: str
    number: int
    error: float


@dataclass(frozen=True)
class Pointing:
    """Where one exposure looks.

    Attributes
    ----------
    setup
        Camera and filter in one word; None where no PSF can be fitted to it.
    x, y
        Pixels on the sky from a common place.
    side
        Pixels of the shorter side of its chip.
    """

    setup: str | None
    x: float
    y: float
    side: float


def pointing_of(
    header: Cards, shape: tuple[int, int], scale: float, *, has_errors: bool
) -> Pointing:
    """Read from the cards of an exposure where it looks.

    Parameters
    ----------
    header
        Cards of the primary header and of the chip's, together.
    shape
        (ny, nx) of the chip.
    scale
        Arcseconds a pixel.
    has_errors
        It has an ERR array, so that the header need not tell the noise of its pixels.

    Raises
    ------
    InputError
        No PSF can be fitted to it: it is binned, resampled, or tells nothing of its noise.
    ValueError
        The header has no place on the sky.
    """
    from tweakreg_steps.psf.pixel_noise import noise_from_header
    from tweakreg_steps.psf.psf_camera import setup_name, setup_of

    setup_of(header, "")
    if "NDRIZIM" in header:
        raise InputError("resampled pixels have no PSF of their own")
    if not has_errors:
        noise_from_header(header, sky=0.0, sky_sigma=0.0, label="")
    ra, dec = (float(header.get(key, math.nan)) for key in ("CRVAL1", "CRVAL2"))
    if not math.isfinite(ra + dec + scale):
        raise ValueError(header.get("CRVAL1"))
    x, y = (angle * 3600.0 / scale for angle in (ra * math.cos(math.radians(dec)), dec))
    return Pointing(setup_name(header), x, y, float(min(shape)))


def measure_stars(
    pixels: NDArray[np.floating[Any]],
    header: Cards,
    x: FloatArray,
    y: FloatArray,
    *,
    sky: float,
    noise: float,
    width: float,
) -> Stars:
    """Look for stars that a PSF could be built from.

    Parameters
    ----------
    pixels
        Shape (ny, nx).
    header
        Cards of the primary header and of the chip's, together.
    x, y
        Sources that may be stars, FITS pixels, shape (n,).
    sky, noise
        Level and standard deviation of the sky.
    width
        Their full width at half maximum, pixels.
    """
    from tweakreg_steps.psf.pixel_boxes import ChipPixels
    from tweakreg_steps.psf.pixel_noise import PixelNoise, noise_from_header
    from tweakreg_steps.psf.psf_camera import setup_name
    from tweakreg_steps.psf.psf_stars import LEAST_SIGNAL, choose_alone, sum_light

    try:
        per_unit = noise_from_header(header, sky=sky, sky_sigma=noise, label="").per_unit
    except InputError:
        per_unit = 1.0
    good = np.ones(pixels.shape, dtype=np.bool_)
    chip = ChipPixels(pixels, good, PixelNoise(None, sky, noise**2, per_unit, "a first look"))
    flux, error = sum_light(chip, x, y)
    bright = choose_alone(x, y, flux) & (flux > LEAST_SIGNAL * error)
    signal = flux[bright] / error[bright]
    middle = float(np.median(signal)) if signal.size else math.nan
    # of a Gaussian, sigma over signal to noise
    return Stars(setup_name(header), int(bright.sum()), width / 2.3548 / middle)


def say_gain(stars: Sequence[Stars], pointings: Sequence[Pointing], width: float) -> str | None:
    """Say what a PSF would give; None where it cannot be built for all exposures, or gives little.

    Parameters
    ----------
    stars
        Of some exposures.
    pointings
        Of all of them.
    width
        Full width at half maximum of the stars, pixels.
    """
    from tweakreg_steps.psf.psf_build import LEAST_OBSERVATIONS

    floor = next((error for widest, error in FLOORS if width <= widest), 0.0)
    groups = {pointing.setup for pointing in pointings}
    if not floor or None in groups or groups != {one.setup for one in stars}:
        return None
    for setup in groups:
        numbers = [one.number for one in stars if one.setup == setup]
        own = [pointing for pointing in pointings if pointing.setup == setup]
        if min(numbers) * _n_dithered(own) < SPARE * LEAST_OBSERVATIONS:
            return None
    photons = float(np.median([one.error for one in stars]))
    if not math.hypot(floor, photons) > LEAST_GAIN * photons:
        return None
    fewest = min(one.number for one in stars)
    return (
        f"daofind errs by some {floor:.3f} pixels where stars are {width:.1f} pixels wide, "
        f"whatever their light; the photons of these stars (at least {fewest} a chip, bright and "
        f"alone) leave {photons:.3f}"
    )


def _n_dithered(pointings: Sequence[Pointing]) -> int:
    """Count the exposures that see most of what another one sees, at other places of its pixels."""
    xy = np.array([(pointing.x, pointing.y) for pointing in pointings])
    side = min(pointing.side for pointing in pointings)
    distance = np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1))
    near = (distance > UNDITHERED) & (distance < OVERLAPPING * side)
    return int(near.any(axis=1).sum())
