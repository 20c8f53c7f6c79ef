"""A strip of painted exposures with and without a reference list that grows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from skies import Scene, rms_to_truth
from strips import strip_scene
from test_workflow import planned

from tweakreg_steps.cli import main
from tweakreg_steps.tables.table_file import read_table

Edit = Callable[[Path, str, str], None]

PIXEL_MAS = 400.0
RECIPE = """\
input: [strip1.fits, strip6.fits, strip2.fits, strip5.fits, strip3.fits, strip4.fits]
outdir: out
expand_refcat: true
imagefindpars: {threshold: 30}
object_matching: {searchrad: 4}
catalog_fitting: {fitgeometry: shift, residplot: No plot}
update_header: {updatehdr: true}
"""


@pytest.fixture(scope="module")
def strip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scene]:
    """Return a folder with a painted strip and its recipe, aligned with a growing list."""
    folder = tmp_path_factory.mktemp("strip")
    scene = strip_scene(folder)
    (folder / "recipe.yaml").write_text(RECIPE)
    assert main(["run", str(folder / "recipe.yaml"), "-j", "2"]) == 0
    return folder, scene


def test_the_strip_aligns_end_to_end_with_the_square_root_of_the_steps(
    strip: tuple[Path, Scene],
) -> None:
    folder, scene = strip
    summary = Table.read(folder / "out" / "summary.ecsv")
    assert list(summary["status"]) == ["reference", *["aligned"] * 5]
    fits = summary[1:]
    steps = PIXEL_MAS * np.hypot(fits["rms_x"], fits["rms_y"]) / np.sqrt(fits["n_fit"])
    for number in range(2, 7):
        name = f"strip{number}.fits"
        assert rms_to_truth(folder / name, scene) > 900.0
        error = rms_to_truth(folder / "out" / "aligned" / name, scene)
        # the error of a step is its pairs' rms over the root of their number
        assert error < 2.0 * np.max(steps) * np.sqrt(number - 1)


def test_the_list_holds_the_sources_of_all_images_and_is_written_for_users(
    strip: tuple[Path, Scene], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, scene = strip
    out = folder / "out"
    grown = read_table(out / "reference" / "expanded_sources.fits")
    assert grown.meta["order"] == [f"strip{n}" for n in (2, 3, 4, 5, 6)]
    assert set(grown["origin"]) == {f"strip{n}" for n in range(1, 7)}
    cumulative = np.loadtxt(
        out / "tweakreg" / "cumulative_sky_refcat_strip1.coo",
        dtype=[("ra", float), ("dec", float), ("flux", float), ("id", int), ("origin", "U20")],
    )
    assert np.array_equal(cumulative["id"], grown["id"])
    assert list(cumulative["origin"]) == [f"{name}.fits[0]" for name in grown["origin"]]
    distances = np.hypot(
        (cumulative["ra"][:, None] - scene.ra) * np.cos(np.radians(scene.dec)),
        cumulative["dec"][:, None] - scene.dec,
    )
    assert np.mean(distances.min(axis=1) * 3.6e6 < 0.3 * PIXEL_MAS) > 0.6
    assert (out / "plots" / "hist2d_strip4.png").is_file()
    assert planned(folder, capsys) == []


@pytest.mark.effect("expand_refcat")
def test_without_growth_the_far_ones_do_not_overlap(
    strip: tuple[Path, Scene], edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = strip
    recipe = folder / "recipe.yaml"
    edit(recipe, "expand_refcat: true", "expand_refcat: false")
    assert not {row["rule"] for row in planned(folder, capsys)} & {"find_sources", "align"}
    assert main(["run", str(recipe), "-j", "2"]) == 3
    summary = Table.read(folder / "out" / "summary.ecsv")
    found = dict(zip(summary["image"], summary["reason"], strict=True))
    assert found == {f"strip{n}": "" if n < 4 else "no_overlap" for n in range(1, 7)}
    assert planned(folder, capsys) == []
    edit(recipe, "expand_refcat: false", "expand_refcat: true")
    assert planned(folder, capsys)[0]["rule"] == "align"
    assert main(["run", str(recipe), "-j", "2"]) == 0


@pytest.mark.effect("enforce_user_order")
def test_the_free_order_starts_with_the_pair_of_the_largest_overlap(
    strip: tuple[Path, Scene], edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = strip
    recipe = folder / "recipe.yaml"
    edit(recipe, "expand_refcat: true", "expand_refcat: true\nenforce_user_order: false")
    row = planned(folder, capsys)[0]
    assert (row["rule"], row["reasons"]) == ("align", ["enforce_user_order true → false"])
    assert main(["run", str(recipe), "-j", "2"]) == 0
    summary = Table.read(folder / "out" / "summary.ecsv")
    (reference,) = summary["image"][summary["status"] == "reference"]
    assert set(summary["reference"]) == {reference}
    assert reference not in ("strip1", "strip6")
    catalogs = [path.name for path in (folder / "out" / "tweakreg").glob("cumulative*")]
    assert catalogs == [f"cumulative_sky_refcat_{reference}.coo"]
    assert planned(folder, capsys) == []
    edit(recipe, "\nenforce_user_order: false", "")


def test_a_catalog_of_one_end_is_enough_when_it_grows(
    strip: tuple[Path, Scene], edit: Edit
) -> None:
    folder, scene = strip
    star = scene.exposure(Path("strip6.fits")).chips[0].star
    rows = zip(scene.ra[star], scene.dec[star], strict=True)
    (folder / "east.cat").write_text("".join(f"{ra:.9f} {dec:.9f}\n" for ra, dec in rows))
    recipe = folder / "recipe.yaml"
    edit(recipe, "outdir: out", "outdir: east\nreference_catalog: {refcat: east.cat}")
    assert main(["run", str(recipe), "-j", "2"]) == 0
    for number in range(1, 7):
        aligned = folder / "east" / "aligned" / f"strip{number}.fits"
        assert rms_to_truth(aligned, scene) < 0.05 * PIXEL_MAS
    assert (folder / "east" / "tweakreg" / "cumulative_sky_refcat_east.coo").is_file()
