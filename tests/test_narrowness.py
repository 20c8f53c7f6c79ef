"""Narrow sources against painted stars, cosmic rays and hot pixels of known places."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_steps.demo.painting import (
    UVIS_PSF,
    Hits,
    Psf,
    cosmic_rays,
    expose,
    hot_pixels,
    paint_stars,
)
from tweakreg_steps.finding.narrowness import Narrowness, measure_narrowness

SHAPE = (400, 500)
SKY, READ_NOISE = 25.0, 3.1
SIGMA = (SKY + READ_NOISE**2) ** 0.5


def measured_stars(psf: Psf, flux: float) -> Narrowness:
    """Stars at all places within a pixel."""
    rng = np.random.default_rng(1)
    x, y = (np.arange(20, size - 20, 25) for size in (SHAPE[1], SHAPE[0]))
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2) + rng.uniform(0, 1, (19 * 15, 2))
    light = paint_stars(
        SHAPE, x=places[:, 0], y=places[:, 1], flux=np.full(len(places), flux), psf=psf
    )
    image = expose(light, hits=(), rng=rng, sky=SKY, read_noise=READ_NOISE)
    return measure_narrowness(image, places[:, 0], places[:, 1], sigma=SIGMA)


def measured_hits(hits: Hits) -> Narrowness:
    """Hits at the places of their brightest pixels."""
    rng = np.random.default_rng(2)
    image = expose(np.zeros(SHAPE), hits=(hits,), rng=rng, sky=SKY, read_noise=READ_NOISE)
    x, y = (np.asarray(index, dtype=np.float64) + 1.0 for index in (hits.column, hits.row))
    return measure_narrowness(image, x, y, sigma=SIGMA)


@pytest.mark.parametrize("flux", [1000.0, 30_000.0, 3e6])
@pytest.mark.parametrize("sigma", [0.6, 0.75, 1.2, 2.0])
def test_stars_are_not_narrow_however_bright_or_sharp(flux: float, sigma: float) -> None:
    psf = Psf(core_sigma=sigma, wing_sigma=2.5 * sigma, wing_fraction=0.1, radius=12)
    assert np.mean(measured_stars(psf, flux).narrow) < 0.02


def test_hot_pixels_are_narrow() -> None:
    hot = hot_pixels(SHAPE, number=100, rng=np.random.default_rng(3), faintest=200.0)
    assert np.mean(measured_hits(hot).narrow) > 0.95


def test_tracks_of_cosmic_rays_are_narrow() -> None:
    rays = cosmic_rays(
        SHAPE,
        number=60,
        rng=np.random.default_rng(4),
        mean_length=4.0,
        counts_per_pixel=500.0,
    )
    assert np.mean(measured_hits(rays).narrow) > 0.9


def test_the_spread_is_that_of_the_pixels() -> None:
    image = np.zeros((21, 21))
    image[10, 10] = 100.0
    image[10, [9, 11]], image[[9, 11], 10] = 60.0, 40.0
    image[9, 9] = image[11, 11] = 30.0
    image[9, 11], image[11, 9] = 10.0, 20.0
    found = measure_narrowness(image, np.array([11.0]), np.array([11.0]), sigma=0.0)
    assert found.spread.tolist() == [0.15]
    assert found.narrow.tolist() == [False]


def test_at_edges_and_beside_pixels_without_a_value_nothing_fails() -> None:
    image = np.random.default_rng(5).normal(0.0, 1.0, (30, 30)).astype(">f4")
    image[14, 14], image[14, 15] = 1000.0, np.nan
    x, y = np.array([1.0, 30.0, 15.0]), np.array([1.0, 30.0, 15.0])
    found = measure_narrowness(image, x, y, sigma=1.0)
    assert not found.narrow[2]
    assert len(measure_narrowness(image, x[:0], y[:0], sigma=1.0).spread) == 0


def test_of_faint_stars_few_seem_narrow() -> None:
    assert np.mean(measured_stars(UVIS_PSF, 200.0).narrow) < 0.05
