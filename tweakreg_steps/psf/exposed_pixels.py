"""The chips of an exposure as the PSF's fit needs them: pixels, which are good, their noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from tweakreg_steps.arrays import BoolArray
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.fits_files.exposure import read_dq, read_pixels
from tweakreg_steps.fits_files.exposure_record import PsfChip, chip_from_record
from tweakreg_steps.fits_files.mask_file import read_mask
from tweakreg_steps.fits_files.weight_map import read_errors
from tweakreg_steps.psf.pixel_boxes import ChipPixels
from tweakreg_steps.psf.pixel_noise import (
    PixelNoise,
    RealImage,
    noise_from_errors,
    noise_from_header,
)
from tweakreg_steps.psf.psf_camera import Setup, setup_of

SAMPLE = 200_000
"""Pixels of a chip from which the level of its sky is taken."""


@dataclass(frozen=True)
class ExposureFiles:
    """An exposure and the mask that belongs to it.

    Attributes
    ----------
    name
        What it is called.
    image
        The exposure.
    mask
        Where on each chip sources may be: ``masks/<image>.fits``; None for everywhere.
    records
        What is known of each chip: where it is, and the cards of its ``camera`` and ``noise``.
    any_flag_is_bad
        Pixels with any DQ flag are left out, beside those that the mask leaves out.
    """

    name: str
    image: Path
    mask: Path | None
    records: Sequence[PsfChip]
    any_flag_is_bad: bool

    @cached_property
    def chips(self) -> list[ExposedPixels]:
        """Its chips in order."""
        return [ExposedPixels(self, record) for record in self.records]


@dataclass
class ExposedPixels:
    """One chip of an exposure.

    Attributes
    ----------
    exposure
        The exposure.
    record
        What is known of the chip.
    """

    exposure: ExposureFiles
    record: PsfChip
    _learnt: PixelNoise | None = None

    @property
    def chip(self) -> Chip:
        """Where it is."""
        return chip_from_record(self.record)

    @property
    def label(self) -> str:
        """File and chip, for messages."""
        return f"{self.exposure.image.name}, {self.record['label']}"

    @property
    def setup(self) -> Setup:
        """Its camera, filter and detector."""
        return setup_of(self.record["camera"], self.label)

    def load(self) -> ChipPixels:
        """Read its pixels.

        The noise is that of the ERR array where there is one with values, else what gain, read
        noise and unit in the header give.

        Raises
        ------
        InputError
            There is neither, or the file cannot be read.
        """
        pixels = read_pixels(self.exposure.image, self.chip)
        return ChipPixels(pixels, self._good(), self._noise(pixels))

    def load_without_noise(self) -> ChipPixels:
        """Read its pixels for what needs no weights: their noise is that of the sky."""
        pixels = read_pixels(self.exposure.image, self.chip)
        sky, sigma = measure_sky(pixels)
        return ChipPixels(pixels, self._good(), PixelNoise(None, sky, sigma**2, 0.0, "the sky"))

    def _good(self) -> BoolArray:
        """Read which pixels may be used."""
        mask = self.exposure.mask
        good = read_mask(mask, self.chip.number) if mask else None
        if good is None:
            good = np.ones(self.chip.shape, dtype=np.bool_)
        if not (self.exposure.any_flag_is_bad and self.record["dq"]):
            return good
        flags = read_dq(self.exposure.image, self.chip)
        return good if flags is None else good & (flags == 0)

    def _noise(self, pixels: RealImage) -> PixelNoise:
        """Learn the noise of its pixels."""
        errors = self._errors()
        if self._learnt is None:
            sky, sigma = measure_sky(pixels)
            if errors is not None:
                found = noise_from_errors(errors, pixels, sky=sky)
            else:
                found = noise_from_header(
                    self.record["noise"], sky=sky, sky_sigma=sigma, label=self.label
                )
            self._learnt = replace(found, errors=None)
        return replace(self._learnt, errors=errors)

    def _errors(self) -> RealImage | None:
        """Read its ERR array; None where there is none, or none with values."""
        if self.record["err"] is None:
            return None
        try:
            errors = read_errors(self.exposure.image, self.chip)
        except InputError:
            return None
        return errors if np.fmax.reduce(errors, axis=None) > 0.0 else None


def measure_sky(pixels: RealImage) -> tuple[float, float]:
    """Return the level of the sky and its noise: median, and 1.4826 times the median distance.

    Sources lie above the median, so that the distance is that of what lies below.
    """
    sample = pixels.ravel()[:: max(1, pixels.size // SAMPLE)]
    sample = sample[np.isfinite(sample)].astype(np.float64)
    if not sample.size:
        return 0.0, 0.0
    sky = float(np.median(sample))
    return sky, 1.4826 * float(np.median(sky - sample[sample <= sky]))
