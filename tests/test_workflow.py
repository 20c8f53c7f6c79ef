"""The whole way, from a recipe and exposures to aligned headers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from conftest import LEAN_RECIPE, RECIPE, copy_scene
from plain_snakemake import OF_THE_WORKFLOW, plain_snakemake
from product_tables import read_product
from skies import Scene, rms_to_truth
from tiny import LEAN, copy_tiny

from tweakreg_steps.cli import main

Edit = Callable[[Path, str, str], None]


def planned(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what ``tweakreg plan --json`` lists."""
    capsys.readouterr()
    assert main(["plan", str(folder / "recipe.yaml"), "--json"]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def products(outdir: Path) -> dict[str, bytes]:
    """Return the content of every product of a run."""
    kinds = ("aligned", "catalogs", "fits", "headers", "masks", "matches", "plots", "reference")
    names = [
        path
        for kind in (*kinds, "sky", "tweakreg")
        for path in sorted((outdir / kind).rglob("*"))
        if path.is_file()
    ]
    names += [outdir / name for name in ("summary.ecsv", "shifts.txt", "shifts_wcs.fits")]
    return {str(path.relative_to(outdir)): path.read_bytes() for path in names}


def test_the_aligned_headers_are_right(finished_run: Path, small_scene: Scene) -> None:
    for truth in small_scene.exposures[1:]:
        assert rms_to_truth(finished_run / truth.path.name, small_scene) > 100.0
        aligned = finished_run / "out" / "aligned" / truth.path.name
        assert rms_to_truth(aligned, small_scene) < 1.0


def test_the_inputs_are_untouched(finished_run: Path, small_scene: Scene) -> None:
    for path in small_scene.paths:
        assert (finished_run / path.name).read_bytes() == path.read_bytes()


def test_the_summary_is_the_contract(finished_run: Path) -> None:
    summary = Table.read(finished_run / "out" / "summary.ecsv")
    assert list(summary["status"]) == ["reference", "aligned", "aligned", "aligned"]
    assert list(summary["image"]) == [f"paint{n:02d}q_flc" for n in (1, 2, 3, 4)]
    assert summary["matrix"].shape == (4, 2, 2)
    assert [str(summary[name].unit) for name in ("rms_ra", "dx")] == ["mas", "pix"]
    assert {"version", "recipe_digest", "reference"} <= set(summary.meta)
    assert np.all(summary["n_fit"][1:] > 30)


def test_all_products_of_the_house_are_there(finished_run: Path) -> None:
    out = finished_run / "out"
    assert len(list((out / "plots").glob("*.png"))) == 13
    assert len(list((out / "tweakreg").glob("*.coo"))) == 4 * 4 + 1
    assert len(list((out / "tweakreg").glob("*.match"))) == 4 * 2
    assert (out / "tweakreg" / "paint01q_flc_xy_catfile.list").is_file()
    assert (out / "shifts.txt").read_text().startswith("# frame: output\n")
    assert "find_sources paint02q_flc" in (out / "tweakreg.log").read_text()
    assert not [path for path in out.rglob(".*") if ".tmp" in path.name]


def test_a_second_run_has_nothing_to_do(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = products(finished_run / "out")
    assert main(["run", str(finished_run / "recipe.yaml")]) == 0
    said = capsys.readouterr()
    assert "nothing to do" in said.err
    assert "paint04q_flc" in said.out
    assert products(finished_run / "out") == before
    assert planned(finished_run, capsys) == []


def test_a_run_with_nothing_to_do_does_not_start_snakemake(tiny_run: Path) -> None:
    program = (
        "import sys; from tweakreg_steps.cli import main\n"
        f"assert main(['run', {str(tiny_run / 'recipe.yaml')!r}]) == 0\n"
        "assert 'snakemake' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], check=True, capture_output=True, text=True
    )
    assert "nothing to do" in done.stderr


def test_only_what_is_stale_runs_again(
    run_copy: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = run_copy / "recipe.yaml"
    edit(recipe, "update_header", "catalog_fitting: {nclip: 5}\nupdate_header")
    rows = planned(run_copy, capsys)
    assert {row["rule"] for row in rows} == {
        "fit_alignment",
        "update_header",
        "write_catalogs",
        "plot_residuals",
        "compare_images",
        "summarize",
        "write_shiftfile",
        "write_image_report",
        "write_report",
    }
    assert rows[0]["reasons"] == ["catalog_fitting.nclip 3 → 5"]
    catalog = run_copy / "out" / "catalogs" / "paint02q_flc.fits"
    time = catalog.stat().st_mtime_ns
    assert main(["run", str(recipe), "-j", "2"]) == 0
    ran = [line for line in capsys.readouterr().err.splitlines() if line.startswith("[")]
    assert len(ran) == len(rows)
    assert catalog.stat().st_mtime_ns == time
    assert planned(run_copy, capsys) == []


@pytest.mark.parametrize("product", ["catalogs/paint02q_flc.fits", "aligned/paint02q_flc.fits"])
def test_a_product_deleted_or_edited_is_made_again(run_copy: Path, product: str) -> None:
    path = run_copy / "out" / product
    before = products(run_copy / "out")
    path.unlink()
    assert main(["run", str(run_copy / "recipe.yaml"), "-j", "2"]) == 0
    with path.open("ab") as stream:
        stream.write(b"edited")
    assert main(["run", str(run_copy / "recipe.yaml"), "-j", "2"]) == 0
    assert products(run_copy / "out") == before


def test_touching_an_input_makes_nothing_stale(
    run_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run_copy / "paint02q_flc.fits").touch()
    assert planned(run_copy, capsys) == []


def test_a_changed_wcs_finds_no_source_again(
    run_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fits.open(run_copy / "paint02q_flc.fits", mode="update") as hdus:
        hdus["SCI", 1].header["CRVAL1"] += 1e-6
    rows = [row for row in planned(run_copy, capsys) if row["image"].startswith("paint02q")]
    assert {"undistort_sources", "update_header"} <= {row["rule"] for row in rows}
    assert not {"make_masks", "find_sources"} & {row["rule"] for row in rows}


def test_plain_snakemake_gives_the_same_files(
    tiny_exposures: Scene, tiny_run: Path, tmp_path: Path
) -> None:
    copy_tiny(tiny_exposures, tmp_path)
    done = plain_snakemake(tmp_path, *OF_THE_WORKFLOW, "-j2", "--quiet", "all")
    assert done.returncode == 0, done.stderr
    assert products(tmp_path / "out") == products(tiny_run / "out")


def test_plain_snakemake_needs_neither_a_fork_nor_a_warm_process(
    tiny_exposures: Scene, tmp_path: Path
) -> None:
    changes = {**LEAN, "report": False}  # each job is an interpreter
    ours = copy_tiny(tiny_exposures, tmp_path / "ours", number=2, **changes)
    assert main(["run", str(ours), "-j", "2"]) == 0
    copy_tiny(tiny_exposures, tmp_path, number=2, **changes)
    subprocess.run(
        [sys.executable, "-m", "snakemake", *OF_THE_WORKFLOW, "-j2", "--quiet", "all"],
        cwd=tmp_path,
        check=True,
        env={**os.environ, "TWEAKREG_STEP_SOCKET": ""},
    )
    assert products(tmp_path / "out") == products(ours.parent / "out")


def test_the_number_of_jobs_at_once_does_not_matter(tiny_exposures: Scene, tmp_path: Path) -> None:
    outs = []
    for jobs in ("1", "4"):
        folder = tmp_path / jobs
        assert main(["run", str(copy_tiny(tiny_exposures, folder)), "-j", jobs]) == 0
        outs.append(products(folder / "out"))
    assert outs[0] == outs[1]


def test_an_empty_image_is_not_aligned_and_the_others_go_on(
    small_scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_scene(small_scene, tmp_path, LEAN_RECIPE)
    for name, value in (("paint02q_flc.fits", np.nan), ("paint03q_flc.fits", 7.0)):
        with fits.open(tmp_path / name, mode="update") as hdus:
            for chip in (1, 2):
                hdus["SCI", chip].data[:] = value
    assert main(["run", str(tmp_path / "recipe.yaml"), "-j", "2"]) == 3
    assert "no finite pixel" in capsys.readouterr().out
    summary = Table.read(tmp_path / "out" / "summary.ecsv")
    assert list(summary["status"]) == ["reference", "not_aligned", "not_aligned", "aligned"]
    assert list(summary["reason"]) == ["", "no_pixels", "no_sources", ""]
    assert np.isnan(summary["dx"][1])
    aligned = {path.name for path in (tmp_path / "out" / "aligned").iterdir()}
    assert aligned == {path.name for path in small_scene.paths}
    for name in ("paint02q_flc.fits", "paint03q_flc.fits"):
        copy = tmp_path / "out" / "aligned" / name
        assert copy.read_bytes() == (tmp_path / name).read_bytes()
    lines = (tmp_path / "out" / "shifts.txt").read_text().splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    assert rows[1][:2] == ["paint02q_flc.fits", "nan"]


def test_images_not_aligned_are_copied_as_they_are(
    small_scene: Scene, tmp_path: Path, edit: Edit
) -> None:
    copy_scene(small_scene, tmp_path, LEAN_RECIPE)
    recipe = tmp_path / "recipe.yaml"
    edit(recipe, "threshold: 100", "threshold: 1e6")
    assert main(["run", str(recipe), "-j", "2"]) == 3
    copy = tmp_path / "out" / "aligned" / "paint02q_flc.fits"
    assert copy.read_bytes() == (tmp_path / "paint02q_flc.fits").read_bytes()


def test_no_source_in_the_reference_is_said_of_every_image(
    small_scene: Scene, tmp_path: Path
) -> None:
    copy_scene(small_scene, tmp_path, LEAN_RECIPE)
    with fits.open(tmp_path / "paint01q_flc.fits", mode="update") as hdus:
        for chip in (1, 2):
            hdus["SCI", chip].data[:] = 0.0
    assert main(["run", str(tmp_path / "recipe.yaml"), "-j", "2"]) == 3
    summary = Table.read(tmp_path / "out" / "summary.ecsv")
    assert list(summary["reason"]) == ["no_sources", *["no_reference_sources"] * 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("*_flc", "*_raw"), "no file matches"),
        (("threshold: 100", "threshold: -1"), "imagefindpars.threshold: -1 is not allowed"),
        (("outdir: out", "outdir: recipe.yaml/x"), "cannot be made"),
        (("outdir: out", "exclusions: none.txt"), "none.txt"),
        (('"*_flc.fits"', "'paint01q_flc.fits[1], paint01q_flc.fits[sci,2]'"), "two of its ext"),
        (("outdir: out", "reference_catalog: {refcat: none.cat}"), "none.cat"),
        (("updatehdr: true", "updatehdr: true\n  wcsname: IDC_2731450PI"), "has a WCS named"),
    ],
)
def test_what_can_be_known_before_is_exit_2_and_runs_nothing(
    small_scene: Scene,
    tmp_path: Path,
    edit: Edit,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    message: str,
) -> None:
    copy_scene(small_scene, tmp_path)
    edit(tmp_path / "recipe.yaml", *change)
    assert main(["run", str(tmp_path / "recipe.yaml")]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.ecsv"))


def test_bad_inputs_are_all_named_before_any_job(
    small_scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_scene(small_scene, tmp_path)
    short = tmp_path / "paint02q_flc.fits"
    short.write_bytes(short.read_bytes()[:-3_000_000])
    (tmp_path / "paint03q_flc.fits").write_bytes(b"no fits at all")
    fits.PrimaryHDU(np.zeros((9, 9))).writeto(tmp_path / "paint05q_flc.fits")
    assert main(["run", str(tmp_path / "recipe.yaml")]) == 2
    said = capsys.readouterr().err
    for name in ("paint02q_flc.fits", "paint03q_flc.fits", "paint05q_flc.fits"):
        assert name in said
    assert not (tmp_path / "out" / "catalogs").exists()


def test_a_held_folder_is_left_alone(run_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tweakreg_steps.running.locking import hold_outdir

    with hold_outdir(run_copy / "out"):
        assert main(["run", str(run_copy / "recipe.yaml")]) == 4
    assert "holds this folder" in capsys.readouterr().err


def test_show_prints_the_table_of_a_run(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(finished_run / "out")]) == 0
    assert "paint03q_flc" in capsys.readouterr().out
    assert main(["show", str(tmp_path)]) == 2


def test_a_catalog_is_the_reference_wherever_it_is(
    small_scene: Scene, tmp_path: Path, edit: Edit
) -> None:
    copy_scene(small_scene, tmp_path, LEAN_RECIPE)
    rows = zip(small_scene.ra, small_scene.dec, strict=True)
    lines = ["# elsewhere on the sky, and nowhere", "10.0 20.0", "nan 1.0", "10.0 20.0"]
    lines += [f"{ra:.9f} {dec:.9f}" for ra, dec in rows]
    (tmp_path / "stars.cat").write_text("\n".join(lines))
    recipe = tmp_path / "recipe.yaml"
    edit(recipe, "update_header", "reference_catalog: {refcat: stars.cat}\nupdate_header")
    assert main(["run", str(recipe), "-j", "2"]) == 0
    summary = Table.read(tmp_path / "out" / "summary.ecsv")
    assert set(summary["status"]) == {"aligned"}
    assert set(summary["reference"]) == {"stars.cat"}
    said = (tmp_path / "out" / "tweakreg.log").read_text()
    assert "stars.cat: left out, without a position: 1 entry, line 3" in said
    assert "stars.cat: left out, position repeated: 1 entry, line 4" in said
    for truth in small_scene.exposures:
        aligned = tmp_path / "out" / "aligned" / truth.path.name
        assert rms_to_truth(aligned, small_scene) < 1.0
    (tmp_path / "stars.cat").write_text("10.0 20.0\n11.0 20.0\n")
    assert main(["run", str(recipe), "-j", "2"]) == 3
    summary = Table.read(tmp_path / "out" / "summary.ecsv")
    assert set(summary["reason"]) == {"no_reference_sources"}
    for path in (tmp_path / "out" / "aligned").iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_regions_and_flags_keep_sources_out(small_scene: Scene, tmp_path: Path, edit: Edit) -> None:
    copy_scene(small_scene, tmp_path, LEAN_RECIPE)
    (tmp_path / "out.reg").write_text("image\n-box(256,256,512,512,0)\n")
    (tmp_path / "exclusions.txt").write_text("paint02q_flc.fits None out.reg\n")
    recipe = tmp_path / "recipe.yaml"
    edit(recipe, "outdir: out", "outdir: out\nexclusions: exclusions.txt")
    edit(recipe, "threshold: 100", "threshold: 100\n  dqbits: ~16")
    with fits.open(tmp_path / "paint03q_flc.fits", mode="update") as hdus:
        hdus["DQ", 1].data[:] = 16
        hdus["DQ", 2].data[:] = 4
    main(["run", str(recipe), "-j", "2"])
    for name, alone in (("paint02q_flc", True), ("paint03q_flc", False)):
        found = read_product(tmp_path / "out" / "catalogs" / f"{name}.fits")
        left = (found["chip"] == 2) & (found["x"] < 512)
        assert (left.sum() == 0) == alone
    assert set(read_product(tmp_path / "out" / "catalogs" / "paint03q_flc.fits")["chip"]) == {2}
    (tmp_path / "out.reg").write_text("image\ncircle(1,2\n")
    assert main(["run", str(recipe)]) == 2


PLAIN_SEARCH = """\
object_matching: {searchrad: 20, see2dplot: false}
catalog_fitting: {residplot: No plot}
"""


def test_single_images_of_other_telescopes_are_aligned(tmp_path: Path) -> None:
    from skies import single_extension_scene

    for projection, compressed in (("TPV", False), ("ZPN", True)):
        folder = tmp_path / projection
        folder.mkdir()
        scene = single_extension_scene(folder, projection=projection, compressed=compressed)
        text = RECIPE.replace("*_flc.fits", "*.fits*").replace("threshold: 100", "threshold: 20")
        (folder / "recipe.yaml").write_text(text + PLAIN_SEARCH)
        assert main(["run", str(folder / "recipe.yaml"), "-j", "2"]) == 0
        for path in scene.paths[1:]:
            before = rms_to_truth(path, scene)
            assert rms_to_truth(folder / "out" / "aligned" / path.name, scene) < before / 20


def test_a_snakemake_profile_is_taken(tiny_run: Path, tmp_path: Path, edit: Edit) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tiny_run, folder)
    profile = folder / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text("executor: local\njobs: 2\n")
    recipe = folder / "recipe.yaml"
    edit(recipe, "shiftfile: true", "shiftfile: true\n  outshifts: renamed.txt")
    assert main(["run", str(recipe), "--profile", str(profile)]) == 0
    assert (folder / "out" / "renamed.txt").is_file()
    assert main(["run", str(recipe), "--profile", str(folder / "out")]) == 2
