"""``tweakreg validate`` finds what a plan would refuse, lists all of it, and leaves no trace."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from skies import Scene
from tiny import copy_tiny

from tweakreg_steps.cli import main

Prepare = Callable[[Path], dict[str, Any]]
"""Puts files into a folder, and returns what the recipe says of them."""


def without_wcs(folder: Path) -> dict[str, Any]:
    """Take the WCS out of an exposure."""
    with fits.open(folder / "paint02q_flc.fits", mode="update") as hdus:
        for hdu in hdus[1:]:
            for key in ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CD1_1", "CD2_2", "CD1_2", "CD2_1"):
                hdu.header.pop(key, None)
    return {}


def writing(name: str, text: str, **recipe: Any) -> Prepare:  # noqa: ANN401  values of a recipe
    """Return the function that writes a file."""

    def prepare(folder: Path) -> dict[str, Any]:
        (folder / name).write_text(text)
        return recipe

    return prepare


def saying(**recipe: Any) -> Prepare:  # noqa: ANN401  values of a recipe
    """Return the function that only says something."""
    return lambda _: recipe


WRONG: dict[str, tuple[Prepare, str]] = {
    "no refcat": (saying(reference_catalog={"refcat": "no.ecsv"}), r"no\.ecsv"),
    "a refcat without the column": (
        writing("r.txt", "10 20 3\n", reference_catalog={"refcat": "r.txt", "refxcol": 9}),
        r"r\.txt",
    ),
    "a refcat that is none": (
        writing("r.fits", "nothing", reference_catalog={"refcat": "r.fits"}),
        r"r\.fits",
    ),
    "no region file": (
        writing("e.txt", "paint01q_flc.fits no.reg no.reg\n", exclusions="e.txt"),
        r"no\.reg",
    ),
    "no exclusions": (saying(exclusions="no.txt"), r"no\.txt"),
    "no catalogs": (
        writing("c.txt", "paint01q_flc.fits no.coo no.coo\n", coordinate_file={"catfile": "c.txt"}),
        r"no\.coo",
    ),
    "no WCS": (without_wcs, r"paint02q_flc\.fits"),
    "no refimage": (saying(refimage="no.fits"), r"no\.fits"),
    "no history": (
        saying(headerlet_creation={"headerlet": True, "history": "no.hist"}),
        r"no\.hist",
    ),
    "no such image": (saying(images={"nothing": {"imagefindpars": {"threshold": 3}}}), "nothing"),
    "an outdir that is a file": (writing("o", "", outdir="o"), "cannot be made"),
    "an open cache": (saying(cache="open"), "can be written by others"),
}


@pytest.mark.parametrize("name", WRONG)
def test_validate_refuses_what_plan_refuses(
    tiny_exposures: Scene, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare, expected = WRONG[name]
    recipe = copy_tiny(tiny_exposures, tmp_path)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    changes = prepare(tmp_path)
    (tmp_path / "sub").mkdir()
    recipe = copy_tiny(tiny_exposures, tmp_path / "sub", number=0, **changes)
    text = recipe.read_text()
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    before = sorted(tmp_path.rglob("*"))
    statuses = []
    for command in ("validate", "plan"):
        statuses.append(main([command, str(recipe)]))
        said = capsys.readouterr().err
        assert re.search(expected, said), said
        if command == "validate":
            assert sorted(tmp_path.rglob("*")) == before
    assert statuses == [2, 2]


def test_all_that_is_wrong_is_listed_at_once(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(
        tiny_exposures,
        tmp_path,
        outdir="file",
        reference_catalog={"refcat": "no.ecsv"},
        exclusions="no.txt",
        headerlet_creation={"headerlet": True, "history": "no.hist"},
        coordinate_file={"catfile": "no.list"},
        images={"nothing": {"imagefindpars": {"threshold": 3}}},
    )
    (tmp_path / "file").touch()
    assert main(["validate", str(recipe)]) == 2
    said = capsys.readouterr().err
    for word in ("file: cannot be made", "no.ecsv", "no.txt", "no.hist", "no.list", "nothing"):
        assert word in said


def test_a_valid_recipe_leaves_no_trace(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, outdir="deep/out")
    before = sorted(tmp_path.rglob("*"))
    assert main(["validate", str(recipe)]) == 0
    assert "valid, 3 images" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_an_input_is_no_product(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(
        tiny_exposures, tmp_path, outdir=".", shiftfile_output={"outwcs": "paint01q_flc.fits"}
    )
    for command in ("validate", "plan", "run"):
        assert main([command, str(recipe)]) == 2
        assert "paint01q_flc.fits: is read by the recipe" in capsys.readouterr().err
