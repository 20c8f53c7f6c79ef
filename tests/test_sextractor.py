"""Source finding with the installed SExtractor."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table
from conftest import LEAN_RECIPE, copy_scene
from product_tables import read_product
from scipy.spatial import cKDTree
from skies import Scene, rms_to_truth, small_uvis_scene
from steps import run_steps

from tweakreg_steps.cli import main
from tweakreg_steps.finding.sextractor import make_weight_map
from tweakreg_steps.finding.sextractor_filter import filter_text
from tweakreg_steps.finding.sextractor_options import configuration, option_problems
from tweakreg_steps.finding.sextractor_program import find_program, known_options
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.workflow.outdir import prepare_outdir
from tweakreg_steps.workflow.project import open_project

pytestmark = pytest.mark.sextractor
EFFECT = pytest.mark.effect
SECTION: dict[str, Any] = {"finder": "sextractor", "threshold": 20, "conv_width": 2.5}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Return one exposure without cosmic rays and hot pixels; read only."""
    folder = tmp_path_factory.mktemp("calm")
    return small_uvis_scene(folder, number=1, cosmic_ray_number=0, hot_pixel_number=0)


@pytest.fixture
def folder(scene: Scene, tmp_path: Path) -> Path:
    """Return a folder with the exposure."""
    shutil.copyfile(scene.paths[0], tmp_path / "one_flc.fits")
    return tmp_path


