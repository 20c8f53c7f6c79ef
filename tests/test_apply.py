"""``tweakreg apply`` and ``restore``, and headers written in place by a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from conftest import LEAN_RECIPE, copy_scene
from dying import dies_before
from plain_snakemake import OF_THE_WORKFLOW, plain_snakemake
from skies import Scene, rms_to_truth
from test_workflow import planned

from tweakreg_steps.cli import main

Edit = Callable[[Path, str, str], None]


def command(name: str, folder: Path) -> int:
    """Run a command on the recipe of a folder."""
    words = ["-j", "2"] if name == "run" else []
    return main([name, str(folder / "recipe.yaml"), *words])


def inputs(folder: Path) -> dict[str, bytes]:
    """Return the content of the exposures."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*_flc.fits"))}


def in_place(edit: Edit, folder: Path) -> None:
    """Have the recipe write its headers in place."""
    edit(folder / "recipe.yaml", "updatehdr: true", "updatehdr: true\n  in_place: true")


def test_applied_files_are_the_aligned_copies_and_the_plan_stays_empty(
    run_copy: Path, small_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    before = inputs(run_copy)
    assert command("apply", run_copy) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in out] == [
        [f"paint{n:02d}q_flc", "written"] for n in (1, 2, 3, 4)
    ]
    assert inputs(run_copy) == inputs(run_copy / "out" / "aligned")
    for truth in small_scene.exposures:
        assert rms_to_truth(run_copy / truth.path.name, small_scene) < 1.0
    assert planned(run_copy, capsys) == []
    assert command("run", run_copy) == 0
    assert "nothing to do" in capsys.readouterr().err
    assert command("apply", run_copy) == 0
    assert "as written before" in capsys.readouterr().out
    assert command("restore", run_copy) == 0
    assert inputs(run_copy) == before
    assert planned(run_copy, capsys) == []
    assert command("restore", run_copy) == 0
    assert "nothing to do" in capsys.readouterr().err


def test_killed_again_and_again_apply_and_restore_lose_nothing(
    run_copy: Path, finished_run: Path
) -> None:
    before, after = inputs(finished_run), inputs(finished_run / "out" / "aligned")
    rng = np.random.default_rng(7)
    for work, end in (("apply", after), ("restore", before)):
        for operation in sorted(rng.integers(1, 60, 5)):
            dies_before(int(operation), lambda work=work: command(work, run_copy))  # type: ignore[misc]
            for name, content in inputs(run_copy).items():
                assert content in (before[name], after[name])
        assert command(work, run_copy) == 0
        assert inputs(run_copy) == end
    assert sorted(path.name for path in run_copy.iterdir()) == sorted(
        path.name for path in finished_run.iterdir()
    )


