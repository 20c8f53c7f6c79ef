"""Noise of pixels from ERR arrays and from headers, in every unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from optics import bound, uvis
from psf_scenes import SKY, isolated, library

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.digests import digest_exposure
from tweakreg_steps.fits_files.header_cards import Cards
from tweakreg_steps.fits_files.noise_cards import GAINS, READ_NOISES
from tweakreg_steps.psf.pixel_noise import noise_from_errors, noise_from_header
from tweakreg_steps.psf.psf_fit import fit_positions

OPTICS = uvis((512, 512))
GAIN, TIME = 1.5, 350.0
UNITS: dict[str, tuple[float, dict[str, Any]]] = {
    "electrons": (1.0, {"BUNIT": "ELECTRONS"}),
    "counts": (GAIN, {"BUNIT": "COUNTS", "CCDGAIN": GAIN}),
    "electrons a second": (TIME, {"BUNIT": "ELECTRONS/S", "EXPTIME": TIME}),
    "counts a second": (GAIN * TIME, {"BUNIT": "COUNTS/S", "ATODGNA": GAIN, "EXPTIME": TIME}),
}


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("flux", [1e3, 1e5])
def test_in_every_unit_errors_are_what_they_say(unit: str, flux: float) -> None:
    per, cards = UNITS[unit]
    stars = isolated(OPTICS, flux=flux)
    pixels = (stars.pixels / per).astype(np.float32)
    header = {"READNSEA": SKY.read_noise, "READNSEB": SKY.read_noise, **cards}
    level, sigma = SKY.level / per, np.sqrt(SKY.level + SKY.read_noise**2) / per
    noise = noise_from_header(header, sky=level, sky_sigma=sigma, label="SCI,1")
    errors = np.sqrt(np.maximum(stars.pixels, 0.0) + SKY.read_noise**2) / per
    learnt = noise_from_errors(errors, pixels, sky=level)
    for some in (noise, learnt):
        found = fit_positions(pixels, stars.good, library(OPTICS), some, stars.x, stars.y)
        pulls = np.concatenate([found.x - stars.x, found.y - stars.y]) / np.tile(found.errors, 2)
        assert 0.9 < np.sqrt(np.mean(pulls**2)) < 1.1
        limit = bound(OPTICS, stars.x, stars.y, stars.flux, SKY)
        assert np.median(found.errors) == pytest.approx(np.median(limit), rel=0.06)
        assert np.median(found.flux) * per == pytest.approx(flux, rel=0.02)


def test_what_light_adds_is_learnt_from_the_errors() -> None:
    stars = isolated(OPTICS, flux=1e5)
    errors = np.sqrt((np.maximum(stars.pixels, 0.0) + SKY.read_noise**2) / GAIN**2)
    noise = noise_from_errors(errors, stars.pixels / GAIN, sky=SKY.level / GAIN)
    assert noise.per_unit == pytest.approx(1.0 / GAIN, rel=0.02)


def test_errors_that_do_not_follow_the_light_are_used_as_they_are() -> None:
    stars = isolated(OPTICS, flux=1e5)
    noise = noise_from_errors(np.full(stars.pixels.shape, 7.0), stars.pixels, sky=SKY.level)
    assert noise.per_unit == 0.0
    at = np.array([3]), np.array([4])
    assert noise.without_light(stars.pixels[at], at).tolist() == [49.0]


@pytest.mark.parametrize("error", [0.0, -1.0, np.nan])
def test_pixels_without_an_error_are_not_used(error: float) -> None:
    stars = isolated(OPTICS, flux=1e5)
    errors = np.sqrt(stars.pixels.clip(0.0) + SKY.read_noise**2)
    row, column = int(stars.y[0]) - 1, int(stars.x[0]) - 1
    errors[row, column] = error
    noise = noise_from_errors(errors, stars.pixels, sky=SKY.level)
    found = fit_positions(stars.pixels, stars.good, library(OPTICS), noise, stars.x, stars.y)
    assert found.n_pixels[0] == found.n_pixels[1] - 1


def test_a_subtracted_sky_leaves_its_noise() -> None:
    header: Cards = {"BUNIT": "ELECTRONS", "READNSE": 3.0}
    noise = noise_from_header(header, sky=0.0, sky_sigma=9.0, label="SCI,1")
    assert noise.sky_variance == 81.0


@pytest.mark.parametrize(
    ("unit", "adds"),
    [
        *((name, 1.0) for name in ("ELECTRONS", "electron", "e-", "e")),
        *((name, 0.01) for name in ("ELECTRONS/S", "e/s", "electron s-1", "electrons / second")),
        *((name, 0.5) for name in ("COUNTS", "ct", "DN", "adu")),
        *((name, 0.005) for name in ("COUNTS/S", "cts/sec", "DN s**-1", "counts per second")),
    ],
)
def test_a_unit_may_be_written_in_many_ways(unit: str, adds: float) -> None:
    header: Cards = {"BUNIT": unit, "CCDGAIN": 2.0, "READNSE": 3.0, "EXPTIME": 100.0}
    noise = noise_from_header(header, sky=0.0, sky_sigma=0.0, label="SCI,1")
    assert noise.per_unit == pytest.approx(adds)


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ({}, "SCI,1: BUNIT is None, which tells neither counts nor electrons"),
        ({"BUNIT": "JY"}, "BUNIT is 'JY'"),
        ({"BUNIT": "COUNTS", "READNSE": 3.0}, "no gain in the header"),
        ({"BUNIT": "ELECTRONS"}, "no read noise in the header"),
        ({"BUNIT": "ELECTRONS/S", "READNSE": 3.0}, "EXPTIME is None"),
        ({"BUNIT": "ELECTRONS/S", "READNSE": 3.0, "EXPTIME": "long"}, "EXPTIME is 'long'"),
        ({"BUNIT": "CT / S", "CCDGAIN": 2.0, "EXPTIME": 0.0}, "EXPTIME is 0.0"),
    ],
)
def test_headers_that_do_not_tell_the_noise_are_refused(
    cards: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        noise_from_header(cards, sky=0.0, sky_sigma=1.0, label="SCI,1")


@pytest.mark.parametrize(
    "names",
    [
        pair
        for amplifier in ("", "A", "D")
        for gain in GAINS
        for read_noise in READ_NOISES
        if max(map(len, pair := (gain + amplifier, read_noise + amplifier))) <= 8
    ],
)
def test_the_survey_of_an_exposure_keeps_every_card_that_tells_the_noise(
    names: tuple[str, str], tmp_path: Path
) -> None:
    axes = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
    header = fits.Header({"BUNIT": "COUNTS", names[0]: 2.0, names[1]: 3.0, **axes})
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((4, 5), dtype=np.float32), header).writeto(path)
    (chip,) = digest_exposure(path, None)["chips"]
    noise = noise_from_header(chip["noise"], sky=0.0, sky_sigma=0.0, label="PRIMARY")
    assert (noise.sky_variance, noise.per_unit) == (1.5**2, 0.5)
