"""A reference image: its plane, its sources, and what is wrong with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from conftest import copy_scene
from product_tables import read_product
from reference_images import SHAPE, TPV, paint_reference
from skies import Scene, rms_to_truth
from stwcs.distortion.utils import output_wcs
from stwcs.wcsutil import HSTWCS

from tweakreg_steps.astrometry.reference_plane import read_reference_plane
from tweakreg_steps.astrometry.undistortion import pixels_to_sky, sky_to_plane
from tweakreg_steps.cli import main
from tweakreg_steps.fits_files.exposure import list_chips, read_wcs
from tweakreg_steps.json_file import read_json

Edit = Callable[[Path, str, str], None]

RECIPE = """\
input: [paint01q_flc.fits, paint02q_flc.fits]
outdir: out
refimage: {refimage}
imagefindpars: {{threshold: 100}}
refimagefindpars: {{threshold: 60}}
update_header: {{updatehdr: true}}
object_matching: {{see2dplot: false}}
catalog_fitting: {{residplot: No plot}}
"""


def prepare(scene: Scene, folder: Path, refimage: str, **changes: str) -> Path:
    """Copy a scene and write a recipe with a reference image."""
    copy_scene(scene, folder)
    text = RECIPE.format(refimage=refimage)
    for key, value in changes.items():
        text += f"{key}: {value}\n"
    (folder / "recipe.yaml").write_text(text)
    return folder / "recipe.yaml"


def summary(folder: Path) -> Table:
    return Table.read(folder / "out" / "summary.ecsv")


def check_aligned(scene: Scene, folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        assert rms_to_truth(folder / "out" / "aligned" / f"{name}.fits", scene) < 0.6


@pytest.fixture(scope="module")
def drizzled(small_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run with a drizzled reference image; read only."""
    folder = tmp_path_factory.mktemp("drizzled")
    recipe = prepare(small_scene, folder, "'deep_drz.fits[sci,1]'")
    paint_reference(small_scene, folder / "deep_drz.fits", drizzled=True)
    assert main(["run", str(recipe), "-j", "2"]) == 0
    return folder


@pytest.mark.effect("refimage")
def test_images_are_aligned_with_a_drizzled_image(drizzled: Path, small_scene: Scene) -> None:
    check_aligned(small_scene, drizzled, ("paint01q_flc", "paint02q_flc"))
    table = summary(drizzled)
    assert list(table["status"]) == ["aligned", "aligned"]
    assert set(table["reference"]) == {"deep_drz_sci1"}


def test_the_plane_is_the_undistorted_images_own_wcs(drizzled: Path) -> None:
    plane = read_reference_plane(drizzled / "out" / "reference" / "wcs.fits")
    own = WCS(fits.getheader(drizzled / "deep_drz.fits", "SCI"), naxis=2)
    assert plane.pixel_shape == SHAPE[::-1]
    for attribute in ("crval", "crpix", "cd"):
        assert np.array_equal(getattr(plane.wcs, attribute), getattr(own.wcs, attribute))


def test_shifts_are_in_the_pixels_of_the_reference_image(
    drizzled: Path, small_scene: Scene
) -> None:
    plane = read_reference_plane(drizzled / "out" / "reference" / "wcs.fits")
    fit = read_json(drizzled / "out" / "fits" / "paint02q_flc.json")
    center = np.array(fit["center"])[:, np.newaxis]
    assert np.array_equal(center[:, 0], plane.wcs.crpix)
    truth = small_scene.exposures[1]
    for chip, found in zip(truth.chips, list_chips(truth.path, None), strict=True):
        sky = pixels_to_sky(read_wcs(truth.path, found), chip.x, chip.y, where="a")
        seen = np.array(sky_to_plane(plane, *sky, where="a"))
        ra, dec = small_scene.ra[chip.star], small_scene.dec[chip.star]
        true = np.array(sky_to_plane(plane, ra, dec, where="a")) - center
        moved = fit["matrix"] @ true + np.array([[fit["dx"]], [fit["dy"]]]) + center
        assert abs(moved - seen).max() < 0.03


def test_the_sources_name_the_image_they_come_from(drizzled: Path) -> None:
    out = drizzled / "out"
    sources = read_product(out / "reference" / "sources.fits")
    assert set(sources["origin"]) == {"deep_drz_sci1"}
    found = read_product(out / "catalogs" / "deep_drz_sci1_refimage.fits")
    assert np.array_equal(sources["x0"], found["x"])
    for name in ("deep_drz_sci1_refimage_sci1_xy_catalog", "deep_drz_sci1_refimage_sky_catalog"):
        assert len(np.loadtxt(out / "tweakreg" / f"{name}.coo")) == len(sources)
    listed = (out / "tweakreg" / "paint01q_flc_xy_catfile.list").read_text()
    assert "refimage" not in listed


