"""IRAF's starfind, segmentation and the map of the background, on painted chips."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import KDTree
from test_daofind import noisy, paint

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.demo.painting import Psf
from tweakreg_steps.finding.background import subtract_background
from tweakreg_steps.finding.finders import FINDERS, ChipCatalog, Search
from tweakreg_steps.fits_files.pixel_unit import PixelUnit
from tweakreg_steps.recipes.schema import parameters
from tweakreg_steps.sections import Finding

SECTION = {
    p.path[-1]: p.default
    for p in parameters()
    if p.path[0] == "imagefindpars" and p.path[-1] not in {"dqbits", "centroid", "psf"}
}
SHAPE = (200, 240)
STAR = Psf(core_sigma=1.3, wing_sigma=2.5, wing_fraction=0.1, radius=12)
GRID_X, GRID_Y = (
    a.ravel() for a in np.meshgrid(np.arange(7) * 33.3 + 18.4, np.arange(6) * 32.7 + 16.9)
)
FLUX = np.geomspace(2500.0, 1e5, GRID_X.size)
COUNTS = PixelUnit("ELECTRONS", 1.0, is_rate=False)
NEW = ("iraf", "segmentation")


def stars(seed: int = 5) -> NDArray[np.float32]:
    return noisy(paint(GRID_X, GRID_Y, FLUX, shape=SHAPE, psf=STAR), seed)


def search(
    image: NDArray[Any], good: BoolArray | None = None, **changes: float | str | bool | None
) -> ChipCatalog:
    find = cast("Finding", SECTION | {"threshold": 8.0} | changes)
    mask = np.ones(image.shape, dtype=bool) if good is None else good
    chip = Search(image, mask, weights=None, user_filter=None, unit=COUNTS, find=find)
    return FINDERS[find["finder"]].search(chip)


def nearest(found: ChipCatalog) -> tuple[FloatArray, IndexArray]:
    """Return distance and index of the source nearest to each star."""
    tree = KDTree(np.column_stack((found.columns["x"], found.columns["y"])))
    distance, index = tree.query(np.column_stack((GRID_X, GRID_Y)))
    return np.asarray(distance), np.asarray(index)


@pytest.mark.parametrize("finder", NEW)
def test_every_star_is_found_at_its_place_and_nothing_else(finder: str) -> None:
    found = search(stars(), finder=finder)
    assert len(found.columns["x"]) == GRID_X.size
    assert nearest(found)[0].max() < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("finder", NEW)
def test_errors_are_the_scatter_that_the_noise_makes(finder: str) -> None:
    """Many noises on the same stars; the mean place of each is its own."""
    places, errors = [], []
    for seed in range(25):
        found = search(stars(seed), finder=finder, computesig=False, skysigma=6.0)
        _, index = nearest(found)
        places.append(np.column_stack([found.columns["x"], found.columns["y"]])[index])
        errors.append(found.columns["error"][index])
    scatter = np.std(places, axis=0).mean(axis=1)
    bright = FLUX > 6000.0  # the pixels above the threshold are others for faint ones
    ratio = np.median(scatter[bright] / np.mean(errors, axis=0)[bright])
    assert ratio == pytest.approx(1.0, abs=0.35)


@pytest.mark.parametrize(("finder", "least"), [("iraf", 0.3), ("segmentation", 0.8)])
def test_flux_is_above_the_sky_and_peak_is_a_pixel(finder: str, least: float) -> None:
    image = stars()
    for constant in (0.0, 1000.0):
        found = search(image + np.float32(constant), finder=finder, computesig=False, skysigma=6.0)
        index = nearest(found)[1]
        bright = FLUX > 2e4
        assert np.all(found.columns["flux"][index][bright] / FLUX[bright] > least)
        assert np.all(found.columns["flux"][index][bright] / FLUX[bright] < 1.05)
        row, column = np.rint(GRID_Y).astype(int) - 1, np.rint(GRID_X).astype(int) - 1
        brightest = [
            image[y - 2 : y + 3, x - 2 : x + 3].max() for y, x in zip(row, column, strict=True)
        ]
        assert found.columns["peak"][index] == pytest.approx(
            np.array(brightest) + constant, rel=1e-5
        )


@pytest.mark.parametrize("finder", ["daofind", *NEW])
def test_masked_and_missing_pixels_make_no_sources(finder: str) -> None:
    image, good = stars(), np.ones(SHAPE, dtype=bool)
    good[5:30, 5:30] = False  # the first star
    image[100, 120] = np.nan
    image[5:60, 225:] = np.inf
    found = search(image, good, finder=finder)
    distance, _ = nearest(found)
    assert distance[0] > 10.0
    assert len(found.columns["x"]) in (GRID_X.size - 3, GRID_X.size - 2, GRID_X.size - 1)
    assert np.isfinite([found.columns[name] for name in ("x", "y", "flux", "peak")]).all()


@pytest.mark.parametrize("finder", ["daofind", *NEW])
@pytest.mark.parametrize("image", [np.zeros(SHAPE), np.full(SHAPE, 7.0), np.zeros((4, 90))])
def test_a_chip_without_light_has_no_sources(finder: str, image: NDArray[Any]) -> None:
    found = search(image.astype(np.float32), finder=finder)
    assert len(found.columns["x"]) == 0


@pytest.mark.parametrize("finder", ["daofind", *NEW])
def test_a_chip_whose_pixels_are_all_equal_is_told(finder: str) -> None:
    (text,) = search(np.zeros(SHAPE, dtype=np.float32), finder=finder).warnings
    assert "no noise, and no source" in text


@pytest.mark.parametrize("finder", NEW)
def test_byte_order_does_not_matter(finder: str) -> None:
    image = stars()
    one, other = search(image, finder=finder), search(image.astype(">f8"), finder=finder)
    assert one.columns["x"] == pytest.approx(other.columns["x"])


def test_the_shapes_of_iraf_select() -> None:
    image = stars()
    image[150, 100:112] += 400.0  # a streak
    every = search(image, finder="iraf", use_sharp_round=True, sharplo=-9, sharphi=9, roundlo=-9)
    assert set(every.columns) >= {"sharpness", "roundness1", "roundness2"}
    long = every.columns["roundness1"] > 0.5
    assert long.any()
    round_ones = search(image, finder="iraf", use_sharp_round=True, sharphi=9, roundhi=0.5)
    assert len(round_ones.columns["x"]) == np.sum(~long)


def test_blended_galaxies_are_divided() -> None:
    y, x = np.mgrid[1 : SHAPE[0] + 1, 1 : SHAPE[1] + 1]
    image = np.full(SHAPE, 30.0)
    for centre, height in ((100.0, 900.0), (116.0, 500.0)):
        radius = np.hypot((x - centre) / 1.5, y - 90.0)
        image += height * np.exp(-radius / 3.0)
    image = noisy(image.astype(np.float32))
    together = search(image, finder="segmentation", deblend_contrast=1.0)
    apart = search(image, finder="segmentation")
    assert len(together.columns["x"]) == 1
    assert len(apart.columns["x"]) == 2
    assert np.sort(apart.columns["x"]) == pytest.approx([100.0, 116.0], abs=1.0)
    total = apart.columns["flux"].sum()
    assert total == pytest.approx(together.columns["flux"].sum(), rel=0.01)


def nebula() -> NDArray[np.float32]:
    """Return the stars on a nebula much brighter than the sky."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    light = 300.0 * np.exp(-((x - 120.0) ** 2 + (y - 95.0) ** 2) / (2.0 * 35.0**2))
    image: NDArray[np.float32] = (stars() + light).astype(np.float32)
    return image


