"""What no PSF fits: cosmic rays, hot pixels and galaxies among stars."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from optics import Optics, Sky, expose, infrared, paint, scattered, uvis
from psf_scenes import library
from scipy.spatial import cKDTree

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.demo.painting import Hits, Psf, cosmic_rays, hot_pixels, paint_stars
from tweakreg_steps.finding.narrowness import measure_narrowness
from tweakreg_steps.psf.pixel_noise import PixelNoise
from tweakreg_steps.psf.psf_fit import fit_positions
from tweakreg_steps.psf.psf_grid import PsfGrid
from tweakreg_steps.psf.psf_positions import Flag, PsfPositions

SIZE = (800, 800)
CAMERAS = {"uvis": uvis(SIZE), "infrared": infrared(SIZE)}
SKY = Sky(25.0, 3.1)
SIGMA = (SKY.level + SKY.read_noise**2) ** 0.5
NOISE = PixelNoise(None, SKY.level, SIGMA**2, 1.0, "test")


@dataclass(frozen=True, eq=False)
class Mixture:
    """Stars of 600 to 3e5 electrons and hits, and the sources that are nothing but one of these."""

    pixels: FloatArray
    x: FloatArray
    y: FloatArray
    star: BoolArray

    def fit(self, psf: PsfGrid) -> PsfPositions:
        good = np.ones(self.pixels.shape, dtype=np.bool_)
        return fit_positions(self.pixels, good, psf, NOISE, self.x, self.y)

    def narrow(self) -> BoolArray:
        return measure_narrowness(self.pixels, self.x, self.y, sigma=SIGMA).narrow


@cache
def mixture(camera: str, kind: str) -> Mixture:
    optics, rng = CAMERAS[camera], np.random.default_rng(4)
    x, y = scattered(optics, 40, rng)
    pixels = expose(paint(optics, x, y, 600 * 10 ** rng.uniform(0.0, 2.7, len(x))), SKY, rng)
    hits = (
        cosmic_rays(SIZE, number=500, rng=rng, mean_length=4.0, counts_per_pixel=300.0)
        if kind == "cosmic rays"
        else hot_pixels(SIZE, number=500, rng=rng, faintest=100.0)
    )
    np.add.at(pixels, (hits.row, hits.column), hits.counts)
    hit_x, hit_y = brightest(hits, pixels)
    alone = np.asarray(cKDTree(np.c_[x, y]).query(np.c_[hit_x, hit_y])[0]) > 8.0
    clear = np.asarray(cKDTree(np.c_[hit_x, hit_y]).query(np.c_[x, y])[0]) > 8.0
    return Mixture(
        pixels,
        np.concatenate([x[clear], hit_x[alone]]),
        np.concatenate([y[clear], hit_y[alone]]),
        np.repeat([True, False], [clear.sum(), alone.sum()]),
    )


def brightest(hits: Hits, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Places of the hits that stand out, each at the brightest pixel of its neighbourhood."""
    found = [
        (column, row)
        for row, column in set(zip(hits.row.tolist(), hits.column.tolist(), strict=True))
        if pixels[row, column] > SKY.level + 8 * SIGMA
        and pixels[row, column]
        == pixels[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4].max()
    ]
    x, y = np.array(sorted(found), dtype=float).T
    return x + 1.0, y + 1.0


@pytest.mark.slow
@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("kind", ["cosmic rays", "hot pixels"])
def test_with_a_psf_fewer_hits_are_taken_for_stars(camera: str, kind: str) -> None:
    scene = mixture(camera, kind)
    for optics in (CAMERAS[camera], CAMERAS[camera].defocused(6.0)):
        found = scene.fit(library(optics))
        narrow = ~found.is_star | scene.narrow()
        assert narrow[~scene.star].mean() > 0.97
        assert narrow[~scene.star].mean() >= scene.narrow()[~scene.star].mean()
        assert narrow[scene.star].mean() < 0.02


@pytest.mark.slow
def test_well_sampled_hits_need_no_second_test() -> None:
    for kind in ("cosmic rays", "hot pixels"):
        scene = mixture("uvis", kind)
        found = scene.fit(library(CAMERAS["uvis"]))
        assert (~found.is_star)[~scene.star].mean() > 0.9


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("sigma", [1.2, 1.8, 2.5])
@pytest.mark.parametrize("flux", [3e3, 1e4, 1e5])
def test_galaxies_are_extended_and_not_narrow(camera: str, sigma: float, flux: float) -> None:
    optics: Optics = CAMERAS[camera]
    rng = np.random.default_rng(6)
    x, y = scattered(optics, 50, rng)
    shape = Psf(core_sigma=sigma, wing_sigma=2 * sigma, wing_fraction=0.3, radius=15)
    light = paint_stars(SIZE, x=x, y=y, flux=np.full(len(x), flux), psf=shape)
    pixels, good = expose(light, SKY, rng), np.ones(SIZE, dtype=np.bool_)
    found = fit_positions(pixels, good, library(optics), NOISE, x, y)
    assert (~found.is_star).mean() < 0.1
    if flux > 3e4:
        assert ((found.flags & Flag.EXTENDED) > 0).mean() > 0.9
        assert np.median(found.errors[found.converged]) > 0.03


def test_a_hit_on_a_star_makes_its_error_larger() -> None:
    scene = mixture("uvis", "hot pixels")
    star = np.flatnonzero(scene.star)
    hit = scene.pixels.copy()
    hit[np.rint(scene.y[star]).astype(int), np.rint(scene.x[star]).astype(int)] += 3000.0
    psf = library(CAMERAS["uvis"])
    before = scene.fit(psf)
    after = Mixture(hit, scene.x, scene.y, scene.star).fit(psf)
    assert np.nanmedian((after.errors / before.errors)[star]) > 3.0
