"""Positions with a PSF through the whole program: a PSF of a file, and one that is built."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table
from optics import effective_psf, uvis
from product_tables import read_product
from psf_runs import LIBRARY, SHAPE, with_psf, write_recipe
from scipy.ndimage import map_coordinates
from skies import Scene, rms_to_truth
from steps import run_steps

from tweakreg_steps.cli import main
from tweakreg_steps.errors import RecipeError, TweakRegError
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.workflow.project import open_project

FIND_RULES = ("make_masks", "find_sources", "measure_positions", "undistort_sources")
FIRST = "paint01q_flc"
DAOFIND: dict[str, Any] = {}


@pytest.fixture(scope="module")
def scene(psf_exposures: Scene) -> Scene:
    """Four dithered exposures of stars through a telescope, with hits, and their PSF beside."""
    return psf_exposures


@pytest.fixture(scope="module")
def aligned(scene: Scene, psf_built_run: Path) -> Callable[[str], Path]:
    """Return the function that aligns them with a PSF, or as DAOFIND has them."""
    done: dict[str, Path] = {"build": psf_built_run}

    def align(psf: str) -> Path:
        if psf not in done:
            name = psf.partition(".")[0]
            path = write_recipe(
                scene.paths[0].parent, name, DAOFIND if psf == "daofind" else with_psf(psf)
            )
            assert main(["run", str(path), "-j", "2"]) == 0
            done[psf] = path.parent / name
        return done[psf]

    return align


def errors_of(folder: Path, scene: Scene, table: str) -> np.ndarray:
    """Return how far measured stars of the first exposure are from the truth, pixels, (n, 2)."""
    found = Table.read(folder / table / f"{FIRST}.fits")
    rows = []
    for chip in scene.exposures[0].chips:
        own = found[found["chip"] == chip.number]
        for x, y in zip(chip.x, chip.y, strict=True):
            offset = np.array([own["x"] - x, own["y"] - y]).T
            nearest = offset[np.argmin(np.hypot(*offset.T))]
            if np.hypot(*nearest) < 0.3:
                rows.append(nearest)
    return np.array(rows)


def scatter(errors: np.ndarray) -> float:
    """Return a robust standard deviation along an axis about the middle."""
    return float(1.4826 * np.median(np.abs(errors - np.median(errors, axis=0))))


def alignment_error(folder: Path, scene: Scene) -> float:
    squares = [rms_to_truth(folder / "aligned" / p.name, scene) ** 2 for p in scene.paths[1:]]
    return float(np.sqrt(np.mean(squares)))


@pytest.mark.effect("imagefindpars.centroid", "imagefindpars.psf")
@pytest.mark.parametrize(("psf", "part"), [(LIBRARY, 0.35), ("build", 0.4)])
def test_a_psf_aligns_several_times_as_well(
    psf: str, part: float, aligned: Callable[[str], Path], scene: Scene
) -> None:
    ours, daofind = aligned(psf), aligned("daofind")
    assert scatter(errors_of(ours, scene, "positions")) < 0.5 * scatter(
        errors_of(daofind, scene, "catalogs")
    )
    assert alignment_error(ours, scene) < part * alignment_error(daofind, scene)


def test_positions_say_how_good_they_are(aligned: Callable[[str], Path]) -> None:
    found = read_product(aligned(LIBRARY) / "positions" / f"{FIRST}.fits")
    before = read_product(aligned(LIBRARY) / "catalogs" / f"{FIRST}.fits")
    assert set(before.colnames) < set(found.colnames)
    assert {"var_x", "var_y", "cov_xy", "quality", "chi2", "flags"} < set(found.colnames)
    good = np.isfinite(found["error"]) & (found["flags"] == 0)
    assert good.sum() > 0.5 * len(found)
    assert 0.8 < np.median(found["chi2"][good]) < 1.2
    text = (aligned(LIBRARY) / "tweakreg" / f"{FIRST}_sci1_xy_catalog.coo").read_text()
    assert f"{found['x'][0]:.4f}"[:-1] in text


def test_the_psf_is_one_product_of_all_exposures(aligned: Callable[[str], Path]) -> None:
    folder = aligned("build")
    with fits.open(folder / "psf" / "WFC3UV_F555W.fits") as hdus:
        assert [hdu.header.get("DETNUM") for hdu in hdus[1:]] == [1, 2]
        assert hdus[0].header["NEXPOS"] == 4
        assert hdus[0].header["NOBSER1"] > 300
        error = hdus[0].header["PSFERR1"]
        assert 0.0005 < error < 0.01
        assert "provenance" in str(hdus[0].header["HISTORY"])
    found = read_product(folder / "positions" / f"{FIRST}.fits")
    first = found[(found["chip"] == 1) & np.isfinite(found["error"])]
    noise = np.sqrt((first["var_x"] + first["var_y"]) / 2)
    assert (first["error"] >= np.hypot(noise, error) - 1e-6).all()
    plan = open_project(load_recipe(folder.parent / "build.yaml")).plan
    assert [name for rule, name in plan.jobs if rule == "build_psf"] == ["WFC3UV_F555W"]


def test_a_built_psf_serves_as_a_file(
    aligned: Callable[[str], Path], scene: Scene, tmp_path: Path
) -> None:
    for path in (*scene.paths[:1], aligned("build") / "psf" / "WFC3UV_F555W.fits"):
        shutil.copy(path, tmp_path)
    recipe = write_recipe(tmp_path, "again", with_psf("WFC3UV_F555W.fits"))
    again = run_steps(recipe, FIRST, FIND_RULES)
    built = aligned("build")
    np.testing.assert_array_equal(
        read_product(again / "positions" / f"{FIRST}.fits")["x"],
        read_product(built / "positions" / f"{FIRST}.fits")["x"],
    )


def test_another_content_of_the_file_makes_the_positions_anew(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (scene.paths[0], scene.paths[0].parent / LIBRARY):
        shutil.copy(path, tmp_path)
    recipe = write_recipe(tmp_path, "out", with_psf(LIBRARY))
    run_steps(recipe, FIRST, FIND_RULES)
    (tmp_path / LIBRARY).touch()
    assert reasons(recipe, capsys, "measure_positions") == []
    with fits.open(tmp_path / LIBRARY, mode="update") as hdus:
        hdus[0].data *= 1.001
    assert reasons(recipe, capsys, "measure_positions") == [f"psf {LIBRARY} changed"]


def reasons(recipe: Path, capsys: pytest.CaptureFixture[str], rule: str) -> list[str]:
    """Return why a rule would run, as ``plan`` says it."""
    capsys.readouterr()
    assert main(["plan", str(recipe), "--json"]) == 0
    jobs = json.loads(capsys.readouterr().out)
    return [reason for job in jobs if job["rule"] == rule for reason in job["reasons"]]


@pytest.mark.effect("refimagefindpars.centroid", "refimagefindpars.psf")
def test_a_reference_image_is_measured_as_its_own_section_says(
    scene: Scene, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    shutil.copy(scene.paths[0], tmp_path / "there")
    for path in (scene.paths[1], scene.paths[0].parent / LIBRARY):
        shutil.copy(path, tmp_path)
    recipe = write_recipe(tmp_path, "out", DAOFIND)
    values = yaml.safe_load(recipe.read_text())
    values["refimage"] = f"there/{scene.paths[0].name}"
    values["refimagefindpars"] = {"threshold": 20, "centroid": "psf", "psf": LIBRARY}
    recipe.write_text(yaml.safe_dump(values))
    folder = run_steps(recipe, f"{FIRST}_refimage", FIND_RULES)
    positions = read_product(folder / "positions" / f"{FIRST}_refimage.fits")
    sky = read_product(folder / "sky" / f"{FIRST}_refimage.fits")
    np.testing.assert_array_equal(sky["x"], positions["x"])


@pytest.mark.parametrize(
    ("find", "said"),
    [
        ({"centroid": "psf"}, "imagefindpars.psf: is missing, which centroid: psf needs"),
        ({"centroid": "psf", "psf": "none.fits"}, "none.fits"),
        (
            {"centroid": "psf", "psf": "PSFSTD_WFC3UV_F606W.fits"},
            r"is the PSF of filter F606W, and \S+, SCI,1 \(and 1 other chip\) is of filter F555W",
        ),
        ({"centroid": "psf", "psf": "PSFSTD_ACSWFC_F555W.fits"}, "is the PSF of camera ACSWFC"),
        (
            {"centroid": "psf", "psf": "our_grid.fits"},
            "is the PSF of camera WFC3IR, as its COMMENT",
        ),
        ({"centroid": "psf", "psf": "build"}, "build needs 2 dithered exposures or more"),
    ],
)
def test_what_cannot_be_is_said_before_any_job(
    find: dict[str, Any], said: str, scene: Scene, tmp_path: Path
) -> None:
    shutil.copy(scene.paths[0], tmp_path)
    for name in ("PSFSTD_WFC3UV_F606W.fits", "PSFSTD_ACSWFC_F555W.fits", "our_grid.fits"):
        shutil.copy(scene.paths[0].parent / LIBRARY, tmp_path / name)
    fits.setval(tmp_path / "our_grid.fits", "COMMENT", value="WFC3/IR PSF FOR F105W")
    recipe = write_recipe(tmp_path, "out", find)
    with pytest.raises((RecipeError, TweakRegError), match=said):
        open_project(load_recipe(recipe))
    assert not (tmp_path / "out").exists()


def without_errors(path: Path, copy: Path, *, kept: bool) -> None:
    """Copy an exposure with its ERR images empty, or without them."""
    with fits.open(path) as hdus:
        written = fits.HDUList([hdu for hdu in hdus if kept or hdu.name != "ERR"])
        for hdu in written:
            if hdu.name == "ERR":
                hdu.data[:] = 0.0
        written[0].header["NEXTEND"] = len(written) - 1
        written.writeto(copy / path.name)


@pytest.mark.parametrize("kept", [False, True])
def test_what_the_weights_fall_back_on_is_said(
    kept: bool,
    scene: Scene,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    without_errors(scene.paths[0], tmp_path, kept=kept)
    shutil.copy(scene.paths[0].parent / LIBRARY, tmp_path)
    recipe = write_recipe(tmp_path, "out", with_psf(LIBRARY))
    folder = run_steps(recipe, FIRST, FIND_RULES)
    found = read_product(folder / "positions" / f"{FIRST}.fits")
    assert {chip["pixel_noise"] for chip in found.meta["chips"]} == {"header, ELECTRONS"}
    errors = errors_of(folder, scene, "positions")
    assert scatter(errors) == pytest.approx(np.nanmedian(found["error"]), rel=0.2)
    before = " ".join(open_project(load_recipe(recipe)).findings.notes)
    during = capsys.readouterr().err
    assert ("SCI,1 (and 1 other chip): has no ERR image" in before) is not kept
    assert ("SCI,2: the ERR image holds no errors" in during) is kept


@pytest.mark.parametrize(("width", "is_said"), [(1.0, False), (1.8, True)])
def test_a_psf_that_is_wider_than_the_stars_is_said(
    width: float,
    is_said: bool,
    scene: Scene,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(scene.paths[0], tmp_path)
    half, image = 12 * 4, effective_psf(uvis(SHAPE), 210.0, 210.0, oversampling=4, half=12)
    step = np.clip(half + np.arange(-half, half + 1) / width, 0, 2 * half)
    wide = map_coordinates(image, np.meshgrid(step, step, indexing="ij"), order=3)
    fits.writeto(tmp_path / "wide.fits", wide, fits.Header({"OVERSAMP": 4}))
    run_steps(write_recipe(tmp_path, "out", with_psf("wide.fits")), FIRST, FIND_RULES)
    said = re.search(
        r"SCI,1: the PSF is (\S+) pixels wide at half maximum, and \d+ of \d+ sources are "
        r"narrower, most of them (\S+) pixels wide",
        capsys.readouterr().err,
    )
    assert (said is not None) is is_said
    if said:
        assert float(said[1]) / float(said[2]) == pytest.approx(width, rel=0.15)


def test_why_no_psf_could_be_built_is_all_that_is_said(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in scene.paths:
        shutil.copy(path, tmp_path)
    recipe = write_recipe(tmp_path, "out", with_psf("build") | {"threshold": 3500})
    assert main(["run", str(recipe), "-j", "2"]) == 1
    log = (tmp_path / "out" / "logs" / "build_psf" / "WFC3UV_F555W.log").read_text()
    assert log.startswith("INFO: ")
    said = capsys.readouterr().err
    assert re.search(
        r"build_psf WFC3UV_F555W failed: ERROR: detector \d: \d+ observations of isolated stars",
        said,
    )
    assert "INFO: " not in said


def test_a_psf_that_nothing_uses_is_said(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "out", {"psf": "build"})
    assert "imagefindpars.psf has no effect without" in " ".join(load_recipe(recipe).warnings)
