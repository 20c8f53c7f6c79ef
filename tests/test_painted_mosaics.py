"""Painted mosaics through the whole program, whose truth is known."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from painted_mosaics import STRIP, Painted, paint_mosaic, rms

from tweakreg_steps.cli import main
from tweakreg_steps.json_file import read_json
from tweakreg_steps.reporting.summary_file import read_summary


def run(scene: Painted, method: str, **changes: object) -> Path:
    """Run a scene by one method; what does not depend on it is not made again."""
    recipe = scene.recipe(solution={"method": method}, **changes)
    assert main(["run", str(recipe), "-j", "2"]) in (0, 3)
    return scene.folder / "out"


def test_together_a_strip_is_better_than_one_by_one(tmp_path: Path) -> None:
    """Six exposures with six catalog stars each: absolute errors and seams, in pixels."""
    scene = paint_mosaic(tmp_path, STRIP, seed=1)
    out = run(scene, "single")
    alone = scene.errors(out / "aligned"), scene.seams(out / "aligned")
    out = run(scene, "simultaneous")
    together = scene.errors(out / "aligned"), scene.seams(out / "aligned")
    assert rms(together[0]) <= 0.6 * rms(alone[0])
    assert rms(together[1]) <= 0.35 * rms(alone[1])
    summary = read_summary(out / "summary.ecsv")
    claimed = np.hypot(summary["error_x"], summary["error_y"]) / 200.0 / np.sqrt(2.0)
    assert 0.5 < rms(together[0]) / rms(claimed) < 2.0


def test_two_cameras_around_the_pole_at_0h(tmp_path: Path) -> None:
    corners = [(0.0, 0.0), (0.6, 0.0), (0.0, 0.6), (0.6, 0.6)]
    scene = paint_mosaic(
        tmp_path,
        corners,
        seed=3,
        at=(0.0, 89.99),
        pixels=[0.2, 0.2, 0.13, 0.13],
        shift=1.0,
    )
    out = run(scene, "simultaneous")
    summary = read_summary(out / "summary.ecsv")
    assert list(summary["status"]) == ["aligned"] * 4
    assert read_json(out / "solution.json")["pairs"]["n_overlaps"] == 6
    assert rms(scene.errors(out / "aligned")) < 0.04
    assert rms(scene.seams(out / "aligned")) < 0.03


def test_an_island_and_an_image_that_fits_nobody_across_0h(tmp_path: Path) -> None:
    """Each part is aligned as far as it can be, and what is not is said."""
    corners = [(0.0, 0.0), (0.6, 0.0), (4.0, 0.0), (4.6, 0.0), (0.3, 0.5)]
    scene = paint_mosaic(tmp_path, corners, seed=8, at=(0.0, -60.0))
    listed, near = np.loadtxt(tmp_path / "stars.cat"), scene.seen(0) | scene.seen(1)
    np.savetxt(tmp_path / "stars.cat", listed[near[scene.catalog]], fmt="%.10f")
    with fits.open(scene.paths[4], mode="update") as hdus:
        hdus[0].data = hdus[0].data[::-1]
    out = run(scene, "simultaneous", acceptance={"max_false_alarm": 1e-3}, report=False)
    summary = read_summary(out / "summary.ecsv")
    assert list(summary["status"]) == ["aligned"] * 2 + ["reference", "aligned", "not_aligned"]
    assert list(summary["reference"][2:4]) == ["m02"] * 2
    assert summary["reason"][4] == "no_significant_offset"
    solution = read_json(out / "solution.json")
    assert solution["unsolved"] == ["m04"]
    assert [part["n_reference"] > 0 for part in solution["parts"]] == [True, False]
    assert any("tells where m02, m03 lie" in note for note in solution["notes"])
    assert rms(scene.errors(out / "aligned")[:2]) < 0.03
    with_catalog, *_, island = scene.seams(out / "aligned")
    assert max(rms(with_catalog), rms(island)) < 0.03
    ra = [WCS(fits.getheader(path)).wcs.crval[0] for path in scene.paths]
    assert min(ra) < 1.0
    assert max(ra) > 359.0


def test_stars_that_repeat_are_no_match_rather_than_a_false_one(tmp_path: Path) -> None:
    """A lattice of stars fits at many offsets: none of them is taken, with each pair's reason."""
    scene = paint_mosaic(tmp_path, STRIP[:3], seed=4, lattice=20.0, shift=1.5)
    changes = {"object_matching": {"searchrad": 3.0}, "acceptance": {"max_false_alarm": 1e-3}}
    out = run(scene, "simultaneous", report=False, **changes)
    summary = read_summary(out / "summary.ecsv")
    assert list(summary["status"]) == ["not_aligned"] * 3
    unmatched = read_json(out / "solution.json")["pairs"]["unmatched"]
    assert len(unmatched) == 2
    assert all("as on a grid" in one["why"] for one in unmatched)


def test_an_image_changes_and_the_mosaic_follows(tmp_path: Path) -> None:
    """Without a catalog: a header gets worse by a pixel, and its correction by as much."""
    scene = paint_mosaic(tmp_path, STRIP[:3], seed=5)
    out = run(scene, "simultaneous", reference_catalog=None)
    first = read_summary(out / "summary.ecsv")
    assert list(first["status"]) == ["reference", "aligned", "aligned"]
    with fits.open(scene.paths[1], mode="update") as hdus:
        hdus[0].header["CRPIX1"] += 1.0
    out = run(scene, "simultaneous", reference_catalog=None)
    second = read_summary(out / "summary.ecsv")
    moved = np.hypot(*(np.subtract(second[key], first[key]) for key in ("dx", "dy")))
    assert moved == pytest.approx([0.0, 1.0, 0.0], abs=0.01)
    shutil.rmtree(out)
