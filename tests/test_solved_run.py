"""Images that are solved together, through the steps and the whole program."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from astropy.io import fits
from ledgers import entry_of
from skies import Scene
from test_effects_of_alignment import call_of

from tweakreg_steps.cli import main
from tweakreg_steps.json_file import read_json
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.reporting.summary_file import read_summary
from tweakreg_steps.steps import solve_mosaic
from tweakreg_steps.tables.table_file import read_table

NAMES = ("paint01q_flc", "paint02q_flc", "paint03q_flc")
Solve = Callable[..., tuple[dict[str, Any], dict[str, Any]]]


@pytest.fixture
def solve(solved_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Solve:
    """Return a function that solves again, with other parameters, and gives fits and solution."""
    out = solved_run / "out"
    monkeypatch.chdir(out)

    def again(*, catalog: bool = True, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401  values
        entry = entry_of(out, "solve_mosaic", "all")
        record = entry["record"]
        belongs = changes.pop("belongs", {})
        record["parameters"] = merge(record["parameters"], {"solution": changes})
        manifest = read_json(out / "manifest.json")
        for image in manifest["images"]:
            image["mosaic"] |= belongs.get(image["name"], belongs.get("all", {}))
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        files = {
            "manifest": tmp_path / "manifest.json",
            "plane": out / "reference" / "wcs.fits",
            **({"sources": out / "reference" / "sources.fits"} if catalog else {}),
            **{f"pair.{path.stem}": path for path in sorted((out / "pairs").glob("*.ecsv"))},
            "solution": tmp_path / "solution.json",
        }
        for name in NAMES:
            files |= {
                f"sky.{name}": out / "sky" / f"{name}.fits",
                f"matches.{name}": tmp_path / f"{name}_matches.ecsv",
                f"fit.{name}": tmp_path / f"{name}.json",
                f"pairs.{name}": tmp_path / f"{name}.ecsv",
            }
        solve_mosaic.run(call_of(record, files))
        fits_of = {name: read_json(files[f"fit.{name}"]) for name in NAMES}
        return fits_of, read_json(files["solution"])

    return again


def test_all_images_are_aligned_to_the_catalog(solved_run: Path, tiny_exposures: Scene) -> None:
    summary = read_summary(solved_run / "out" / "summary.ecsv")
    assert set(summary["status"]) == {"aligned"}
    assert set(summary["reference"]) == {"stars.cat"}
    # the first header is right, the others are an arcsecond wrong
    assert np.hypot(summary["dx"][0], summary["dy"][0]) < 0.02
    for name, dx, dy in zip(NAMES, summary["dx"], summary["dy"], strict=True):
        error = tiny_exposures.exposure(solved_run / f"{name}.fits").error
        moved = np.hypot(error.east, error.north)
        assert np.hypot(dx, dy) * 0.0396 == pytest.approx(moved, abs=0.05)
    assert all(0.0 < error < 1.0 for error in summary["error_x"])
    assert all(error < 1.0 for error in summary["error_y"])
    said = summary.meta["solution"]
    assert said["method"] == "simultaneous"
    assert "3 images in 1 connected part, 3 of 3 pairs" in said["notes"][0]


def test_the_screen_says_what_the_solution_found(
    solved_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(solved_run / "out")]) == 0
    said = capsys.readouterr().out
    assert "simultaneous: 3 images in 1 connected part" in said
    assert "errors of stars.cat beside its own" in said


def test_a_pair_has_a_product_with_its_own_probability(solved_run: Path) -> None:
    pair = read_table(solved_run / "out" / "pairs" / f"{NAMES[0]}-{NAMES[1]}.ecsv")
    assert (pair.meta["one"], pair.meta["other"]) == NAMES[:2]
    assert pair.meta["false_alarm"] < 1e-6
    assert pair.meta["n_pairs"] == len(pair) > 30


def test_a_changed_image_costs_its_pairs_and_the_solution(
    solved_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(solved_run, tmp_path / "copy")
    with fits.open(folder / f"{NAMES[1]}.fits", mode="update") as hdus:
        hdus[1].data = hdus[1].data + np.float32(1.0)
    assert main(["plan", str(folder / "recipe.yaml"), "--json"]) == 0
    jobs = [(row["rule"], row["image"]) for row in json.loads(capsys.readouterr().out)]
    found = [image for rule, image in jobs if rule in ("find_sources", "undistort_sources")]
    assert set(found) == {NAMES[1]}
    pairs = {image for rule, image in jobs if rule == "match_pair"}
    assert pairs == {f"{NAMES[0]}-{NAMES[1]}", f"{NAMES[1]}-{NAMES[2]}"}
    assert ("solve_mosaic", "all") in jobs
    assert not {"build_reference", "match_sources", "fit_alignment"} & {rule for rule, _ in jobs}


@pytest.mark.effect("solution.method")
def test_relative_absolute_moves_all_images_as_one(solve: Solve) -> None:
    fits_of, said = solve(method="relative_absolute")
    assert said["method"] == "relative_absolute"
    together, _ = solve()
    for name in NAMES:
        assert fits_of[name]["status"] == "aligned"
        one, other = fits_of[name]["dx"], together[name]["dx"]
        assert one == pytest.approx(other, abs=0.05)
        assert one != other


@pytest.mark.effect("solution.groups")
def test_the_images_of_a_group_share_one_correction(tiny_exposures: Scene, tmp_path: Path) -> None:
    from steps import run_steps
    from tiny import copy_tiny

    recipe = copy_tiny(
        tiny_exposures,
        tmp_path,
        solution={"method": "simultaneous", "groups": {"east": ["paint0[23]q_flc.fits"]}},
        object_matching={"searchrad": 3.0},
        acceptance={"never_worse": False},
    )
    chain = ["make_masks", "find_sources", "undistort_sources"]
    run_steps(recipe, "all", ["build_reference_plane"])
    for name in NAMES:
        run_steps(recipe, name, chain)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        run_steps(recipe, f"{NAMES[one]}-{NAMES[other]}", ["match_pair"])
    out = run_steps(recipe, "all", ["solve_mosaic"])
    assert read_json(out / "solution.json")["groups"] == {"east": list(NAMES[1:])}
    one, other = (read_json(out / "fits" / f"{name}.json") for name in NAMES[1:])
    assert one["matrix"] == other["matrix"]
    assert one["solution"]["group"] == other["solution"]["group"] == "east"
    assert [one["dx"], one["dy"]] == pytest.approx([other["dx"], other["dy"]], abs=1e-9)
    # each header is wrong by itself, and the stars tell that they are no group
    (torn,) = read_json(out / "solution.json")["torn"]
    assert torn["images"] == list(NAMES[1:])
    assert torn["apart"] > 100.0


@pytest.mark.effect("solution.fitgeometry")
def test_each_image_has_its_own_geometry(solve: Solve) -> None:
    fits_of, _ = solve(belongs={NAMES[1]: {"geometry": "shift"}})
    assert [fits_of[name]["fitgeometry"] for name in NAMES] == ["rscale", "shift", "rscale"]
    assert [fits_of[name]["rotation"] == 0.0 for name in NAMES] == [False, True, False]


def test_geometries_of_groups_and_images(tiny_exposures: Scene, tmp_path: Path) -> None:
    from tiny import copy_tiny

    from tweakreg_steps.recipes.recipe import load_recipe
    from tweakreg_steps.workflow.project import open_project

    groups = {"east": ["paint02q_flc.fits", "paint03q_flc"]}
    recipe = copy_tiny(
        tiny_exposures,
        tmp_path,
        solution={
            "method": "simultaneous",
            "groups": groups,
            "fitgeometry": {"east": "general", "paint01*": "shift"},
        },
    )
    mosaic = open_project(load_recipe(recipe)).findings.mosaic
    assert mosaic
    assert mosaic.geometries == {"paint01q_flc": "shift", "east": "general"}
    changed = yaml.safe_load(recipe.read_text())
    changed["solution"]["fitgeometry"] = {"paint02q_flc": "shift", "paint03q_flc": "general"}
    recipe.write_text(yaml.safe_dump(changed))
    with pytest.raises(Exception, match="the group east share one correction"):
        open_project(load_recipe(recipe))


@pytest.mark.effect("solution.gauge")
def test_without_a_reference_the_gauge_is_held_and_said(solve: Solve) -> None:
    first, said = solve(catalog=False)
    assert [first[name]["status"] for name in NAMES] == ["reference", "aligned", "aligned"]
    assert {first[name]["reference"] for name in NAMES} == {NAMES[0]}
    assert "first unit held" in said["parts"][0]["held"]
    assert any("no star of a reference tells where" in note for note in said["notes"])
    mean, said = solve(catalog=False, gauge="mean")
    assert {mean[name]["status"] for name in NAMES} == {"aligned"}
    assert {mean[name]["reference"] for name in NAMES} == {"mean of 3 images"}
    assert "mean of its units held" in said["parts"][0]["held"]


def test_with_the_mean_held_no_image_is_the_reference(
    tiny_exposures: Scene, tmp_path: Path
) -> None:
    from tiny import copy_tiny

    recipe = copy_tiny(
        tiny_exposures,
        tmp_path,
        number=2,
        solution={"method": "simultaneous", "gauge": "mean"},
        shiftfile_output={"shiftfile": False},
        writecat=False,
    )
    assert main(["run", str(recipe), "-j", "2"]) == 0
    summary = read_summary(tmp_path / "out" / "summary.ecsv")
    assert list(summary["status"]) == ["aligned", "aligned"]
    assert set(summary["reference"]) == {"mean of 2 images"}
    assert abs(sum(summary["dx"])) < 0.05
    assert abs(summary["dx"][0]) > 0.5


@pytest.mark.effect("solution.weights")
def test_without_weights_the_floor_is_the_whole_error(solve: Solve) -> None:
    (_, known), (_, unknown) = solve(), solve(weights="none")
    (with_own,), (whole,) = known["floors"].values(), unknown["floors"].values()
    assert whole > 1.01 * with_own


@pytest.mark.effect("solution.sigma", "solution.nclip")
def test_what_is_far_off_is_rejected(solve: Solve) -> None:
    def kept(**changes: Any) -> int:  # noqa: ANN401  values
        return sum(record["n_fit"] for record in solve(**changes)[0].values())

    assert kept(sigma=1.5) < kept(sigma=5.0)
    assert kept(sigma=1.5, nclip=1) > kept(sigma=1.5)


@pytest.mark.effect("solution.priors.shift", "solution.priors.rotation", "solution.priors.scale")
def test_priors_hold_what_they_are_about(solve: Solve) -> None:
    free, _ = solve()
    name = NAMES[1]
    still, _ = solve(priors={"shift": 1e-7})
    assert abs(still[name]["dx"]) < 0.1 * abs(free[name]["dx"])
    straight, _ = solve(priors={"rotation": 1e-9})
    assert abs(straight[name]["rotation"]) < 0.01 * abs(free[name]["rotation"])
    rigid, _ = solve(priors={"scale": 1e-9})
    assert abs(rigid[name]["scale"] - 1.0) < 0.1 * abs(free[name]["scale"] - 1.0)
