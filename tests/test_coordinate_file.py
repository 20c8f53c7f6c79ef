"""Catalogs made elsewhere in place of source finding."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from associations import write_association
from astropy.io import fits
from astropy.table import Table
from product_tables import read_product
from skies import Scene, rms_to_truth
from steps import run_steps
from wcs_files import write_uvis

from tweakreg_steps.cli import main
from tweakreg_steps.fits_files.exposure import list_chips, read_wcs
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.workflow.project import open_project

SHAPE = (400, 400)
XY = [(50.0, 60.0), (150.25, 260.5), (310.0, 20.0), (210.0, 120.0), (390.0, 290.0)]
FLUX = [500.0, 100.0, 300.0, 200.0, 400.0]
EFFECT = pytest.mark.effect


@pytest.fixture(scope="module")
def exposure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an exposure of two small chips without stars; read only."""
    return write_uvis(tmp_path_factory.mktemp("exposure") / "one_flc.fits", shape=SHAPE)


@pytest.fixture
def folder(exposure: Path, tmp_path: Path) -> Path:
    """Return a folder with the exposure, a catalog of each chip and the list of both."""
    shutil.copyfile(exposure, tmp_path / exposure.name)
    rows = [f"{x} {y} {flux}" for (x, y), flux in zip(XY, FLUX, strict=True)]
    (tmp_path / "one.coo").write_text("\n".join(rows))
    (tmp_path / "two.coo").write_text("# x y\n10.5 20.25 7\n")
    (tmp_path / "cats.list").write_text("data/one_flc.fits one.coo two.coo\n")
    return tmp_path


