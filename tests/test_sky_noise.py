"""Sky noise: TweakReg's number where it means something, the standard deviation elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.finding.sky_noise import measure_sky_noise

SHAPE = (700, 900)


def sky(level: float, seed: int = 1, read_noise: float = 3.1) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    image = rng.poisson(level, SHAPE) + rng.normal(0.0, read_noise, SHAPE)
    return image.astype(np.float32)


def with_cosmic_rays(image: NDArray[np.float32]) -> NDArray[np.float32]:
    rng = np.random.default_rng(7)
    struck = image.copy()
    struck.flat[rng.choice(image.size, 5000, replace=False)] += rng.exponential(900.0, 5000)
    return struck


# made with stsci.imagestats 1.8.4, ImageStats(image, nclip=3, fields="mode,stddev", binwidth=0.01)
STORED = {
    "plain": (sky(50.0), 48.84585542382078, 7.595292568206787),
    "struck": (with_cosmic_rays(sky(50.0)), 48.04152925175859, 7.609824180603027),
    "faint": (sky(2.0), 1.412373947335615, 3.3490207195281982),
    "deep": (sky(4.0e4, read_noise=0.0), 40013.20391314879, 196.9421844482422),
}


@pytest.mark.parametrize("name", STORED)
def test_mode_and_deviation_are_those_of_imagestats(name: str) -> None:
    image, mode, deviation = STORED[name]
    noise = measure_sky_noise(image)
    assert noise.mode == pytest.approx(mode, rel=1e-5)
    assert noise.clipped_std == pytest.approx(deviation, rel=1e-6)


def test_sigma_is_that_of_the_mode_on_an_ordinary_frame() -> None:
    noise = measure_sky_noise(with_cosmic_rays(sky(50.0)))
    assert noise.method == "mode"
    assert noise.sigma == np.sqrt(2.0 * noise.mode)
    assert noise.sigma == pytest.approx(10.0, rel=0.02)


@pytest.mark.parametrize("seed", range(12))
def test_subtracted_sky_has_its_standard_deviation(seed: int) -> None:
    noise = measure_sky_noise(with_cosmic_rays(sky(50.0, seed) - np.float32(50.0)))
    assert noise.method == "clipped_std"
    assert noise.sigma == noise.clipped_std == pytest.approx(np.sqrt(50.0 + 3.1**2), rel=0.02)


def test_negative_sky_counts_as_its_size() -> None:
    noise = measure_sky_noise(sky(50.0) - np.float32(100.0))
    assert noise.method == "mode"
    assert noise.sigma == pytest.approx(10.0, rel=0.02)


def test_pixels_that_are_not_finite_do_not_count() -> None:
    image = sky(50.0)
    holed = np.vstack([image, np.full((300, SHAPE[1]), np.nan, dtype=np.float32)])
    holed[-1, ::2] = np.inf
    assert measure_sky_noise(holed) == measure_sky_noise(image)


@pytest.mark.parametrize("dtype", [">f4", ">f8", "f8"])
def test_byte_order_and_precision_do_not_matter(dtype: str) -> None:
    image = sky(50.0)
    assert measure_sky_noise(image.astype(dtype)) == measure_sky_noise(image)


@pytest.mark.parametrize(
    ("value", "sigma", "method"), [(32.0, 8.0, "mode"), (0.0, 0.0, "clipped_std")]
)
def test_constant_chip(value: float, sigma: float, method: str) -> None:
    noise = measure_sky_noise(np.full((20, 30), value, dtype=np.float32))
    assert (noise.sigma, noise.method, noise.clipped_std) == (sigma, method, 0.0)


def test_whole_numbers_are_counted_in_their_bins() -> None:
    counts = np.random.default_rng(3).poisson(20.0, SHAPE).astype(np.int16)
    assert measure_sky_noise(counts).mode == pytest.approx(20.0, abs=1.0)


def test_chip_without_finite_pixels_is_an_error() -> None:
    with pytest.raises(NotAlignedError, match="none of 600 pixels is finite") as caught:
        measure_sky_noise(np.full((20, 30), np.nan, dtype=np.float32))
    assert caught.value.reason is Reason.NO_PIXELS
