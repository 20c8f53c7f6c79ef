"""Other files of the same exposures get the same correction: by the recipe, or afterwards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from astropy.wcs import WCS
from skies import _quiet_wcs

from tweakreg_steps.cli import main

CARDS = ("CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "CRPIX1", "CRPIX2")


@pytest.fixture
def folder(tiny_run: Path, tmp_path: Path) -> Path:
    """Return a copy of a finished run with the flt of each exposure, and a grism of another name.

    The flt of the third has another WCS.
    """
    place = tmp_path / "run"
    shutil.copytree(tiny_run, place, symlinks=True)
    for number in (1, 2, 3):
        with fits.open(place / f"paint0{number}q_flc.fits") as hdus:
            for chip in (1, 2):
                hdus["SCI", chip].data += 7.0
                if number == 3:
                    hdus["SCI", chip].header["CRVAL1"] += 0.001
                    hdus["SCI", chip].header["WCSNAME"] = "OTHER"
            hdus.writeto(place / f"paint0{number}q_flt.fits")
            if number == 2:
                hdus[0].header["ROOTNAME"] = "grism02q"
                hdus.writeto(place / "grism02q_flt.fits")
    drizzle(place, "single_drc", ["paint02q_flc.fits[sci,1]", "paint02q_flc.fits[sci,2]"])
    drizzle(place, "several_drc", ["paint02q_flc.fits[sci,1]", "paint03q_flc.fits[sci,1]"])
    return place


def drizzle(place: Path, name: str, parts: list[str]) -> None:
    """Write what AstroDrizzle's header says of an image that was drizzled from parts."""
    said: dict[str, str | int] = {"TELESCOP": "HST", "INSTRUME": "WFC3", "ROOTNAME": f"{name}.fits"}
    said |= {"NDRIZIM": len(parts)} | {f"D{i:03d}DATA": p for i, p in enumerate(parts, 1)}
    with fits.open(place / "paint02q_flc.fits") as hdus:
        wcs = {key: hdus["SCI", 1].header[key] for key in (*CARDS, "WCSNAME")}
        science = fits.ImageHDU(hdus["SCI", 1].data, fits.Header(wcs), name="SCI")
    science.header.update(CTYPE1="RA---TAN", CTYPE2="DEC--TAN", EXTVER=1)
    primary = fits.PrimaryHDU(header=fits.Header(said))
    fits.HDUList([primary, science]).writeto(place / f"{name}.fits")


def change(folder: Path, **header: object) -> str:
    """Change the section of headers of the recipe, and return its path."""
    path = folder / "recipe.yaml"
    recipe = yaml.safe_load(path.read_text())
    recipe["update_header"] |= header
    path.write_text(yaml.safe_dump(recipe))
    return str(path)


def check(folder: Path, name: str, like: str) -> None:
    """Check that a file has the WCS of the aligned exposure, its own pixels, and the old WCS."""
    aligned = folder / "out" / "aligned"
    with (
        fits.open(aligned / f"{name}.fits") as ours,
        fits.open(aligned / f"{like}.fits") as theirs,
        fits.open(folder / f"{name}.fits") as original,
    ):
        for chip in (1, 2):
            header, expected = ours["SCI", chip].header, theirs["SCI", chip].header
            assert [header[key] for key in CARDS] == [expected[key] for key in CARDS]
            assert header["CRVAL1"] != original["SCI", chip].header["CRVAL1"]
            before = original["SCI", chip].header["WCSNAME"]
            assert before in [value for key, value in header["WCSNAME*"].items() if key[7:]]
            assert np.array_equal(ours["SCI", chip].data, original["SCI", chip].data)


def wcs_of(path: Path) -> WCS:
    """Return the WCS of the first chip of a file."""
    with fits.open(path) as hdus:
        return _quiet_wcs(hdus["SCI", 1].header, hdus)


def moved_apart(folder: Path, name: str, exposure: str) -> float:
    """Return by how many pixels an image of one chip was not moved as its exposure was."""
    pixel = np.array([[30.0, 60.0], [150.0, 120.0]])
    places = folder, folder / "out" / "aligned"
    before, after = (wcs_of(place / f"{name}.fits") for place in places)
    old, new = (wcs_of(place / f"{exposure}.fits") for place in places)
    there = old.all_world2pix(before.all_pix2world(pixel, 1), 1)
    assert np.abs(after.all_pix2world(pixel, 1) - before.all_pix2world(pixel, 1)).max() > 1e-5
    found = after.all_world2pix(new.all_pix2world(there, 1), 1) - pixel
    return float(np.abs(found).max())