def catalog(folder: Path, values: dict[str, Any] | None = None, **section: object) -> Table:
    """Return the catalog that a recipe makes of the exposure."""
    recipe = {
        "input": "one_flc.fits",
        "outdir": "out",
        "coordinate_file": {"catfile": "cats.list", **section},
        **(values or {}),
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    out = run_steps(folder / "recipe.yaml", "one_flc", ["make_masks", "find_sources"])
    assert not (out / "masks").exists()
    run_steps(folder / "recipe.yaml", "one_flc", ["read_catalogs", "undistort_sources"])
    return read_product(out / "catalogs" / "one_flc.fits")


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_a_psf_that_such_sources_make_useless_is_told(
    folder: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = {
        "input": "one_flc.fits",
        "coordinate_file": {"catfile": "cats.list"},
        "imagefindpars": {"centroid": "psf", "psf": "build"},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert main([command, str(folder / "recipe.yaml")]) == 0
    said = capsys.readouterr().err
    assert "imagefindpars.centroid: psf has no effect on one_flc" in said


def fluxes(table: Table) -> list[float]:
    """Return the fluxes of the first chip."""
    return list(table["flux"][table["chip"] == 1])


@EFFECT("coordinate_file.catfile")
def test_the_sources_are_those_of_the_catalogs(folder: Path) -> None:
    table = catalog(folder)
    assert list(zip(table["x"], table["y"], strict=True)) == [*XY, (10.5, 20.25)]
    assert list(table["chip"]) == [1] * 5 + [2]
    assert list(table["id"]) == list(range(6))
    assert np.isnan(table["flux"]).all()


@EFFECT("coordinate_file.xcol", "coordinate_file.ycol", "coordinate_file.fluxcol")
def test_columns_are_taken_by_number_or_name(folder: Path) -> None:
    table = catalog(folder, xcol=2, ycol=1, fluxcol=3)
    assert list(table["x"][:2]) == [60.0, 260.5]
    assert list(table["y"][:2]) == [50.0, 150.25]
    assert fluxes(table) == FLUX
    for name in ("one.coo", "two.coo"):
        text = (folder / name).read_text()
        (folder / name).write_text("col row light\n" + text.removeprefix("# x y\n"))
    table = catalog(folder, xcol="col", ycol="row", fluxcol="light")
    assert list(table["x"][:2]) == [50.0, 150.25]
    assert fluxes(table) == FLUX


@pytest.mark.parametrize(("fluxunits", "unit"), [("mag", "mag"), ("cps", None)])
def test_magnitudes_are_known_as_such_and_errors_are_not_known(
    folder: Path, fluxunits: str, unit: str | None
) -> None:
    assert catalog(folder, fluxcol=3, fluxunits=fluxunits)["flux"].unit == unit
    sky = read_product(folder / "out" / "sky" / "one_flc.fits")
    assert sky["flux"].unit == unit
    assert np.isnan(sky["error"]).all()


@EFFECT("coordinate_file.minflux", "coordinate_file.maxflux", "coordinate_file.fluxunits")
@EFFECT("coordinate_file.nbright")
@pytest.mark.parametrize(
    ("section", "kept"),
    [
        ({"minflux": 300}, [500, 300, 400]),
        ({"maxflux": 300}, [100, 300, 200]),
        ({"minflux": 200, "maxflux": 300, "fluxunits": "cps"}, [300, 200]),
        ({"minflux": 300, "fluxunits": "mag"}, [100, 300, 200]),
        ({"maxflux": 300, "fluxunits": "mag"}, [500, 300, 400]),
        ({"nbright": 2}, [500, 400]),
        ({"nbright": 2, "fluxunits": "mag"}, [100, 200]),
        ({"nbright": 1, "maxflux": 450}, [400]),
        ({"minflux": 1e6}, []),
    ],
)
def test_limits_choose_by_brightness(
    folder: Path, section: dict[str, Any], kept: list[float]
) -> None:
    assert fluxes(catalog(folder, fluxcol=3, **section)) == kept


@EFFECT("coordinate_file.xyunits")
def test_sky_positions_are_taken_as_they_are_and_fall_on_the_chip(folder: Path) -> None:
    x, y = np.array(XY).T
    wcs = read_wcs(folder / "one_flc.fits", list_chips(folder / "one_flc.fits", None)[0])
    ra, dec = wcs.all_pix2world([*x, 1000.0], [*y, 10.0], 1)
    rows = [f"{float(a)!r} {float(d)!r}" for a, d in zip(ra, dec, strict=True)]
    (folder / "one.coo").write_text("\n".join([*rows, "10.0 20.0", "210.0 -40.0"]))
    (folder / "cats.list").write_text("one_flc.fits one.coo None\n")
    table = catalog(folder, xyunits="degrees")
    assert np.allclose(table["x"], x, rtol=0, atol=2e-6)
    assert np.allclose(table["y"], y, rtol=0, atol=2e-6)
    sky = read_product(folder / "out" / "sky" / "one_flc.fits")
    assert list(sky["ra"]) == list(ra[:5])
    assert list(sky["dec"]) == list(dec[:5])


def test_what_cannot_be_a_source_is_left_out_with_a_word(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "one.coo").write_text("5 5\nnan 3\n5 5\n-3 7\n400.4 300.4\n9 401\n")
    (folder / "two.coo").write_text("# nothing found\n")
    table = catalog(folder)
    assert list(table["x"]) == [5.0, 400.4]
    assert list(table["id"]) == [0, 4]
    said = capsys.readouterr().err
    for words in (
        "one.coo: left out, without a position: 1 entry, line 2",
        "one.coo: left out, position repeated: 1 entry, line 3",
        "one.coo: left out, not on SCI,1: 2 entries",
        "two.coo: the catalog holds no entry",
    ):
        assert words in said


def test_excluded_regions_hold_for_catalogs_too(folder: Path) -> None:
    (folder / "out.reg").write_text("image\n-box(60,60,40,40,0)\n-circle(211.6,120,2)\n")
    (folder / "exclusions.txt").write_text("one_flc.fits out.reg\n")
    table = catalog(folder, {"exclusions": "exclusions.txt"}, fluxcol=3)
    assert fluxes(table) == [100.0, 300.0, 400.0]


def test_a_list_of_input_may_name_the_catalogs(folder: Path) -> None:
    (folder / "images.txt").write_text("one_flc.fits one.coo None\n")
    table = catalog(folder, {"input": "@images.txt"}, catfile=None)
    assert list(zip(table["x"], table["y"], strict=True)) == XY
    written = folder / "out" / "recipe.resolved.yaml"
    again = run_steps(written, "one_flc", ["read_catalogs"])
    assert again == folder / "out"
    assert open_project(load_recipe(written)).plan.jobs.keys() >= {("read_catalogs", "one_flc")}


@pytest.mark.parametrize(
    ("line", "image", "x"),
    [
        ("one_flc.fits one.coo two.coo", "one_flc.fits[sci,2]", [10.5]),
        ("one_flc.fits[sci,2] two.coo", "one_flc.fits[sci,2]", [10.5]),
        ("one_flc.fits[sci,1] two.coo\none_flc.fits one.coo None", "one_flc.fits[1]", [50.0]),
    ],
)
def test_a_selected_extension_has_the_catalog_of_its_place(
    folder: Path, line: str, image: str, x: list[float]
) -> None:
    (folder / "cats.list").write_text(line)
    recipe = {"input": image, "outdir": "out", "coordinate_file": {"catfile": "cats.list"}}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    name = f"one_flc_{image.partition('[')[2].strip(']').replace(',', '')}"
    out = run_steps(folder / "recipe.yaml", name, ["read_catalogs"])
    assert list(read_product(out / "catalogs" / f"{name}.fits")["x"][:1]) == x


@pytest.mark.parametrize(
    ("files", "section", "messages"),
    [
        ({"cats.list": "two_flc.fits one.coo"}, {}, ["one_flc.fits is not in the coordinate file"]),
        (
            {"cats.list": "one_flc.fits gone.coo lost.coo"},
            {},
            ["cats.list, line 1: there is no file", "gone.coo", "lost.coo"],
        ),
        (
            {"cats.list": "one_flc.fits one.coo two.coo two.coo"},
            {},
            ["line 1: one_flc.fits needs catalogs for 2 chips, but 3 follow its name"],
        ),
        (
            {"cats.list": "one_flc.fits one.coo"},
            {},
            ["needs catalogs for 2 chips, but 1 follow", "write one catalog, or None"],
        ),
        (
            {"one.coo": "1 2\n3 x\n", "two.coo": "1\n"},
            {},
            ["one.coo: 'x' is neither a number", "no column 2 (coordinate_file.ycol)"],
        ),
        ({}, {"xcol": 9}, ["one.coo: there is no column 9 (coordinate_file.xcol)", "two.coo"]),
        ({}, {"xyunits": "degrees"}, ["one.coo: RA 150.25, Dec 260.5 is no position on the sky"]),
        ({"cats.list": "one_flc.fits one.coo None\na/one_flc.fits None one.coo"}, {}, ["line 2"]),
        (
            {"images.txt": "one_flc.fits one.coo None"},
            {"input": "@images.txt"},
            ["one_flc.fits has catalogs in a list of `input`, too; keep one"],
        ),
    ],
)
def test_what_is_wrong_with_catalogs_is_said_before_any_job(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, str],
    section: dict[str, Any],
    messages: list[str],
) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    recipe = {"input": section.pop("input", "one_flc.fits"), "outdir": "out"}
    recipe["coordinate_file"] = {"catfile": "cats.list", **section}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["run", str(folder / "recipe.yaml")]) == 2
    said = capsys.readouterr().err
    for message in messages:
        assert message in said
    assert not (folder / "out" / "catalogs").exists()


@EFFECT("input")
def test_our_own_list_gives_the_same_alignment_without_pixels(
    finished_run: Path, small_scene: Scene, tmp_path: Path
) -> None:
    for path in small_scene.paths:
        shutil.copyfile(path, tmp_path / path.name)
        with fits.open(tmp_path / path.name, mode="update") as hdus:
            for chip in (1, 2):
                hdus["SCI", chip].data[:] = np.nan
    shutil.copytree(finished_run / "out" / "tweakreg", tmp_path / "lists")
    recipe = yaml.safe_load((finished_run / "recipe.yaml").read_text())
    members = [(f"PAINT0{n}Q", "EXP-DTH", True) for n in (1, 2, 3, 4)]
    recipe["input"] = write_association(tmp_path, [*members, ("PAINT01", "PROD-DTH", True)])
    recipe["coordinate_file"] = {"catfile": "lists/paint01q_flc_xy_catfile.list"}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["run", str(tmp_path / "recipe.yaml"), "-j", "2"]) == 0
    assert not (tmp_path / "out" / "masks").exists()
    before, after = (
        Table.read(place / "out" / "summary.ecsv") for place in (finished_run, tmp_path)
    )
    for name in ("n_sources", "n_matched", "n_fit"):
        assert list(before[name]) == list(after[name])
    for name in ("dx", "dy"):
        assert np.allclose(before[name], after[name], rtol=0, atol=1e-6, equal_nan=True)
    for truth in small_scene.exposures[1:]:
        assert rms_to_truth(tmp_path / "out" / "aligned" / truth.path.name, small_scene) < 1.0


