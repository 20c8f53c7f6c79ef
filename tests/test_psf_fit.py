"""Positions from the PSF against painted optics, the Cramér-Rao bound, and photutils."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from astropy.table import QTable
from optics import bound, infrared, paint, uvis
from psf_scenes import NOISE, SKY, StarField, isolated, library, phase_bias

from tweakreg_steps.psf.psf_fit import fit_positions
from tweakreg_steps.psf.psf_positions import Flag

SIZE = (512, 512)
CAMERAS = {"uvis": uvis(SIZE), "infrared": infrared(SIZE)}


@cache
def field(camera: str, flux: float) -> StarField:
    return isolated(CAMERAS[camera], flux=flux)


@pytest.mark.slow
@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("flux", [1e3, 1e4, 1e5, 1e6])
def test_positions_reach_the_cramer_rao_bound(camera: str, flux: float) -> None:
    optics, stars = CAMERAS[camera], field(camera, flux)
    found = stars.fit(library(optics))
    errors = np.concatenate([found.x - stars.x, found.y - stars.y])
    rms = np.sqrt(np.mean(errors**2))
    limit = np.sqrt(np.mean(bound(optics, stars.x, stars.y, stars.flux, SKY) ** 2))
    # of 289 stars on two axes the rms is known to 3 %
    assert rms < max(1.1 * limit, 0.004) if flux > 1e5 else rms < 1.1 * limit
    assert not found.flags.any()


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("flux", [1e3, 1e4, 1e5, 1e6])
def test_errors_are_what_they_say(camera: str, flux: float) -> None:
    stars = field(camera, flux)
    found = stars.fit(library(CAMERAS[camera]))
    pulls = np.concatenate([(found.x - stars.x), (found.y - stars.y)]) / np.tile(found.errors, 2)
    assert 0.9 < np.sqrt(np.mean(pulls**2)) < 1.1
    assert np.median(found.chi2) == pytest.approx(1.0, abs=0.1)
    assert np.mean((found.flux - flux) / found.flux_error) == pytest.approx(0.0, abs=0.25)


@pytest.mark.parametrize("camera", CAMERAS)
def test_no_error_depends_on_the_phase(camera: str) -> None:
    stars = isolated(CAMERAS[camera], flux=1e6, spacing=24)
    found = stars.fit(library(CAMERAS[camera]))
    assert phase_bias(stars.x, found.x - stars.x, bins=5) < 0.002
    assert phase_bias(stars.y, found.y - stars.y, bins=5) < 0.002


@pytest.mark.slow
@pytest.mark.parametrize("camera", CAMERAS)
def test_with_the_psf_of_another_focus_little_is_lost(camera: str) -> None:
    optics, stars = CAMERAS[camera], field(camera, 1e5)
    found = stars.fit(library(optics.defocused(6.0)))
    errors = np.concatenate([found.x - stars.x, found.y - stars.y])
    assert np.sqrt(np.mean(errors**2)) < 0.008
    assert found.is_star.all()


def test_a_wrong_psf_makes_the_errors_larger() -> None:
    stars = field("uvis", 1e6)
    right, wrong = (stars.fit(library(CAMERAS["uvis"].defocused(nm))) for nm in (0.0, 20.0))
    assert np.median(wrong.chi2) > 5.0
    assert np.median(wrong.errors) > 2.0 * np.median(right.errors)


@pytest.mark.parametrize("camera", CAMERAS)
def test_photutils_finds_the_same_positions(camera: str) -> None:
    from photutils.psf import ImagePSF, PSFPhotometry

    stars = field(camera, 1e5)
    psf = library(CAMERAS[camera])
    x, y = float(stars.x[144]), float(stars.y[144])
    table = QTable({"x_init": [x - 1.05], "y_init": [y - 0.95], "flux_init": [9e4]})
    side = 7 if camera == "uvis" else 5
    fitter = PSFPhotometry(ImagePSF(psf.at(x, y), oversampling=4), (side, side))
    deviation = np.sqrt(np.maximum(stars.pixels, 0.0) + SKY.read_noise**2)
    theirs = fitter(stars.pixels - SKY.level, error=deviation, init_params=table)
    ours = fit_positions(
        stars.pixels, stars.good, psf, NOISE, np.array([x + 0.05]), np.array([y - 0.05])
    )
    assert ours.x[0] == pytest.approx(theirs["x_fit"][0] + 1.0, abs=0.001)
    assert ours.y[0] == pytest.approx(theirs["y_fit"][0] + 1.0, abs=0.001)


def pair(apart: float, ratio: float) -> StarField:
    """Pairs of stars, the second fainter."""
    first = field("uvis", 1e5)
    rng = np.random.default_rng(3)
    angle = rng.uniform(0.0, 2.0 * np.pi, len(first.x))
    x = np.concatenate([first.x, first.x + apart * np.cos(angle)])
    y = np.concatenate([first.y, first.y + apart * np.sin(angle)])
    flux = np.concatenate([first.flux, first.flux * ratio])
    light = paint(CAMERAS["uvis"], x, y, flux)
    return StarField(rng.poisson(light + SKY.level).astype(float), x, y, flux)


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [1.0, 0.1])
@pytest.mark.parametrize("apart", [2.5, 4.0, 6.0, 9.0])
def test_neighbours_do_not_move_each_other(apart: float, ratio: float) -> None:
    stars = pair(apart, ratio)
    found = stars.fit(library(CAMERAS["uvis"]))
    pulls = np.concatenate([(found.x - stars.x), (found.y - stars.y)]) / np.tile(found.errors, 2)
    assert np.sqrt(np.mean(pulls**2)) < 1.15
    assert ((found.flags & Flag.BLENDED) > 0).all() == (apart < 6.6)


@pytest.mark.slow
def test_a_crowd_is_measured_as_well() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.uniform(8, 504, (2, 1500))
    flux = 1e3 / (1.0 - rng.random(1500))
    light = paint(CAMERAS["uvis"], x, y, np.minimum(flux, 3e5))
    stars = StarField(rng.poisson(light + SKY.level).astype(float), x, y, flux)
    found = stars.fit(library(CAMERAS["uvis"]))
    measured = (found.flags & Flag.NOT_MEASURED) == 0
    assert measured.mean() > 0.9
    pulls = ((found.x - x) / found.errors)[measured]
    assert 1.4826 * np.median(np.abs(pulls)) < 1.1
    assert np.mean(np.abs(pulls) > 5.0) < 0.02


def test_pieces_of_a_bright_star_are_nothing() -> None:
    star = field("uvis", 1e6)
    pieces = [(0.7, 0.3), (-2.6, 0.2), (1.9, 1.9), (0.1, -4.2), (3.0, -1.0)]
    x = np.concatenate([star.x[:1], [star.x[0] + dx for dx, _ in pieces]])
    y = np.concatenate([star.y[:1], [star.y[0] + dy for _, dy in pieces]])
    alone = fit_positions(star.pixels, star.good, library(CAMERAS["uvis"]), NOISE, x[:1], y[:1])
    found = fit_positions(star.pixels, star.good, library(CAMERAS["uvis"]), NOISE, x, y)
    assert ((found.flags[1:] & Flag.NOTHING) > 0).all()
    assert found.is_star.tolist() == [True] + [False] * 5
    assert found.x[0] == pytest.approx(alone.x[0], abs=1e-4)


Mask = Callable[[StarField], np.ndarray]


def saturated(stars: StarField) -> np.ndarray:
    return np.asarray(stars.pixels > 2e4)


def middles(stars: StarField) -> np.ndarray:
    """Nine pixels of every star."""
    rows, columns = np.indices(stars.pixels.shape)
    bad = np.zeros(stars.pixels.shape, dtype=bool)
    for x, y in zip(stars.x, stars.y, strict=True):
        bad |= (np.abs(columns + 1 - x) < 1.5) & (np.abs(rows + 1 - y) < 1.5)
    return bad


def every_tenth(stars: StarField) -> np.ndarray:
    return np.random.default_rng(2).random(stars.pixels.shape) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("mask", [saturated, middles, every_tenth])
@pytest.mark.parametrize("value", [np.nan, 6e4])
def test_masked_pixels_are_left_out_and_the_star_is_measured(mask: Mask, value: float) -> None:
    stars = isolated(CAMERAS["uvis"], flux=3e5)
    bad = mask(stars)
    pixels = np.where(bad, value, stars.pixels)
    found = fit_positions(
        pixels, ~bad, library(CAMERAS["uvis"]), NOISE, stars.x + 0.1, stars.y - 0.1
    )
    pulls = np.concatenate([found.x - stars.x, found.y - stars.y]) / np.tile(found.errors, 2)
    assert 0.9 < np.sqrt(np.mean(pulls**2)) < 1.1
    touched = ((found.flags & Flag.LEFT_OUT) > 0).mean()
    assert touched > 0.95
    assert ((found.flags & Flag.WINGS) > 0).all() == (mask is middles)


def test_what_has_no_pixels_keeps_its_place_and_has_no_error() -> None:
    stars = field("uvis", 1e4)
    nothing = np.zeros(stars.pixels.shape, dtype=bool)
    found = fit_positions(stars.pixels, nothing, library(CAMERAS["uvis"]), NOISE, stars.x, stars.y)
    assert ((found.flags & Flag.NOT_MEASURED) > 0).all()
    assert (found.x == stars.x).all()
    assert np.isnan(found.errors).all()
    assert found.is_star.all()


def test_at_the_edge_and_off_the_image_nothing_fails() -> None:
    stars = field("uvis", 1e4)
    x = np.array([1.0, 512.0, 256.0, -30.0, np.nan])
    y = np.array([1.0, 512.0, 513.4, 256.0, 20.0])
    found = fit_positions(stars.pixels, stars.good, library(CAMERAS["uvis"]), NOISE, x, y)
    assert ((found.flags[3:] & Flag.NOT_MEASURED) > 0).all()
    assert (
        len(fit_positions(stars.pixels, stars.good, library(CAMERAS["uvis"]), NOISE, x[:0], y[:0]))
        == 0
    )


def test_the_order_of_the_sources_does_not_matter() -> None:
    stars = pair(4.0, 0.5)
    psf = library(CAMERAS["uvis"])
    order = np.random.default_rng(1).permutation(len(stars.x))
    one = fit_positions(stars.pixels, stars.good, psf, NOISE, stars.x, stars.y)
    other = fit_positions(stars.pixels, stars.good, psf, NOISE, stars.x[order], stars.y[order])
    assert np.allclose(one.x[order], other.x, rtol=0, atol=1e-5)
