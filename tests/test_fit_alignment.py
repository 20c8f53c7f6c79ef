"""What the parameters of fitting and acceptance do to the files of the fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from steps import call_of

from tweakreg_steps.cli import main
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.steps import all_steps
from tweakreg_steps.steps.fit_alignment import run
from tweakreg_steps.tables.table_file import ColumnTable, read_table, write_table
from tweakreg_steps.workflow.consumption import parameters_of

IMAGE = "paint02q_flc"


class Bench:
    """A finished run's matches of one image, to be fitted again with other parameters."""

    def __init__(self, out: Path, folder: Path) -> None:
        self.out, self.folder = out, folder
        self.matches = read_table(out / "matches" / f"{IMAGE}.ecsv")

    def fit(self, **sections: dict[str, Any]) -> dict[str, Any]:
        """Run the step and return the record that it writes."""
        recipe = complete({"input": "a.fits", **sections}, source=None, file=Path("recipe.yaml"))
        write_table(self.folder / "matches.ecsv", self.matches)
        files = {
            "matches": self.folder / "matches.ecsv",
            "plane": self.out / "reference" / "wcs.fits",
            "fit": self.folder / "fit.json",
            "pairs": self.folder / "fit.ecsv",
        }
        parameters = parameters_of(
            all_steps()["fit_alignment"], recipe.values, findpars="imagefindpars"
        )
        run(call_of("fit_alignment", IMAGE, parameters=parameters, inputs={}, files=files))
        record: dict[str, Any] = json.loads(files["fit"].read_text())
        return record

    @property
    def pairs(self) -> ColumnTable:
        """The pairs that the step has written."""
        return read_table(self.folder / "fit.ecsv")

    def change(self, rows: slice, **columns: Any) -> None:  # noqa: ANN401  numbers or arrays
        """Change some columns of some rows of the matches."""
        changed = {name: column.copy() for name, column in self.matches.columns.items()}
        for name, values in columns.items():
            changed[name][rows] = values
        self.matches = replace(self.matches, columns=changed)

    def align(self) -> None:
        """Put the image where the fit puts it."""
        self.fit()
        pairs = self.pairs
        self.change(slice(None), x_image=pairs["x_fit"], y_image=pairs["y_fit"])


@pytest.fixture
def bench(finished_run: Path, tmp_path: Path) -> Bench:
    return Bench(finished_run / "out", tmp_path)


@pytest.mark.effect("catalog_fitting.fitgeometry")
def test_auto_takes_the_simplest_geometry_that_will_do(bench: Bench) -> None:
    assert bench.fit()["fitgeometry"] == "rscale"
    assert bench.fit(catalog_fitting={"fitgeometry": "auto"})["fitgeometry"] == "rshift"
    found = bench.fit(catalog_fitting={"fitgeometry": "auto"})
    assert found["scale"] == pytest.approx(1.0, abs=1e-12)
    assert found["uncertainty"]["scale"] < 1e-12
    x, y = bench.matches["x_ref"], bench.matches["y_ref"]
    bench.change(slice(None), x_image=x + 3.0, y_image=y + 0.02 * np.sin(np.arange(len(x))))
    assert bench.fit(catalog_fitting={"fitgeometry": "auto"})["fitgeometry"] == "shift"


@pytest.mark.effect("catalog_fitting.weights")
@pytest.mark.parametrize("weights", ["flux", "errors"])
def test_faint_sources_count_less_if_weighted(bench: Bench, weights: str) -> None:
    shifts = []
    for choice in ("none", weights):
        bright = np.argsort(bench.matches["flux"]) >= len(bench.matches) // 2
        flux = np.where(bright, 1e6, 100.0)
        bench.change(slice(None), flux=flux, error=1.0 / np.sqrt(flux), error_ref=0.0)
        x = bench.matches["x_ref"] + np.where(bright, 0.0, 0.2)
        noise = np.where(bright, 0.001, 0.2) * np.cos(7.0 * np.arange(len(bright)) ** 2)
        bench.change(slice(None), x_image=x + noise, y_image=bench.matches["y_ref"] - noise + 1.0)
        fitting = {"fitgeometry": "shift", "weights": choice, "nclip": 0}
        shifts.append(bench.fit(catalog_fitting=fitting)["dx"])
    assert shifts[0] > 0.05
    assert abs(shifts[1]) < 0.01


def test_magnitudes_are_fluxes_too(bench: Bench) -> None:
    weighted = {"weights": "flux", "nclip": 0}
    counts = bench.fit(catalog_fitting=weighted)
    bench.change(slice(None), flux=30.0 - 2.5 * np.log10(bench.matches["flux"]))
    bench.matches = replace(bench.matches, units={**bench.matches.units, "flux": "mag"})
    magnitudes = bench.fit(catalog_fitting=weighted)
    assert counts["weights"] == magnitudes["weights"] == "flux"
    assert magnitudes["dx"] == pytest.approx(counts["dx"], abs=1e-9)


def test_weights_of_which_nothing_is_known_are_none_and_said_to_be(bench: Bench) -> None:
    plain = bench.fit()
    bench.change(slice(None), error=np.nan)
    found = bench.fit(catalog_fitting={"weights": "errors"})
    assert found["weights"] == "none"
    assert found["matrix"] == plain["matrix"]