def test_an_image_left_without_sources_is_not_aligned_and_the_others_go_on(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder)
    (folder / "none.coo").write_text("")
    (folder / "images.txt").write_text(
        "paint01q_flc.fits\npaint02q_flc.fits none.coo None\npaint03q_flc.fits\n"
    )
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text())
    (folder / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "input": "@images.txt"}))
    assert main(["run", str(folder / "recipe.yaml"), "-j", "2"]) == 3
    assert "none is left of the catalogs" in capsys.readouterr().out
    summary = Table.read(folder / "out" / "summary.ecsv")
    assert list(summary["status"]) == ["reference", "not_aligned", "aligned"]
    assert list(summary["reason"]) == ["", "no_sources", ""]
    assert (folder / "out" / "masks" / "paint03q_flc.fits").is_file()


def test_the_reference_image_may_stand_in_the_coordinate_file(folder: Path) -> None:
    shutil.copyfile(folder / "one_flc.fits", folder / "ref_flc.fits")
    recipe = {
        "input": "one_flc.fits",
        "refimage": "ref_flc.fits",
        "coordinate_file": {"catfile": "cats.list"},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    jobs = open_project(load_recipe(folder / "recipe.yaml")).plan.jobs
    assert {("read_catalogs", "one_flc"), ("find_sources", "ref_flc_refimage")} <= jobs.keys()
    with (folder / "cats.list").open("a") as stream:
        stream.write("ref_flc.fits one.coo two.coo\n")
    jobs = open_project(load_recipe(folder / "recipe.yaml")).plan.jobs
    assert ("read_catalogs", "ref_flc_refimage") in jobs
    assert "find_sources" not in {rule for rule, _ in jobs}
