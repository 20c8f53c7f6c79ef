"""Exposures in electrons a second are aligned as those in electrons are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table
from product_tables import read_product
from skies import Scene, rms_to_truth
from steps import run_steps
from tiny import LEAN, copy_tiny, tiny_scene

from tweakreg_steps.cli import main


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return tiny_scene(tmp_path_factory.mktemp("counts"), number=2, seed=6)


def recipe_of(scene: Scene, folder: Path, unit: str | None, **find: float | None) -> Path:
    """Copy the exposures, in another unit, and write a recipe for them."""
    recipe = copy_tiny(scene, folder, **LEAN, imagefindpars={"threshold": 4.0, **find})
    for path in folder.glob("*_flc.fits"):
        with fits.open(path, mode="update") as hdus:
            seconds = hdus[0].header["EXPTIME"]
            for hdu in (hdu for hdu in hdus if hdu.name == "SCI"):
                if unit is None:
                    del hdu.header["BUNIT"]
                elif unit.endswith("/S"):
                    hdu.data = (hdu.data / seconds).astype(np.float32)
                    hdu.header["BUNIT"] = unit
    return recipe


def catalog(recipe: Path) -> Table:
    name = sorted(recipe.parent.glob("*_flc.fits"))[1].stem
    out = run_steps(recipe, name, ["make_masks", "find_sources"])
    return read_product(out / "catalogs" / f"{name}.fits")


@pytest.mark.parametrize("find", [{"threshold": 4.0}, {"threshold": None}])
def test_a_rate_has_the_sources_and_errors_of_its_counts(
    scene: Scene, tmp_path: Path, find: dict[str, float | None]
) -> None:
    counts = catalog(recipe_of(scene, tmp_path / "counts", "ELECTRONS", **find))
    rates = catalog(recipe_of(scene, tmp_path / "rates", "ELECTRONS/S", **find))
    assert len(rates) == len(counts) > 50
    for name in ("x", "y", "error", "spread"):
        assert np.asarray(rates[name]) == pytest.approx(np.asarray(counts[name]), abs=2e-3)
    assert list(rates["narrow"]) == list(counts["narrow"])
    notes = [table.meta["chips"][0] for table in (counts, rates)]
    assert [note["warnings"] for note in notes] == [[], []]
    assert notes[1]["counts_per_unit"] == 170.0


def test_a_rate_is_aligned(scene: Scene, tmp_path: Path) -> None:
    recipe = recipe_of(scene, tmp_path, "ELECTRONS/S")
    assert main(["run", str(recipe)]) == 0
    aligned = tmp_path / "out" / "aligned" / scene.paths[1].name
    assert rms_to_truth(aligned, scene) < 3.0


def test_a_missing_unit_is_told_and_the_noise_is_the_pixels(scene: Scene, tmp_path: Path) -> None:
    table = catalog(recipe_of(scene, tmp_path, None))
    (note, _) = table.meta["chips"]
    assert note["sky_sigma"] == note["sky_clipped_std"]
    assert "BUNIT is missing" in note["warnings"][0]


def test_the_exposure_time_of_a_rate_makes_its_catalog_stale(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plans = []
    for unit in ("ELECTRONS", "ELECTRONS/S"):
        recipe = recipe_of(scene, tmp_path / unit[-1], unit)
        assert main(["run", str(recipe)]) == 0
        first = sorted(recipe.parent.glob("*_flc.fits"))[1]
        fits.setval(first, "EXPTIME", value=333.0)
        capsys.readouterr()
        assert main(["plan", str(recipe), "--json"]) == 0
        plans.append([job["rule"] for job in yaml.safe_load(capsys.readouterr().out)])
    assert "find_sources" not in plans[0]
    assert "find_sources" in plans[1]


@pytest.mark.usefixtures("tiny_run")
def test_what_the_noise_is_taken_for_is_said_on_the_screen(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, **LEAN)
    for path in tmp_path.glob("*_flc.fits"):
        with fits.open(path, mode="update") as hdus:
            for hdu in hdus:
                hdu.header.remove("BUNIT", ignore_missing=True)
    assert main(["run", str(recipe), "-j", "2"]) == 0
    said = capsys.readouterr().err
    assert said.count("tweakreg: warning: ") == 4
    assert "paint01q_flc.fits, SCI,1: BUNIT is missing: the noise of the sky is" in said
