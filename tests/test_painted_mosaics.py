"""Painted mosaics through the whole program, whose truth is known."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from painted_mosaics import STRIP, Painted, paint_mosaic, rms

from tweakreg_steps.cli import main
from tweakreg_steps.json_file import read_json
from tweakreg_steps.reporting.summary import read_summary


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


def test_an_image_changes_and_the_mosaic_follows(tmp_path: Path) -> None:
    """Without a catalog: a header gets worse by a pixel, and its correction by as much."""
    from astropy.io import fits

    scene = paint_mosaic(tmp_path, STRIP[:3], seed=5)
    out = run(scene, "simultaneous", reference_catalog=None)
    first = read_summary(out / "summary.ecsv")
    assert list(first["status"]) == ["reference", "aligned", "aligned"]
    with fits.open(scene.paths[1], mode="update") as hdus:
        hdus[0].header["CRPIX1"] += 1.0
    out = run(scene, "simultaneous", reference_catalog=None)
    second = read_summary(out / "summary.ecsv")
    moved = np.hypot(second["dx"] - first["dx"], second["dy"] - first["dy"])
    assert moved == pytest.approx([0.0, 1.0, 0.0], abs=0.01)
    shutil.rmtree(out)
