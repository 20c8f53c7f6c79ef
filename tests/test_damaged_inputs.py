"""Inputs that are not whole: the others are aligned, and of these it is said what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from skies import Scene
from test_one_truth import planned, scheduled
from tiny import LEAN, copy_tiny

from tweakreg_steps.cli import main
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.reporting.shiftfile import parse_shiftfile
from tweakreg_steps.reporting.summary_file import read_summary
from tweakreg_steps.steps.products import MULTIQC
from tweakreg_steps.workflow.project import open_project

Said = pytest.CaptureFixture[str]
NAME = "paint02q_flc"


def cut_off(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size // 2)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def replaced_by_a_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html>\n<title>503 Service Unavailable</title>" + " " * 4000)


def without_its_last_extensions(path: Path) -> None:
    from tweakreg_steps.fits_files.fits_blocks import scan_hdus

    hdus = scan_hdus(path)
    with path.open("r+b") as stream:
        stream.truncate(hdus[2].end)


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut off": (cut_off, "truncated inside the header of HDU 4: the file ends at "),
    "empty": (emptied, "is empty"),
    "a page": (replaced_by_a_page, "is not a FITS file (it is a page of HTML"),
    "extensions missing": (
        without_its_last_extensions,
        "ends behind ERR,1: its primary header promises ",
    ),
}


def promise(path: Path) -> None:
    """Have a file say how many extensions it has, as HST's do."""
    from astropy.io import fits

    with fits.open(path, mode="update") as hdus:
        hdus[0].header["NEXTEND"] = len(hdus) - 1


@pytest.fixture
def recipe(tiny_exposures: Scene, tmp_path: Path) -> Path:
    return copy_tiny(tiny_exposures, tmp_path, **LEAN)


@pytest.mark.parametrize("kind", DAMAGES)
def test_it_is_said_before_the_run_and_the_others_are_planned(
    kind: str, recipe: Path, capsys: Said
) -> None:
    damage, what = DAMAGES[kind]
    path = recipe.parent / f"{NAME}.fits"
    promise(path)
    damage(path)
    for command in ("validate", "plan"):
        capsys.readouterr()
        assert main([command, str(recipe)]) == 0
        said = capsys.readouterr()
        assert f"{path}: {what}" in said.err
        assert "it is not aligned, and nothing is written for it" in said.err
        assert NAME not in said.out
    project = open_project(load_recipe(recipe))
    assert project.names == ["paint01q_flc", "paint03q_flc"]
    assert not [product for product in project.plan.outputs if NAME in product]


def test_what_is_whole_and_no_exposure_is_refused_as_before(recipe: Path, capsys: Said) -> None:
    from astropy.io import fits

    fits.PrimaryHDU([[1.0]]).writeto(recipe.parent / f"{NAME}.fits", overwrite=True)
    assert main(["validate", str(recipe)]) == 2
    assert "has no celestial WCS" in capsys.readouterr().err


def test_a_damaged_reference_is_refused_before_any_job(recipe: Path, capsys: Said) -> None:
    first = recipe.parent / "paint01q_flc.fits"
    cut_off(first)
    assert main(["run", str(recipe)]) == 2
    said = capsys.readouterr().err
    assert "as the first input it is the reference of all others" in said
    assert f"take it out of input, and {NAME} is the reference" in said
    assert not list(recipe.parent.rglob("*.ecsv"))
    # where the reference is another image, the first is as good as any
    values = yaml.safe_load(recipe.read_text())
    recipe.write_text(yaml.safe_dump(values | {"refimage": f"{NAME}.fits"}))
    assert main(["validate", str(recipe)]) == 0
    cut_off(recipe.parent / f"{NAME}.fits")
    assert main(["validate", str(recipe)]) == 2
    assert "refimage: " in capsys.readouterr().err


def test_without_one_whole_file_there_is_no_run(recipe: Path, capsys: Said) -> None:
    for path in recipe.parent.glob("*_flc.fits"):
        cut_off(path)
    assert main(["run", str(recipe)]) == 2
    assert capsys.readouterr().err.count("truncated inside") == 3


def test_what_a_recipe_says_of_it_is_no_mistake(recipe: Path) -> None:
    cut_off(recipe.parent / f"{NAME}.fits")
    values = yaml.safe_load(recipe.read_text())
    values["images"] = {NAME: {"object_matching": {"searchrad": 3.0}}}
    values["update_header"] = {"updatehdr": True, "also": {NAME: ["beside.fits"]}}
    values["solution"] = {"method": "simultaneous", "groups": {"pair": ["paint01q_flc", NAME]}}
    shutil.copyfile(recipe.parent / "paint03q_flc.fits", recipe.parent / "beside.fits")
    recipe.write_text(yaml.safe_dump(values))
    assert main(["validate", str(recipe)]) == 0


def test_a_file_that_was_damaged_after_a_run_and_mended(
    tiny_run: Path, tmp_path: Path, capsys: Said
) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    recipe, out, path = folder / "recipe.yaml", folder / "out", folder / f"{NAME}.fits"
    whole = path.read_bytes()
    before = {
        file.relative_to(out): file.read_bytes()
        for name in ("fits", "aligned", "matches")
        for file in (out / name).iterdir()
    }
    cut_off(path)
    expected = planned(recipe, capsys)
    assert scheduled(recipe) == expected
    assert main(["run", str(recipe), "-j", "2"]) == 3
    row = read_summary(out / "summary.ecsv").rows[1]
    assert (row["image"], row["reason"], row["n_sources"]) == (NAME, "unreadable", 0)
    assert row["detail"].endswith(f"the file ends at {len(whole) // 2}")
    page = (out / "report.html").read_text()
    assert row["detail"] in page
    assert f"report/{NAME}.html" not in page
    assert parse_shiftfile((out / "shifts.txt").read_text()).rows[1].name == f"{NAME}.fits"
    assert json.loads((out / MULTIQC.path()).read_text())["data"][NAME]
    # the one whole copy of its pixels that is left is not taken away
    left = {file for file in before if (out / file).exists() and NAME in file.name}
    assert [str(file) for file in left] == [f"aligned/{NAME}.fits"]
    assert planned(recipe, capsys) == scheduled(recipe) == set()
    path.write_bytes(whole)
    assert main(["run", str(recipe), "-j", "2"]) == 0
    assert {file: (out / file).read_bytes() for file in before} == before
