"""The same parameters find the same sources as TweakReg.

drizzlepac's catalogs are stored in ``data/drizzlepac_catalogs.npz``, made by
``benchmarks/make_drizzlepac_catalogs.py`` from the scenes that are painted again here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skies
import spherical_geometry
from astropy.io import fits
from numpy.typing import NDArray
from scipy.spatial import KDTree

from tweakreg_steps.finding.daofind import ChipSources, find_sources_on_chip

FloatArray = NDArray[np.float64]

STORED = Path(__file__).parent / "data" / "drizzlepac_catalogs.npz"
HRC = Path(spherical_geometry.__file__).parent / "tests" / "data" / "j8bt06nyq_flt.fits"
UVIS = {"uvis1_high": 1, "uvis1_low": 1, "uvis2_high": 2, "uvis2_tilted": 2}


@dataclass(frozen=True)
class Comparison:
    """One search: drizzlepac's catalog, ours, and the true places where they are known."""

    theirs: dict[str, FloatArray]
    ours: ChipSources
    about: dict[str, Any]
    truth: FloatArray | None

    @property
    def their_places(self) -> FloatArray:
        return np.column_stack((self.theirs["x"], self.theirs["y"]))

    @property
    def our_places(self) -> FloatArray:
        return np.column_stack((self.ours.stars.x, self.ours.stars.y))

    def neighbours(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Pairs of sources of drizzlepac within two kernel widths."""
        radius = 2.0 * self.about["parameters"]["conv_width"]
        first, second = KDTree(self.their_places).query_pairs(radius, output_type="ndarray").T
        return first, second

    def alone(self) -> NDArray[np.bool_]:
        """Tell which sources of drizzlepac have no brighter one within two kernel widths."""
        flux = self.theirs["flux"]
        first, second = self.neighbours()
        alone = np.ones(flux.size, dtype=np.bool_)
        alone[first[flux[first] < flux[second]]] = False
        alone[second[flux[second] < flux[first]]] = False
        return alone

    def isolated(self) -> NDArray[np.bool_]:
        """Tell which sources of drizzlepac have no other one within two kernel widths."""
        isolated = np.ones(len(self.their_places), dtype=np.bool_)
        isolated[np.concatenate(self.neighbours())] = False
        return isolated


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    with np.load(STORED) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> skies.ExposureTruth:
    folder = tmp_path_factory.mktemp("uvis")
    return skies.uvis_scene(folder, number=1, full_error=False).exposures[0]


@pytest.fixture(scope="module")
def comparisons(stored: dict[str, Any], scene: skies.ExposureTruth) -> dict[str, Comparison]:
    chips = {chip.number: chip for chip in scene.chips}
    return {
        name: compare(
            stored,
            name,
            fits.getdata(scene.path, ("SCI", number)),
            np.column_stack((chips[number].x, chips[number].y)),
        )
        for name, number in UVIS.items()
    }


def compare(
    stored: dict[str, Any], name: str, pixels: NDArray[np.float32], truth: FloatArray | None
) -> Comparison:
    """Search the pixels with the parameters of a stored search."""
    about = json.loads(str(stored["about"]))[name]
    assert pixels.mean(dtype=np.float64) == pytest.approx(about["mean_pixel"], rel=1e-6), (
        "the stored catalogs are of other pixels: run benchmarks/make_drizzlepac_catalogs.py"
    )
    theirs = {
        key.removeprefix(f"{name}_"): np.asarray(values, dtype=np.float64)
        for key, values in stored.items()
        if key.startswith(f"{name}_")
    }
    good = np.ones(pixels.shape, dtype=np.bool_)
    ours = find_sources_on_chip(pixels, good, counts_per_unit=1.0, **about["parameters"])
    return Comparison(theirs, ours, about, truth)


def distances(places: FloatArray, among: FloatArray) -> FloatArray:
    """Distance of each place to the nearest among others."""
    return np.asarray(KDTree(among).query(places)[0])


def nearest(places: FloatArray, among: FloatArray) -> NDArray[np.intp]:
    """Index of the nearest among others."""
    return np.asarray(KDTree(among).query(places)[1])


@pytest.mark.parametrize("name", UVIS)
def test_sky_noise_is_drizzlepacs(name: str, comparisons: dict[str, Comparison]) -> None:
    sigma = comparisons[name].about["sigma"]
    assert comparisons[name].ours.above.sigma == pytest.approx(sigma, rel=1e-4)


@pytest.mark.parametrize("name", UVIS)
def test_sources_that_stand_alone_are_found_again(
    name: str, comparisons: dict[str, Comparison]
) -> None:
    comparison = comparisons[name]
    alone = comparison.their_places[comparison.alone()]
    assert len(alone) > 700
    assert np.mean(distances(alone, comparison.our_places) < 0.2) >= 0.95


@pytest.mark.parametrize("name", UVIS)
def test_number_of_sources_agrees(name: str, comparisons: dict[str, Comparison]) -> None:
    comparison = comparisons[name]
    assert len(comparison.ours.stars) / comparison.theirs["x"].size == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("name", UVIS)
def test_positions_are_at_least_as_good_as_drizzlepacs(
    name: str, comparisons: dict[str, Comparison]
) -> None:
    comparison = comparisons[name]
    assert comparison.truth is not None
    theirs = distances(comparison.truth, comparison.their_places)
    ours = distances(comparison.truth, comparison.our_places)
    both = (theirs < 0.7) & (ours < 0.7)
    assert both.sum() > 100
    # a ten-thousandth of a pixel is far below what either knows
    assert np.sqrt(np.mean(ours[both] ** 2)) <= np.sqrt(np.mean(theirs[both] ** 2)) + 1e-4
    assert np.sum(ours < 0.7) >= np.sum(theirs < 0.7)


def test_stars_have_drizzlepacs_shapes_and_fluxes(comparisons: dict[str, Comparison]) -> None:
    comparison = comparisons["uvis1_high"]
    assert comparison.truth is not None
    stars, theirs = comparison.ours.stars, comparison.theirs
    mine = nearest(comparison.truth, comparison.our_places)
    yours = nearest(comparison.truth, comparison.their_places)
    pairs = np.hypot(*(comparison.our_places[mine] - comparison.their_places[yours]).T) < 0.001
    pairs &= distances(comparison.truth, comparison.our_places) < 0.7
    assert pairs.sum() > 100
    for column in ("flux", "sharpness", "roundness1", "roundness2"):
        values = getattr(stars, column)[mine[pairs]]
        assert values == pytest.approx(theirs[column][yours[pairs]], rel=1e-3, abs=1e-4)


def test_crowded_real_exposure(stored: dict[str, Any]) -> None:
    comparison = compare(stored, "hrc", fits.getdata(HRC, ("SCI", 1)), None)
    assert comparison.ours.above.noise is not None
    assert comparison.ours.above.noise.method == "mode"
    assert comparison.ours.above.sigma == pytest.approx(comparison.about["sigma"], rel=1e-4)
    # the stars make its pixels scatter, not the noise of one
    assert comparison.ours.above.noise.differs
    assert comparison.ours.above.pixel_noise == comparison.ours.above.sigma
    apart = distances(comparison.their_places, comparison.our_places)
    # its own merging of blends hides the neighbours that draw drizzlepac's boxes off their stars
    isolated = comparison.isolated()
    assert isolated.sum() > 3000
    assert np.mean(apart[isolated] < 0.2) >= 0.9
    assert 1.0 <= len(comparison.ours.stars) / apart.size < 1.15
