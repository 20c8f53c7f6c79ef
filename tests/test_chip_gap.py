"""A gap between chips that all headers have wrong: found, said and corrected chip by chip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from rich_runs import write_catalog
from skies import Scene, _wcs
from steps import run_steps
from tiny import copy_tiny

from tweakreg_steps.astrometry.plane_fit import PlaneFit
from tweakreg_steps.fit_file import read_fit
from tweakreg_steps.json_file import read_json

NAMES = ("paint01q_flc", "paint02q_flc", "paint03q_flc")
GAP = 0.1  # pixels


@pytest.fixture(scope="module")
def gap_run(tiny_exposures: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output folder of exposures whose second chips lie 0.1 pixels too low."""
    folder = tmp_path_factory.mktemp("gap")
    recipe = copy_tiny(
        tiny_exposures,
        folder,
        reference_catalog={"refcat": "stars.cat", "rfluxcol": 3},
        solution={"method": "simultaneous", "chip_terms": "shift", "fitgeometry": "rshift"},
        acceptance={"never_worse": False},
        writecat=False,
    )
    write_catalog(tiny_exposures, folder)
    for name in NAMES:
        with fits.open(folder / f"{name}.fits", mode="update") as hdus:
            hdus["SCI", 2].header["CRPIX2"] += GAP
    run_steps(recipe, "all", ["build_reference_plane"])
    for name in NAMES:
        run_steps(recipe, name, ["make_masks", "find_sources", "undistort_sources"])
    for one, other in ((0, 1), (0, 2), (1, 2)):
        run_steps(recipe, f"{NAMES[one]}-{NAMES[other]}", ["match_pair"])
    run_steps(recipe, "all", ["build_reference", "solve_mosaic"])
    return run_steps(recipe, NAMES[0], ["update_header"])


@pytest.mark.effect("solution.chip_terms")
def test_a_wrong_gap_is_found_and_said(gap_run: Path) -> None:
    said = read_json(gap_run / "solution.json")
    lower, upper = said["chip_terms"]
    assert [lower["chip"], upper["chip"]] == [1, 2]
    error = np.hypot(lower["errors"]["shift_y"], upper["errors"]["shift_y"])
    assert error < 0.2 * GAP
    assert upper["shift_y"] - lower["shift_y"] == pytest.approx(GAP, abs=4 * error)
    assert upper["shift_y"] + lower["shift_y"] == pytest.approx(0.0, abs=0.01)
    assert any(note.startswith("chip 2 of") for note in said["notes"])


def gap_of(path: Path, scene: Scene) -> float:
    """Return by how many pixels a header has the second chip lower than the first."""
    means = []
    with fits.open(path) as hdus:
        for chip in scene.exposure(path).chips:
            _, y = _wcs(hdus, chip.number).all_world2pix(
                scene.ra[chip.star], scene.dec[chip.star], 1
            )
            means.append(float(np.mean(y - chip.y)))
    return means[1] - means[0]


def test_each_chip_gets_its_own_correction(gap_run: Path, tiny_exposures: Scene) -> None:
    before = gap_of(gap_run.parent / f"{NAMES[0]}.fits", tiny_exposures)
    after = gap_of(gap_run / "aligned" / f"{NAMES[0]}.fits", tiny_exposures)
    assert before == pytest.approx(GAP, abs=0.01)
    assert abs(after) < 0.2 * GAP


def test_the_fit_of_a_chip_moves_it_first_by_its_term() -> None:
    rng = np.random.default_rng(1)
    fit = PlaneFit(np.eye(2) + rng.normal(0.0, 0.01, (2, 2)), rng.normal(0.0, 5.0, 2), np.ones(2))
    shift, matrix, middle = rng.normal(0.0, 1.0, 2), rng.normal(0.0, 0.01, (2, 2)), np.full(2, 70.0)
    p = rng.uniform(0.0, 100.0, (5, 2))
    q = fit.after(shift, matrix, middle)
    there = (p - q.center) @ q.matrix.T + q.shift + q.center
    moved = there + shift + (there - middle) @ matrix.T
    assert moved == pytest.approx((p - fit.center) @ fit.matrix.T + fit.shift + fit.center)


def test_other_files_get_the_terms_of_their_own_camera_only(gap_run: Path, tmp_path: Path) -> None:
    from tweakreg_steps.steps.update_header import _without_strange_chips

    fit = read_fit(gap_run / "fits" / f"{NAMES[1]}.json")
    original = gap_run.parent / f"{NAMES[1]}.fits"
    assert _without_strange_chips(fit, original) == fit
    with fits.open(original) as hdus:
        hdus[0].header["NDRIZIM"] = 1
        hdus.writeto(tmp_path / "drizzled.fits")
        del hdus[0].header["NDRIZIM"]
        hdus[0].header["FILTER"] = "F336W"
        hdus.writeto(tmp_path / "filter.fits")
    for name in ("drizzled", "filter"):
        assert "chip_terms" not in _without_strange_chips(fit, tmp_path / f"{name}.fits")
