"""Sky noise: TweakReg's number where it means something, the standard deviation elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.finding.sky_noise import RealPixels, SkyNoise, measure_sky_noise
from tweakreg_steps.finding.threshold import noise_warning
from tweakreg_steps.fits_files.pixel_unit import pixel_unit

SHAPE = (700, 900)


def sky(level: float, seed: int = 1, read_noise: float = 3.1) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    image = rng.poisson(level, SHAPE) + rng.normal(0.0, read_noise, SHAPE)
    return image.astype(np.float32)


def measure(image: RealPixels) -> SkyNoise:
    """Measure the noise of an image of counts."""
    return measure_sky_noise(image, counts_per_unit=1.0)


def with_cosmic_rays(image: NDArray[np.float32]) -> NDArray[np.float32]:
    rng = np.random.default_rng(7)
    struck = image.copy()
    struck.flat[rng.choice(image.size, 5000, replace=False)] += rng.exponential(900.0, 5000)
    return struck


# made with stsci.imagestats 1.8.4, ImageStats(image, nclip=3, fields="mode,stddev", binwidth=0.01)
STORED: dict[str, tuple[Callable[[], NDArray[np.float32]], float, float]] = {
    "plain": (lambda: sky(50.0), 48.84585542382078, 7.595292568206787),
    "struck": (lambda: with_cosmic_rays(sky(50.0)), 48.04152925175859, 7.609824180603027),
    "faint": (lambda: sky(2.0), 1.412373947335615, 3.3490207195281982),
    "deep": (lambda: sky(4.0e4, read_noise=0.0), 40013.20391314879, 196.9421844482422),
}


@pytest.mark.parametrize("name", STORED)
def test_mode_and_deviation_are_those_of_imagestats(name: str) -> None:
    paint, mode, deviation = STORED[name]
    noise = measure(paint())
    assert noise.mode == pytest.approx(mode, rel=1e-5)
    assert noise.clipped_std == pytest.approx(deviation, rel=1e-6)


def test_sigma_is_that_of_the_mode_on_an_ordinary_frame() -> None:
    noise = measure(with_cosmic_rays(sky(50.0)))
    assert noise.method == "mode"
    assert noise.sigma == np.sqrt(2.0 * noise.mode)
    assert noise.sigma == pytest.approx(10.0, rel=0.02)


@pytest.mark.parametrize("seed", range(12))
def test_subtracted_sky_has_its_standard_deviation(seed: int) -> None:
    noise = measure(with_cosmic_rays(sky(50.0, seed) - np.float32(50.0)))
    assert noise.method == "clipped_std"
    assert noise.sigma == noise.clipped_std == pytest.approx(np.sqrt(50.0 + 3.1**2), rel=0.02)


def test_negative_sky_counts_as_its_size() -> None:
    noise = measure(sky(50.0) - np.float32(100.0))
    assert noise.method == "mode"
    assert noise.sigma == pytest.approx(10.0, rel=0.02)


def test_pixels_that_are_not_finite_do_not_count() -> None:
    image = sky(50.0)
    holed = np.vstack([image, np.full((300, SHAPE[1]), np.nan, dtype=np.float32)])
    holed[-1, ::2] = np.inf
    assert measure(holed) == measure(image)


@pytest.mark.parametrize("dtype", [">f4", ">f8", "f8"])
def test_byte_order_and_precision_do_not_matter(dtype: str) -> None:
    image = sky(50.0)
    assert measure(image.astype(dtype)) == measure(image)


@pytest.mark.parametrize(
    ("value", "sigma", "method"), [(32.0, 8.0, "mode"), (0.0, 0.0, "clipped_std")]
)
def test_constant_chip(value: float, sigma: float, method: str) -> None:
    noise = measure(np.full((20, 30), value, dtype=np.float32))
    assert (noise.sigma, noise.method, noise.clipped_std) == (sigma, method, 0.0)


def test_whole_numbers_are_counted_in_their_bins() -> None:
    counts = np.random.default_rng(3).poisson(20.0, SHAPE).astype(np.int16)
    assert measure(counts).mode == pytest.approx(20.0, abs=1.0)


def test_chip_without_finite_pixels_is_an_error() -> None:
    with pytest.raises(NotAlignedError, match="none of 600 pixels is finite") as caught:
        measure(np.full((20, 30), np.nan, dtype=np.float32))
    assert caught.value.reason is Reason.NO_PIXELS


@pytest.mark.parametrize("seconds", [0.3, 170.0, 2500.0])
@pytest.mark.parametrize("level", [2.0, 50.0, 4.0e4])
def test_noise_of_a_rate_is_that_of_its_counts(level: float, seconds: float) -> None:
    image = with_cosmic_rays(sky(level))
    rate = measure_sky_noise(image / np.float32(seconds), counts_per_unit=seconds)
    counts = measure(image)
    assert rate.method == counts.method == "mode"
    assert rate.sigma * seconds == pytest.approx(counts.sigma, rel=2e-3)
    assert rate.clipped_std * seconds == pytest.approx(counts.clipped_std, rel=1e-5)


def test_where_the_counts_are_not_known_the_pixels_tell_their_scatter() -> None:
    image = with_cosmic_rays(sky(50.0))
    for factor in (1.0, 1e-3, 1e4):
        noise = measure_sky_noise(image * np.float32(factor), counts_per_unit=None)
        assert (noise.method, noise.mode_sigma) == ("clipped_std", None)
        assert noise.sigma == pytest.approx(factor * np.sqrt(50.0 + 3.1**2), rel=0.02)


@pytest.mark.parametrize("level", [0.001, 0.02, 0.05])
def test_a_few_photons_among_zeros_have_noise(level: float) -> None:
    rng = np.random.default_rng(2)
    image = rng.poisson(level, SHAPE).astype(np.float32)
    bright = rng.choice(image.size, 200, replace=False)
    image.flat[bright] += rng.exponential(300.0, 200).round()
    noise = measure(image)
    assert (noise.method, noise.clipped_std) == ("std", 0.0)
    assert np.sqrt(level) * 0.5 < noise.sigma < max(4.0 * np.sqrt(level), 0.6)


@pytest.mark.parametrize(("pedestal", "differs"), [(0.0, False), (1000.0, True), (-1000.0, True)])
def test_a_pedestal_is_told_by_the_scatter(pedestal: float, differs: bool) -> None:
    noise = measure(sky(50.0) + np.float32(pedestal))
    assert noise.differs is differs
    assert noise.of_a_pixel == (noise.clipped_std if differs else noise.sigma)


WARNINGS: dict[str, tuple[NDArray[np.float32], dict[str, Any], str | None]] = {
    "counts": (sky(50.0), {"BUNIT": "ELECTRONS"}, None),
    "rate": (sky(50.0) / np.float32(600), {"BUNIT": "ELECTRONS/S", "EXPTIME": 600.0}, None),
    "no unit": (sky(50.0), {}, "BUNIT is missing: .* 7.595; for counts it would be 9.88"),
    "no time": (sky(50.0) / np.float32(600), {"BUNIT": "COUNTS/S"}, "EXPTIME is missing"),
    "flux": (sky(50.0), {"BUNIT": "MJy/sr"}, "MJY/SR, neither counts"),
    "pedestal": (sky(5000.0) - np.float32(3e4), {"BUNIT": "ADU"}, "is 223.* deviation is 69"),
    "photons": ((sky(50.0) > 75.0).astype("f4"), {"BUNIT": "COUNTS"}, "nearly all .* 0: the noise"),
    "nothing": (np.zeros((30, 40), "f4"), {"BUNIT": "COUNTS"}, "no noise, and no source"),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_the_user_should_know_is_said(name: str) -> None:
    image, header, pattern = WARNINGS[name]
    unit = pixel_unit(header)
    said = noise_warning(measure_sky_noise(image, counts_per_unit=unit.counts), unit)
    assert (said is None) if pattern is None else re.search(pattern, str(said))