def write_recipe(folder: Path, values: dict[str, Any] | None = None, **section: object) -> Path:
    """Write a recipe that has SExtractor search the exposure."""
    recipe = {
        "input": "one_flc.fits",
        "outdir": "out",
        "imagefindpars": {**SECTION, **section},
        **(values or {}),
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder / "recipe.yaml"


def search(folder: Path, values: dict[str, Any] | None = None, **section: object) -> Table:
    """Return the catalog that SExtractor makes of the exposure."""
    recipe = write_recipe(folder, values, **section)
    out = run_steps(recipe, "one_flc", ["make_masks", "find_sources"])
    return read_product(out / "catalogs" / "one_flc.fits")


def test_errors_are_those_of_photons_and_sky(folder: Path, scene: Scene) -> None:
    found = search(folder, sextractor={"GAIN": 1.0})
    assert found["error"].unit == "pix"
    chip = next(c for c in scene.exposures[0].chips if c.number == 1)
    own = found[found["chip"] == 1]
    stars = cKDTree(np.column_stack([chip.x, chip.y]))
    away = np.asarray(stars.query(np.column_stack([own["x"], own["y"]]))[0])
    alone = away < 0.3
    told = np.asarray(own["error"])[alone]
    # windowed positions of undersampled stars scatter by more than their photons say
    assert 0.5 < np.median(away[alone] / (told * np.sqrt(2.0 * np.log(2.0)))) < 3.0
    bright = own["flux"][alone] > np.median(own["flux"][alone])
    assert np.median(told[bright]) < 0.7 * np.median(told[~bright])


@EFFECT("imagefindpars.finder")
def test_positions_are_those_of_the_stars(folder: Path, scene: Scene) -> None:
    found = search(folder)
    for chip in scene.exposures[0].chips:
        own = found[found["chip"] == chip.number]
        stars = cKDTree(np.column_stack([chip.x, chip.y]))
        away, index = stars.query(np.column_stack([own["x"], own["y"]]))
        assert len(own) > 30
        assert np.median(away) < 0.03
        flux = scene.flux[chip.star[index]]
        assert np.median(np.abs(own["flux"] / flux - 1)) < 0.1
        column, row = (np.rint(own[name]).astype(int) - 1 for name in ("x", "y"))
        assert (
            np.mean(
                own["peak"]
                == fits.getdata(folder / "one_flc.fits", ("SCI", chip.number))[row, column]
            )
            > 0.9
        )
    note = found.meta["chips"][0]
    assert note["program"] == f"SExtractor {find_program().version}"


@EFFECT("imagefindpars.sextractor")
def test_the_users_options_hold(folder: Path) -> None:
    plain = search(folder)
    assert len(search(folder, sextractor={"DETECT_THRESH": 200.0})) < len(plain) / 2
    assert len(search(folder, sextractor={"DETECT_MINAREA": 25})) < len(plain)
    (folder / "top.conv").write_text("CONV NORM\n0 0 0\n0 1 0\n0 0 0\n")
    unfiltered = search(folder, sextractor={"FILTER": False})
    top = search(folder, sextractor={"FILTER_NAME": "top.conv"})
    assert len(unfiltered) > len(plain)
    assert np.array_equal(top["x"], unfiltered["x"])


def test_no_configuration_lies_about(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = search(folder)
    monkeypatch.chdir(folder)
    for place in (folder, folder / "out"):
        (place / "default.sex").write_text("DETECT_THRESH 1e6\nANALYSIS_THRESH 1e6\n")
        (place / "default.conv").write_text("CONV NORM\n1 1 1\n1 1 1\n1 1 1\n")
    assert np.array_equal(search(folder)["x"], plain["x"])


def test_masked_pixels_neither_detect_nor_hold_a_source(folder: Path) -> None:
    (folder / "out.reg").write_text("image\n-box(300,256,400,300,0)\n-box(700,256,6,512,0)\n")
    (folder / "exclusions.txt").write_text("one_flc.fits out.reg\n")
    with fits.open(folder / "one_flc.fits", mode="update") as hdus:
        hdus["SCI", 2].data[:, :200] = np.nan
    found = search(folder, {"exclusions": "exclusions.txt"})
    first, second = (found[found["chip"] == chip] for chip in (1, 2))
    in_box = (np.abs(first["x"] - 300) < 200) & (np.abs(first["y"] - 256) < 150)
    assert not in_box.any()
    assert not (np.abs(first["x"] - 700) < 3).any()
    assert len(first) > 15
    assert len(second) > 15
    assert second["x"].min() > 200.5


@pytest.mark.parametrize("kind", ["MAP_RMS", "MAP_VAR", "MAP_WEIGHT"])
def test_weights_are_honoured(folder: Path, kind: str) -> None:
    noisy = 1e4 if kind == "MAP_RMS" else 1e8
    scale = 1 / noisy if kind == "MAP_WEIGHT" else noisy
    for chip in (1, 2):
        weights = np.ones((512, 1024), dtype=np.float32)
        weights[:, :512] = scale
        weights[:, 900:] = np.nan
        fits.writeto(folder / f"one_flc_{chip}.fits", weights)
    options = {"WEIGHT_TYPE": kind, "WEIGHT_IMAGE": "{image}_{chip}.fits[0]"}
    found = search(folder, sextractor=options)
    assert len(found) > 20
    assert found["x"].min() > 500
    assert found["x"].max() < 900.5


def test_the_errors_of_the_image_are_weights(folder: Path) -> None:
    with fits.open(folder / "one_flc.fits", mode="update") as hdus:
        for chip in (1, 2):
            errors = np.full((512, 1024), 6.0, dtype=np.float32)
            errors[:, :512] = 6e4
            hdus["ERR", chip].data = errors
    found = search(folder, sextractor={"WEIGHT_TYPE": "MAP_RMS"})
    assert len(found) > 20
    assert found["x"].min() > 500


def test_what_the_search_reads_is_in_its_record(folder: Path) -> None:
    def record(**section: object) -> Mapping[str, Any]:
        project = open_project(load_recipe(write_recipe(folder, None, **section)))
        prepare_outdir(project.outdir)
        project.write_state([])
        return project.plan.jobs["find_sources", "one_flc"].record["inputs"]

    fits.writeto(folder / "w.fits", np.ones((512, 1024), dtype=np.float32))
    (folder / "a.conv").write_text("CONV NORM\n1\n")
    plain = record()
    assert plain["sextractor"] == find_program().version
    assert "sextractor" not in record(finder="daofind")
    options = {"WEIGHT_TYPE": "MAP_WEIGHT", "WEIGHT_IMAGE": "w.fits", "FILTER_NAME": "a.conv"}
    given = record(sextractor=options)
    resolved = load_recipe(folder / "out" / "recipe.resolved.yaml").values["imagefindpars"]
    assert resolved["sextractor"]["FILTER_NAME"] == "../a.conv"
    assert resolved["sextractor"]["WEIGHT_IMAGE"] == "../w.fits"
    assert {"weights1", "weights2", "filter"} <= given.keys()
    (folder / "a.conv").write_text("CONV NORM\n2\n")
    assert record(sextractor=options)["filter"] != given["filter"]
    with fits.open(folder / "one_flc.fits", mode="update") as hdus:
        hdus["ERR", 1].data = np.ones((512, 1024), dtype=np.float32)
        hdus["ERR", 2].data = np.ones((512, 1024), dtype=np.float32)
    assert "err" in record(sextractor={"WEIGHT_TYPE": "MAP_RMS"})["chips"][0]


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        ({"DETECT_TRESH": 3}, ["sextractor.DETECT_TRESH: is no option of", "DETECT_THRESH"]),
        ({"DETECT_THRESH": "three"}, ["imagefindpars.sextractor: ", "failed (status"]),
        ({"FILTER_NAME": "gone.conv"}, ["sextractor.FILTER_NAME: ", "gone.conv: cannot be read"]),
        (
            {"WEIGHT_TYPE": "MAP_VAR", "WEIGHT_IMAGE": "{image}_{chip}.fits"},
            ["one_flc_1.fits", "one_flc_2.fits"],
        ),
        ({"WEIGHT_TYPE": "MAP_RMS"}, ["has no image ERR,1 of the size of SCI,1", "ERR,2"]),
    ],
)
def test_what_is_wrong_with_the_options_is_said_before_any_job(
    folder: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any], messages: list[str]
) -> None:
    assert main(["run", str(write_recipe(folder, sextractor=options))]) == 2
    said = capsys.readouterr().err
    for message in messages:
        assert message in said
    assert not (folder / "out" / "catalogs").exists()