def test_positions_of_a_psf_count_by_their_errors_unless_a_word_says_otherwise(
    bench: Bench,
) -> None:
    assert bench.fit()["weights"] == "none"
    bench.matches = replace(bench.matches, meta={**bench.matches.meta, "centroid": "psf"})
    assert bench.fit()["weights"] == "errors"
    assert bench.fit()["matrix"] == bench.fit(catalog_fitting={"weights": "errors"})["matrix"]
    assert bench.fit(catalog_fitting={"weights": "none"})["weights"] == "none"


@pytest.mark.effect("catalog_fitting.robust_start")
def test_many_wrong_pairs_do_not_mislead_a_robust_start(bench: Bench) -> None:
    right = bench.fit()
    wrong = slice(None, None, 3)
    bench.change(wrong, x_image=bench.matches["x_image"][wrong] + 0.8)
    misled, robust = (
        bench.fit(catalog_fitting={"robust_start": start, "nclip": 2}) for start in (False, True)
    )
    assert (misled["robust_start"], robust["robust_start"]) == (False, True)
    assert abs(misled["dx"] - right["dx"]) > 0.1
    assert abs(robust["dx"] - right["dx"]) < 0.02


@pytest.mark.parametrize(
    ("gate", "limit", "reason"),
    [
        pytest.param(name, limit, reason, marks=pytest.mark.effect(f"acceptance.{name}"), id=name)
        for name, limit, reason in (
            ("min_matches", 100_000, "few_kept"),
            ("max_rms", 0.1, "large_rms"),
            ("max_error", 0.01, "large_error"),
            ("max_shift", 0.1, "large_shift"),
            ("max_rotation", 1e-5, "large_rotation"),
            ("max_scale", 1e-9, "large_scale"),
            ("min_coverage", 1.0, "small_coverage"),
        )
    ],
)
def test_a_fit_that_a_gate_refuses_is_kept_aside(
    bench: Bench, gate: str, limit: float, reason: str
) -> None:
    accepted = bench.fit()
    refused = bench.fit(acceptance={gate: limit})
    assert accepted["status"] == "aligned"
    assert accepted["refused"] is None
    assert (refused["status"], refused["reason"]) == ("not_aligned", reason)
    assert f"acceptance.{gate}: {limit}" in refused["detail"]
    assert refused["matrix"] is refused["center"] is refused["dx"] is refused["rms_ra"] is None
    assert refused["refused"]["dx"] == accepted["dx"]
    assert refused["acceptance"]["measured"] == accepted["acceptance"]["measured"]
    assert bench.pairs["kept"].sum() == accepted["n_fit"] == refused["n_fit"]


@pytest.mark.effect("acceptance.never_worse")
def test_an_aligned_image_stays_where_it_is(bench: Bench) -> None:
    bench.align()
    kept = bench.fit()
    assert (kept["status"], kept["reason"]) == ("aligned", "")
    assert kept["dx"] == kept["dy"] == kept["rotation"] == 0.0
    assert kept["matrix"] == [[1.0, 0.0], [0.0, 1.0]]
    assert kept["rms_x"] > 0.0
    assert (
        kept["acceptance"]["comparison"]["held_out"] >= kept["acceptance"]["comparison"]["present"]
    )
    moved = bench.fit(acceptance={"never_worse": False})
    assert moved["status"] == "aligned"
    assert 0.0 < abs(moved["dx"]) + abs(moved["dy"]) < 1e-3


def test_uncertainties_are_those_of_so_many_stars(bench: Bench) -> None:
    found = bench.fit(catalog_fitting={"fitgeometry": "shift"}, acceptance={"never_worse": False})
    told = found["uncertainty"]
    assert told["dx"] == pytest.approx(found["rms_x"] / np.sqrt(found["n_fit"]), rel=0.15)
    assert told["rotation"] == 0.0
    covariance = np.array(told["covariance"])
    assert covariance[told["covariance_of"].index("dy")][5] == pytest.approx(told["dy"] ** 2)


def test_a_refused_image_keeps_its_wcs(run_copy: Path) -> None:
    recipe = run_copy / "recipe.yaml"
    recipe.write_text(recipe.read_text() + "acceptance:\n  max_shift: 0.1\n")
    assert main(["run", str(recipe), "-j", "2"]) == 3
    row = Table.read(run_copy / "out" / "summary.ecsv")[1]
    assert (row["status"], row["reason"]) == ("not_aligned", "large_shift")
    assert np.isnan(row["dx"])
    assert row["n_fit"] > 15
    shifts = (run_copy / "out" / "shifts.txt").read_text().splitlines()
    assert "nan" in [line for line in shifts if not line.startswith("#")][1]
    name = f"{IMAGE}.fits"
    for key in ("CRVAL1", "CD1_1", "WCSNAME"):
        original, copy = (
            fits.getval(path / name, key, ("SCI", 1))
            for path in (run_copy, run_copy / "out" / "aligned")
        )
        assert original == copy
    match = (run_copy / "out" / "tweakreg" / f"{IMAGE}_catalog_fit.match").read_text()
    assert "There is no fit of this image." in match
    assert (run_copy / "out" / "plots" / f"vector_{IMAGE}.png").is_file()