def planned(folder: Path, capsys: pytest.CaptureFixture[str]) -> set[tuple[str, str]]:
    """Return rule and image of what ``tweakreg plan`` lists, but for the products of a fit."""
    capsys.readouterr()
    assert main(["plan", str(folder / "recipe.yaml"), "--json"]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    late = {"match_sources", "fit_alignment", "update_header", "write_catalogs", "summarize"}
    late |= {"compare_images"}
    plots = {"plot_offsets", "plot_residuals", "write_image_report", "write_report"}
    return {(row["rule"], row["image"]) for row in rows if row["rule"] not in late | plots}


NAME = "deep_drz_sci1_refimage"
FOUND_AGAIN = {
    ("find_sources", NAME),
    ("undistort_sources", NAME),
    ("write_chip_catalog", NAME),
    ("write_sky_catalog", NAME),
    ("build_reference", "all"),
    ("write_refcat", "all"),
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("threshold", FOUND_AGAIN),
        ("pixels", FOUND_AGAIN),
        ("touch", set()),
        (
            "wcs",
            FOUND_AGAIN - {("find_sources", NAME), ("write_chip_catalog", NAME)}
            | {("build_reference_plane", "all")},
        ),
        ("dqbits", {("make_masks", NAME), *FOUND_AGAIN}),
        ("its own name", set()),
    ],
)
def test_what_changes_in_a_reference_image_reaches_the_right_jobs(
    drizzled: Path,
    tmp_path: Path,
    edit: Edit,
    capsys: pytest.CaptureFixture[str],
    change: str,
    expected: set[tuple[str, str]],
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(drizzled, folder)
    image, recipe = folder / "deep_drz.fits", folder / "recipe.yaml"
    if change == "threshold":
        edit(recipe, "threshold: 60", "threshold: 80")
    elif change == "dqbits":
        edit(recipe, "threshold: 60", "threshold: 60, dqbits: 0")
    elif change == "touch":
        image.touch()
    elif change == "its own name":
        edit(recipe, "'deep_drz.fits[sci,1]'", "'./deep_drz.fits[SCI, 1]'")
    else:
        with fits.open(image, mode="update") as hdus:
            if change == "pixels":
                hdus["SCI"].data[100, 100] += 1.0
            else:
                hdus["SCI"].header["CRVAL1"] += 1e-6
    assert planned(folder, capsys) == expected


def test_another_reference_image_finds_no_source_of_the_inputs_again(
    drizzled: Path,
    small_scene: Scene,
    tmp_path: Path,
    edit: Edit,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(drizzled, folder)
    paint_reference(small_scene, folder / "other.fits", **TPV)
    edit(folder / "recipe.yaml", "'deep_drz.fits[sci,1]'", "other.fits")
    found = planned(folder, capsys)
    assert ("build_reference_plane", "all") in found
    assert {image for _, image in found} == {"other_refimage", "all"}


def test_a_distorted_image_of_another_telescope_is_undistorted_first(
    small_scene: Scene, tmp_path: Path
) -> None:
    recipe = prepare(small_scene, tmp_path, "wide.fits")
    paint_reference(small_scene, tmp_path / "wide.fits", **TPV)
    assert main(["run", str(recipe), "-j", "2"]) == 0
    check_aligned(small_scene, tmp_path, ("paint01q_flc", "paint02q_flc"))
    plane = read_reference_plane(tmp_path / "out" / "reference" / "wcs.fits")
    square = plane.wcs.cd @ plane.wcs.cd.T
    assert np.allclose(square, square[0, 0] * np.eye(2), rtol=0, atol=1e-12 * square[0, 0])


def test_a_distorted_hst_image_that_is_an_input_is_the_reference(
    small_scene: Scene, tmp_path: Path
) -> None:
    recipe = prepare(small_scene, tmp_path, "paint01q_flc.fits")
    assert main(["run", str(recipe), "-j", "2"]) == 0
    check_aligned(small_scene, tmp_path, ("paint01q_flc", "paint02q_flc"))
    table = summary(tmp_path)
    assert list(table["status"]) == ["reference", "aligned"]
    assert set(table["reference"]) == {"paint01q_flc"}
    # refimagefindpars holds for the reference, imagefindpars for the same image as an input
    counts = [
        len(read_product(tmp_path / "out" / "catalogs" / f"{name}.fits"))
        for name in ("paint01q_flc_refimage", "paint01q_flc")
    ]
    assert counts[0] > counts[1] > 0
    plane = read_reference_plane(tmp_path / "out" / "reference" / "wcs.fits")
    theirs = output_wcs([HSTWCS(f"{tmp_path / 'paint01q_flc.fits'}[sci,1]")], undistort=True)
    assert plane.pixel_shape == theirs.pixel_shape
    assert np.allclose(plane.wcs.crval, theirs.wcs.crval, rtol=0, atol=1e-12)
    assert np.allclose(plane.wcs.cd, theirs.wcs.cd, rtol=0, atol=1e-16)


def test_with_a_catalog_the_image_is_the_plane_alone(small_scene: Scene, tmp_path: Path) -> None:
    recipe = prepare(small_scene, tmp_path, "deep.fits", reference_catalog="{refcat: stars.cat}")
    paint_reference(small_scene, tmp_path / "deep.fits")
    rows = zip(small_scene.ra, small_scene.dec, strict=True)
    (tmp_path / "stars.cat").write_text("".join(f"{ra:.9f} {dec:.9f}\n" for ra, dec in rows))
    assert main(["run", str(recipe), "-j", "2"]) == 0
    check_aligned(small_scene, tmp_path, ("paint01q_flc", "paint02q_flc"))
    out = tmp_path / "out"
    assert (
        not list(out.rglob("*_refimage*")) or not (out / "catalogs" / "deep_refimage.fits").exists()
    )
    assert read_reference_plane(out / "reference" / "wcs.fits").pixel_shape == SHAPE[::-1]
    sources = read_product(out / "reference" / "sources.fits")
    assert set(sources["origin"]) == {"stars.cat"}
    assert len(sources) == len(small_scene.ra)


def test_its_own_line_in_the_exclusions_is_honoured(
    drizzled: Path, tmp_path: Path, edit: Edit
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(drizzled, folder)
    (folder / "left.reg").write_text("image\n-box(375,1350,750,2700,0)\n")
    (folder / "exclusions.txt").write_text("deep_drz.fits left.reg\n")
    edit(folder / "recipe.yaml", "outdir: out", "outdir: out\nexclusions: exclusions.txt")
    main(["run", str(folder / "recipe.yaml"), "-j", "2"])
    sources = read_product(folder / "out" / "reference" / "sources.fits")
    assert len(sources) > 20
    assert np.all(sources["x0"] > 748)
    everywhere = read_product(folder / "out" / "catalogs" / "paint01q_flc.fits")
    before = read_product(drizzled / "out" / "catalogs" / "paint01q_flc.fits")
    assert len(everywhere) == len(before)


def bad_header(path: Path, **cards: object) -> None:
    """Write an image whose header is not of use."""
    image = fits.PrimaryHDU(np.zeros((20, 30), dtype=np.float32))
    image.header.update(cards)
    image.writeto(path)


SINGULAR: dict[str, object] = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CD1_1": 1e-5,
    "CD1_2": 1e-5,
    "CD2_1": 1e-5,
    "CD2_2": 1e-5,
}


@pytest.mark.parametrize(
    ("refimage", "message"),
    [
        ("gone.fits", "there is no such file"),
        ("'*_flc.fits'", "name one image, without wildcards"),
        ("words.fits", "is not a FITS file"),
        ("plain.fits", "has no celestial WCS"),
        ("singular.fits", "its WCS cannot be used"),
        ("'paint01q_flc.fits[sci,5]'", "no such extension"),
        ("out/aligned/paint01q_flc.fits", "lies in the folder of aligned copies"),
    ],
)
def test_what_is_wrong_with_it_is_known_before_any_job(
    small_scene: Scene,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    refimage: str,
    message: str,
) -> None:
    recipe = prepare(small_scene, tmp_path, refimage)
    (tmp_path / "words.fits").write_text("not an image")
    bad_header(tmp_path / "plain.fits")
    bad_header(tmp_path / "singular.fits", **SINGULAR)
    (tmp_path / "out" / "aligned").mkdir(parents=True)
    shutil.copyfile(small_scene.paths[0], tmp_path / "out" / "aligned" / "paint01q_flc.fits")
    assert main(["run", str(recipe)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("tweakreg: refimage: ")
    assert message in said
    assert "input" not in said
    assert not list(tmp_path.rglob("*.ecsv"))


def test_its_name_must_not_be_that_of_an_input(
    small_scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = prepare(small_scene, tmp_path, "paint01q_flc.fits")
    shutil.copyfile(small_scene.paths[2], tmp_path / "paint01q_flc_refimage.fits")
    recipe.write_text(recipe.read_text().replace("paint02q_flc.fits", "paint01q_flc_refimage.fits"))
    assert main(["plan", str(recipe)]) == 2
    assert "would have the name of the input paint01q_flc_refimage" in capsys.readouterr().err