def test_a_missing_program_is_said_before_any_job(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find_program.cache_clear()
    monkeypatch.setenv("PATH", str(folder))
    assert main(["run", str(write_recipe(folder))]) == 2
    said = capsys.readouterr().err
    assert "imagefindpars.finder: sextractor needs the program source-extractor" in said
    assert "apt install source-extractor" in said
    find_program.cache_clear()


def test_a_program_of_another_name_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "sex").symlink_to(find_program().path)
    find_program.cache_clear()
    monkeypatch.setenv("PATH", str(folder / "bin"))
    assert find_program().path == str(folder / "bin" / "sex")
    find_program.cache_clear()


def test_the_whole_way(small_scene: Scene, tmp_path: Path) -> None:
    copy_scene(small_scene, tmp_path, LEAN_RECIPE)
    recipe = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    recipe["imagefindpars"] = {**SECTION, "sextractor": {"DEBLEND_MINCONT": 0.001}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["run", str(tmp_path / "recipe.yaml"), "-j", "2"]) == 0
    for truth in small_scene.exposures[1:]:
        assert rms_to_truth(tmp_path / "out" / "aligned" / truth.path.name, small_scene) < 1.0


def test_every_refused_option_is_one_of_the_programs() -> None:
    from tweakreg_steps.finding.sextractor_options import REFUSED

    assert set(REFUSED) <= known_options(find_program())
    assert set(option_problems(dict.fromkeys(REFUSED, 1.0))) == set(REFUSED)


def test_every_option_of_the_program_is_allowed_or_refused() -> None:
    from tweakreg_steps.finding.sextractor_options import ALLOWED, REFUSED

    assert known_options(find_program()) == ALLOWED | set(REFUSED)
    assert not ALLOWED & set(REFUSED)


