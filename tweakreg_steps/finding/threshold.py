"""The level that sources exceed, from the noise of the sky and ``imagefindpars.threshold``."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import TypeVar

from tweakreg_steps.finding.sky_noise import RealPixels, SkyNoise, measure_sky_noise
from tweakreg_steps.fits_files.pixel_unit import PixelUnit

log = logging.getLogger(__name__)

Found = TypeVar("Found", bound=Sized)


@dataclass(frozen=True)
class Threshold:
    """A detection threshold and what it was made of.

    Attributes
    ----------
    sigma
        Noise of the sky that scaled the threshold, in the unit of the pixels.
    level
        The height that a source exceeds, in the same unit; infinite without noise.
    noise
        How sigma was measured; None where it is the given ``skysigma``.
    retried
        Nothing was found with the given ``skysigma``, so that it was measured after all.
    """

    sigma: float
    level: float
    noise: SkyNoise | None
    retried: bool

    @property
    def pixel_noise(self) -> float:
        """Noise of a pixel of the sky, in the unit of the pixels."""
        return self.noise.of_a_pixel if self.noise else self.sigma


def find_above(
    find: Callable[[float], Found],
    pixels: RealPixels,
    *,
    counts_per_unit: float | None,
    computesig: bool,
    skysigma: float,
    threshold: float | None,
) -> tuple[Found, Threshold]:
    """Find sources above a threshold.

    Parameters
    ----------
    find
        Finds the sources above a level.
    pixels
        What the noise is measured on, shape (ny, nx).
    counts_per_unit
        Counts that a pixel of value 1 holds, or None.
    computesig
        Measure the noise of the sky.
    skysigma
        The noise where it is not to be measured; measured all the same if nothing is found.
    threshold
        In units of the noise; None for the square of the noise, which is taken of counts where it
        is known what a pixel counts.

    Returns
    -------
    tuple
        The sources and the threshold.

    Raises
    ------
    NotAlignedError
        The noise has to be measured and no pixel is finite (``no_pixels``).
    """

    def level_of(sigma: float) -> float:
        if sigma == 0.0:
            return math.inf
        if threshold is None:
            return sigma**2 * (1.0 if counts_per_unit is None else counts_per_unit)
        return sigma * threshold

    if not computesig:
        level = level_of(skysigma)
        found = find(level)
        if len(found):
            return found, Threshold(skysigma, level, noise=None, retried=False)
        log.info("nothing found with skysigma %g: the noise is measured", skysigma)
    noise = measure_sky_noise(pixels, counts_per_unit=counts_per_unit)
    level = level_of(noise.sigma)
    return find(level), Threshold(noise.sigma, level, noise, retried=not computesig)


def noise_warning(noise: SkyNoise, unit: PixelUnit | None) -> str | None:
    """Return what a user should know of how the noise of a chip's sky was measured, if anything.

    Parameters
    ----------
    noise
        The noise.
    unit
        The unit of the pixels; None where their sky was subtracted here: then it does not matter.
    """
    if noise.sigma == 0.0:
        return "all pixels have the same value: there is no noise, and no source"
    if noise.method == "std":
        return (
            f"nearly all pixels have the same value, {noise.mode:.4g}: the noise of the sky is "
            f"taken to be {noise.sigma:.4g}, the last standard deviation that clipping leaves; if "
            "you know better, give computesig: false and skysigma"
        )
    if unit is not None and unit.problem is not None:
        as_counts = math.sqrt(2.0 * abs(noise.mode))
        return (
            f"{unit.problem}: the noise of the sky is the clipped standard deviation, "
            f"{noise.sigma:.4g}; for counts it would be {as_counts:.4g}, as in TweakReg"
        )
    if not noise.differs:
        return None
    both = (
        f"the noise of the sky is {noise.sigma:.4g} from the mode of the pixels, as in TweakReg, "
        f"but their clipped standard deviation is {noise.clipped_std:.4g}"
    )
    if noise.sigma < noise.clipped_std:
        return f"{both}, as in crowded fields and nebulae; raise threshold if too much is found"
    return (
        f"{both}; to count threshold in units of that, give computesig: false and skysigma: "
        f"{noise.clipped_std:.4g}"
    )