def test_only_an_up_to_date_run_is_applied(
    run_copy: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    before = inputs(run_copy)
    edit(run_copy / "recipe.yaml", "threshold: 100", "threshold: 90")
    assert command("apply", run_copy) == 2
    said = capsys.readouterr().err
    assert "imagefindpars.threshold 100.0 → 90.0" in said
    assert "run first: tweakreg run" in said
    assert inputs(run_copy) == before


def test_originals_that_may_not_be_written_are_all_named_before_any_is(
    run_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = inputs(run_copy)
    for n in (2, 4):
        (run_copy / f"paint{n:02d}q_flc.fits").chmod(0o444)
    assert command("apply", run_copy) == 2
    said = capsys.readouterr().err
    assert said.count("is write-protected") == 2
    assert inputs(run_copy) == before


def test_an_original_is_not_measured_while_a_solution_stands_in_it(
    run_copy: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("apply", run_copy) == 0
    edit(run_copy / "recipe.yaml", "threshold: 100", "threshold: 90")
    assert command("run", run_copy) == 2
    said = capsys.readouterr().err
    assert said.count("find_sources has to read it as it was before") == 4
    assert "imagefindpars.threshold 100.0 → 90.0" in said
    assert "tweakreg restore" in said
    edit(run_copy / "recipe.yaml", "threshold: 90", "threshold: 100")
    shutil.rmtree(run_copy / "out" / "digests")
    assert planned(run_copy, capsys) == []


def test_an_original_edited_since_stops_the_project(
    run_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("apply", run_copy) == 0
    with fits.open(run_copy / "paint02q_flc.fits", mode="update") as hdus:
        hdus["SCI", 1].header["CRVAL1"] += 1e-6
    for name in ("plan", "run", "apply", "restore"):
        assert command(name, run_copy) == 2
        said = capsys.readouterr().err
        assert "paint02q_flc.fits: was changed since a solution was written into it" in said
        assert "paint03q" not in said


@pytest.mark.effect("update_header.in_place")
def test_a_run_in_place_writes_the_originals_and_measures_them_as_they_were(
    small_scene: Scene,
    finished_run: Path,
    tmp_path: Path,
    edit: Edit,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy_scene(small_scene, tmp_path, LEAN_RECIPE)
    before = inputs(tmp_path)
    in_place(edit, tmp_path)
    assert command("run", tmp_path) == 0
    assert inputs(tmp_path) == inputs(finished_run / "out" / "aligned")
    assert not list((tmp_path / "out").glob("aligned/*"))
    assert planned(tmp_path, capsys) == []
    edit(tmp_path / "recipe.yaml", "threshold: 100", "threshold: 101")
    assert command("run", tmp_path) == 0
    assert "restoring it" in capsys.readouterr().err
    edit(tmp_path / "recipe.yaml", "threshold: 101", "threshold: 100")
    assert command("run", tmp_path) == 0
    assert inputs(tmp_path) == inputs(finished_run / "out" / "aligned")
    assert command("restore", tmp_path) == 0
    assert inputs(tmp_path) == before
    assert {row["rule"] for row in planned(tmp_path, capsys)} == {"update_header"}


@pytest.mark.parametrize("attach", ["true", "false"])
def test_headerlets_are_made_before_and_attached_as_to_copies(
    run_copy: Path, edit: Edit, attach: str
) -> None:
    before = inputs(run_copy)
    headerlets = f"headerlet_creation: {{headerlet: true, attach: {attach}}}"
    edit(run_copy / "recipe.yaml", "update_header", f"{headerlets}\nupdate_header")
    assert command("run", run_copy) == 0
    aligned = inputs(run_copy / "out" / "aligned")
    assert (b"HDRLET" in aligned["paint02q_flc.fits"]) == (attach == "true")
    assert command("apply", run_copy) == 0
    assert inputs(run_copy) == aligned
    assert command("restore", run_copy) == 0
    assert inputs(run_copy) == before
    in_place(edit, run_copy)
    assert command("run", run_copy) == 0
    assert inputs(run_copy) == aligned


def test_plain_snakemake_writes_in_place_as_well(
    run_copy: Path, finished_run: Path, edit: Edit
) -> None:
    in_place(edit, run_copy)
    done = plain_snakemake(run_copy, *OF_THE_WORKFLOW, "-j2", "--quiet", "all")
    assert done.returncode == 0, done.stderr
    assert inputs(run_copy) == inputs(finished_run / "out" / "aligned")


def test_in_place_an_image_not_aligned_any_more_is_as_it_was(
    run_copy: Path, finished_run: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    in_place(edit, run_copy)
    assert command("run", run_copy) == 0
    assert inputs(run_copy) == inputs(finished_run / "out" / "aligned")
    assert not list((run_copy / "out").glob("aligned/*"))
    edit(
        run_copy / "recipe.yaml", "update_header", "object_matching: {minobj: 1000}\nupdate_header"
    )
    assert command("run", run_copy) == 3
    now, before = inputs(run_copy), inputs(finished_run)
    assert [name for name in now if now[name] == before[name]] == sorted(before)[1:]
    assert planned(run_copy, capsys) == []


def test_in_place_needs_updatehdr_and_files_that_may_be_written(
    run_copy: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    in_place(edit, run_copy)
    (run_copy / "paint03q_flc.fits").chmod(0o444)
    assert command("run", run_copy) == 2
    assert "update_header.in_place: " in capsys.readouterr().err
    edit(run_copy / "recipe.yaml", "updatehdr: true", "updatehdr: false")
    assert command("validate", run_copy) == 2
    assert "true needs updatehdr: true" in capsys.readouterr().err
