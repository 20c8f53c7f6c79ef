"""A new solution is written into the copy that is there, if all else in it is to stay."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml
from astropy.io import fits

from tweakreg_steps.cli import main

A, B, C = (f"paint0{i}q_flc.fits" for i in (1, 2, 3))


@pytest.fixture
def folder(tiny_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the tiny exposures' finished run."""
    return Path(shutil.copytree(tiny_run, tmp_path / "copy"))


def aligned(folder: Path) -> Path:
    """Return where the aligned copies of a run are."""
    return next(folder.glob("*/aligned"))


def run_with_name(folder: Path, name: str) -> None:
    """Run again, with another name for the solutions."""
    recipe = folder / "recipe.yaml"
    values = yaml.safe_load(recipe.read_text())
    values["update_header"] = {**values.get("update_header", {}), "wcsname": name}
    values |= {"report": False}
    recipe.write_text(yaml.safe_dump(values))
    assert main(["run", str(recipe), "-j", "2"]) == 0


def test_only_headers_are_written_where_a_copy_is_untouched_and_has_no_other_name(
    folder: Path, tmp_path: Path
) -> None:
    copies = aligned(folder)
    other = tmp_path / "other_name.fits"
    os.link(copies / B, other)
    linked = other.read_bytes()
    with fits.open(copies / C, mode="update") as hdus:
        hdus["SCI", 1].data[3, 4] += 1.0
    places = {name: (copies / name).stat().st_ino for name in (A, B)}
    run_with_name(folder, "AGAIN")

    assert (copies / A).stat().st_ino == places[A]
    assert (copies / B).stat().st_ino != places[B]
    assert other.read_bytes() == linked
    again = {name: (copies / name).read_bytes() for name in (A, B, C)}
    shutil.rmtree(copies)
    run_with_name(folder, "AGAIN")
    assert again == {name: (copies / name).read_bytes() for name in (A, B, C)}
    assert fits.getval(copies / A, "WCSNAME", ("SCI", 1)) == "AGAIN"