HOSTILE = [
    {"GAIN": "1\nCHECKIMAGE_TYPE BACKGROUND\nCHECKIMAGE_NAME /tmp/planted.fits"},
    {"GAIN": "1\rCATALOG_NAME planted"},
    {"BACK_SIZE": "64 # 32"},
    {"BACK_SIZE": "$HOME"},
    {"BACK_TYPE": 'AUTO"'},
    {"GAIN": "1\u2028CATALOG_NAME planted"},
    {"GAIN": "1\x0bCATALOG_NAME planted"},
    {"GAIN": "\x00"},
    {"GAIN": "1" * 300},
    {"GAIN 1\nCATALOG_NAME": "planted"},
    {"gain": 1.0},
    {"FILTER_NAME": "a\nCATALOG_NAME planted"},
    {"WEIGHT_TYPE": "MAP_RMS\nXML_NAME a"},
    {"WEIGHT_TYPE": "MAP_RMS", "WEIGHT_IMAGE": "a\x1b[2J"},
]


@pytest.mark.parametrize("options", HOSTILE, ids=repr)
def test_an_option_that_is_more_than_one_value_is_refused(options: dict[str, Any]) -> None:
    assert option_problems(options)


@pytest.mark.parametrize("options", HOSTILE, ids=repr)
def test_a_configuration_has_one_line_an_option(options: dict[str, Any]) -> None:
    written = configuration(options, threshold=4.0, level=None, has_weights=False)
    assert all(len(f"{name} {value}".splitlines()) == 1 for name, value in written.items())
    assert {"CATALOG_NAME", "FILTER_NAME", "WEIGHT_TYPE"} <= set(written)


def test_a_recipe_with_a_newline_in_an_option_plans_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = folder / "planted.fits"
    value = f"1\nCHECKIMAGE_TYPE BACKGROUND\nCHECKIMAGE_NAME {planted}"
    assert main(["plan", str(write_recipe(folder, sextractor={"GAIN": value}))]) == 2
    assert "sextractor.GAIN" in capsys.readouterr().err
    assert not planted.exists()


def test_options_are_spelled_as_the_program_reads_them() -> None:
    options = configuration(
        {"CLEAN": False, "BACK_SIZE": 32.0, "BACK_FILTERSIZE": "3,5"},
        threshold=4.5,
        level=None,
        has_weights=False,
    )
    assert options["CLEAN"] == "N"
    assert options["BACK_SIZE"] == "32"
    assert options["BACK_FILTERSIZE"] == "3,5"
    assert (options["THRESH_TYPE"], options["DETECT_THRESH"]) == ("RELATIVE", "4.5")
    assert options["WEIGHT_TYPE"] == "NONE"


def test_the_filter_is_the_gaussian_of_daofind() -> None:
    text = filter_text(conv_width=3.5, nsigma=1.5, ratio=0.5, theta=90.0).splitlines()
    assert text[0] == "CONV NORM"
    rows = np.array([line.split() for line in text[2:]], dtype=float)
    assert rows.shape == (5, 5)
    assert rows.max() == rows[2, 2] == 1.0
    assert rows[0, 2] > rows[2, 0]


def test_a_bad_pixel_has_no_weight_in_a_map_of_any_kind() -> None:
    usable = np.array([[True, True, False]])
    weights = np.array([[2.0, 4.0, np.nan]])
    assert make_weight_map(np.ones((1, 3), dtype=bool), None, "NONE") is None
    plain = make_weight_map(usable, None, "NONE")
    assert plain is not None
    assert plain.tolist() == [[1, 1, 0]]
    for kind, bad in (("MAP_WEIGHT", 0), ("MAP_RMS", 1e16), ("MAP_VAR", 1e32)):
        found = make_weight_map(usable, weights, kind)
        assert found is not None
        assert np.allclose(found, [[2, 4, bad]])


def test_a_failure_names_the_option_at_fault() -> None:
    from tweakreg_steps.finding.sextractor_program import _failure

    options = {"BACK_SIZE": "64", "BACK_FILTERSIZE": "99"}
    said = _failure("\x1b[1M> BACK_FILTERSIZE keyword out of range\n\n", options)
    assert said == (
        "BACK_FILTERSIZE keyword out of range; correct sextractor.BACK_FILTERSIZE, which is 99"
    )