@pytest.mark.parametrize("finder", ["daofind", *NEW])
def test_a_nebula_is_taken_off(finder: str) -> None:
    found = search(nebula(), finder=finder, background="map", backsize=12)
    assert nearest(found)[0].max() < 0.3
    assert len(found.columns["x"]) <= GRID_X.size + 4
    assert found.note["sky_sigma"] == pytest.approx(6.0, rel=0.5)
    assert found.warnings == ()


def test_a_map_leaves_noise_around_zero() -> None:
    image = nebula()
    image[:, 30:33] = np.nan
    flat = subtract_background(image, np.ones(SHAPE, dtype=bool), backsize=12, backfiltersize=3)
    assert np.array_equal(np.isnan(flat), np.isnan(image))
    assert abs(np.nanmedian(flat)) < 2.0
    far = image[np.isfinite(image)] - flat[np.isfinite(image)]
    assert far.max() > 290.0


def test_a_map_of_nothing_changes_nothing() -> None:
    image = np.full((50, 60), np.nan, dtype=np.float32)
    image[10:20, 10:20] = 4.0
    bad = np.zeros(image.shape, dtype=bool)
    assert np.array_equal(
        subtract_background(image, bad, backsize=64, backfiltersize=3), image, equal_nan=True
    )


@pytest.mark.parametrize("finder", ["daofind", *NEW])
@pytest.mark.parametrize("threshold", [8.0, None])
def test_a_rate_has_the_sources_of_its_counts(finder: str, threshold: float | None) -> None:
    image, seconds = stars(), 600.0
    counts = search(image, finder=finder, threshold=threshold)
    rates = cast("Finding", SECTION | {"finder": finder, "threshold": threshold})
    chip = Search(
        (image / seconds).astype(np.float32),
        np.ones(SHAPE, dtype=bool),
        weights=None,
        user_filter=None,
        unit=PixelUnit("ELECTRONS/S", seconds, is_rate=True),
        find=rates,
    )
    found = FINDERS[finder].search(chip)
    assert len(found.columns["x"]) == len(counts.columns["x"]) > 30
    assert found.columns["x"] == pytest.approx(counts.columns["x"], abs=1e-3)
    assert found.columns["error"] == pytest.approx(counts.columns["error"], rel=0.01)
    assert found.sigma * seconds == pytest.approx(counts.sigma, rel=0.01)
