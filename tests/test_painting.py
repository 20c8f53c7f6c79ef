"""Painted stars are where they were asked to be, and noise is what it was asked to be."""

import numpy as np
import pytest

from tweakreg_steps.demo.painting import (
    UVIS_PSF,
    cosmic_rays,
    expose,
    hot_pixels,
    paint_stars,
    steep_fluxes,
)

SHAPE = (60, 80)


def one_star(x: float, y: float, flux: float = 1000.0) -> np.ndarray:
    return paint_stars(SHAPE, x=np.array([x]), y=np.array([y]), flux=np.array([flux]), psf=UVIS_PSF)


def test_position_is_that_of_fits_pixels() -> None:
    image = one_star(5.0, 20.0)
    row, column = np.unravel_index(np.argmax(image), SHAPE)
    assert (int(row), int(column)) == (19, 4)


@pytest.mark.parametrize(("x", "y"), [(30.0, 31.0), (40.5, 20.25), (33.3, 28.9)])
def test_flux_and_centroid_are_those_asked_for(x: float, y: float) -> None:
    image = one_star(x, y)
    rows, columns = np.indices(SHAPE) + 1
    assert image.sum() == pytest.approx(1000.0, rel=1e-5)
    assert (image * columns).sum() / image.sum() == pytest.approx(x, abs=1e-4)
    assert (image * rows).sum() / image.sum() == pytest.approx(y, abs=1e-4)


def test_half_maximum_is_undersampled_like_uvis() -> None:
    profile = one_star(40.0, 30.0)[29, 39:42] / one_star(40.0, 30.0)[29, 39]
    assert 2.0 * np.interp(0.5, profile[::-1], [2.0, 1.0, 0.0]) == pytest.approx(1.9, abs=0.1)


def test_star_on_the_edge_loses_the_light_beyond() -> None:
    assert one_star(0.5, 30.0).sum() == pytest.approx(500.0, rel=1e-4)
    assert one_star(-50.0, 30.0).sum() == 0.0


def test_light_of_stars_adds() -> None:
    both = paint_stars(
        SHAPE,
        x=np.array([20.2, 22.9]),
        y=np.array([30.0, 31.5]),
        flux=np.array([100.0, 300.0]),
        psf=UVIS_PSF,
    )
    np.testing.assert_allclose(both, one_star(20.2, 30.0, 100.0) + one_star(22.9, 31.5, 300.0))


def test_cosmic_rays_are_dots_and_streaks_on_the_image() -> None:
    hits = cosmic_rays(
        SHAPE, number=400, rng=np.random.default_rng(1), mean_length=4.0, counts_per_pixel=500.0
    )
    assert hits.row.min() >= 0
    assert hits.row.max() < SHAPE[0]
    assert hits.column.min() >= 0
    assert hits.column.max() < SHAPE[1]
    one = [
        cosmic_rays(
            SHAPE, number=1, rng=np.random.default_rng(i), mean_length=4.0, counts_per_pixel=500.0
        )
        for i in range(50)
    ]
    sizes = [len(set(zip(ray.row.tolist(), ray.column.tolist(), strict=True))) for ray in one]
    assert min(sizes) <= 2
    assert max(sizes) > 10


def test_hot_pixels_are_distinct_and_steep() -> None:
    hits = hot_pixels((500, 500), number=2000, rng=np.random.default_rng(2), faintest=100.0)
    assert len(np.unique(hits.row * 500 + hits.column)) == 2000
    assert hits.counts.min() >= 100.0
    assert np.mean(hits.counts > 1000.0) == pytest.approx(0.1, abs=0.02)


def test_sky_has_poisson_and_read_noise() -> None:
    rng = np.random.default_rng(3)
    image = expose(np.zeros((400, 400)), hits=(), rng=rng, sky=25.0, read_noise=3.0)
    assert image.dtype == np.float32
    assert image.mean() == pytest.approx(25.0, abs=0.1)
    assert image.var() == pytest.approx(25.0 + 9.0, rel=0.02)


def test_hits_add_to_pixels_hit_twice() -> None:
    rng = np.random.default_rng(4)
    hits = hot_pixels((1, 1), number=1, rng=rng, faintest=1000.0)
    image = expose(np.zeros((1, 1)), hits=(hits, hits), rng=rng, sky=0.0, read_noise=0.0)
    assert image[0, 0] == pytest.approx(2.0 * hits.counts[0])


def test_fluxes_fall_as_the_power_asked_for() -> None:
    flux = steep_fluxes(20000, rng=np.random.default_rng(5), faintest=100.0, slope=1.5)
    assert flux.min() >= 100.0
    assert np.mean(flux > 400.0) == pytest.approx(0.125, abs=0.01)


def test_same_seed_paints_the_same() -> None:
    first, second = (
        expose(one_star(30.0, 30.0), hits=(), rng=np.random.default_rng(6), sky=9.0, read_noise=3.0)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