def contents(folder: Path) -> dict[str, bytes]:
    """Return what the user's exposures hold."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.fits"))}


@pytest.mark.effect("update_header.also")
def test_other_files_are_targets_with_verdicts_of_their_own(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = contents(folder)
    recipe = change(folder, also=["paint0?q_flt.fits", "grism*.fits", "*_drc.fits"])
    assert main(["run", recipe, "-j", "1"]) == 0
    assert "grism02q_flt.fits: no input has its root name grism02q" in capfd.readouterr().err
    check(folder, "paint02q_flt", "paint02q_flc")
    out = folder / "out"
    # the reference keeps its place, and what had another WCS before stays as it is
    assert (out / "aligned" / "paint03q_flt.fits").read_bytes() == before["paint03q_flt.fits"]
    said = json.loads((out / "headers" / "paint03q_flt.fits.json").read_text())
    assert (said["status"], said["reason"]) == ("not_aligned", "other_wcs")
    assert "its WCS was OTHER and that of paint03q_flc.fits" in said["detail"]
    assert json.loads((out / "headers" / "paint01q_flt.fits.json").read_text())["of"] == (
        "paint01q_flc"
    )
    # an image drizzled from one exposure moves with it, one of several has no correction
    assert moved_apart(folder, "single_drc", "paint02q_flc") < 1e-3
    assert (out / "aligned" / "several_drc.fits").read_bytes() == before["several_drc.fits"]
    said = json.loads((out / "headers" / "several_drc.fits.json").read_text())
    assert "drizzled from 2 exposures, of which each has its own correction" in said["detail"]
    assert contents(folder) == before
    change(folder, also={"paint02q_flc": "grism02q_flt.fits"})
    assert main(["run", recipe, "-j", "1"]) == 0
    check(folder, "grism02q_flt", "paint02q_flc")
    assert not (out / "aligned" / "paint02q_flt.fits").exists()


def test_a_transfer_after_the_run_lasts_as_long_as_the_fits(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before, recipe = contents(folder), str(folder / "recipe.yaml")
    files = [str(folder / f"paint0{number}q_flt.fits") for number in (2, 3)]
    assert main(["transfer", recipe, *files]) == 3
    said = capfd.readouterr().out
    assert "aligned/paint02q_flt.fits" in said
    assert "other_wcs" in said
    assert (
        main(["transfer", recipe, str(folder / "grism02q_flt.fits"), "--of", "paint02q_flc"]) == 0
    )
    for name in ("paint02q_flt", "grism02q_flt"):
        check(folder, name, "paint02q_flc")
    assert contents(folder) == before
    capfd.readouterr()
    assert main(["plan", recipe, "--json"]) == 0
    assert capfd.readouterr().out.strip() == "[]"
    assert main(["transfer", recipe, str(folder / "grism02q_flt.fits")]) == 0
    (folder / "strange_flt.fits").write_bytes(before["grism02q_flt.fits"])
    assert main(["transfer", recipe, str(folder / "strange_flt.fits")]) == 2
    assert "no input has its root name grism02q" in capfd.readouterr().err
    assert main(["transfer", recipe, str(folder / "absent.fits")]) == 2


def test_applied_in_place_and_restored_bit_for_bit(folder: Path) -> None:
    before = contents(folder)
    recipe = change(folder, also=["paint02q_flt.fits"])
    assert main(["run", recipe, "-j", "1"]) == 0
    copy = (folder / "out" / "aligned" / "paint02q_flt.fits").read_bytes()
    assert main(["apply", recipe]) == 0
    assert contents(folder)["paint02q_flt.fits"] == copy
    assert main(["restore", recipe]) == 0
    assert contents(folder) == before


def test_files_that_cannot_be_told_are_refused_before_any_job(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "sub").mkdir()
    shutil.copyfile(folder / "paint02q_flt.fits", folder / "sub" / "paint02q_flc.fits")
    for also, word in (
        ("absent_flt.fits", "update_header.also: absent_flt.fits: there is no such file"),
        ("grism02q_flt.fits", "write also: {IMAGE: [grism02q_flt.fits]}"),
        ({"nobody": "grism02q_flt.fits"}, "nobody: is no input"),
        ("sub/paint02q_flc.fits", "and so would its copy"),
    ):
        assert main(["validate", change(folder, also=also)]) == 2
        assert word in capfd.readouterr().err
