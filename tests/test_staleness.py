"""Which jobs have to run, and why, in words."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from test_workplan import image, plan

from tweakreg_steps.records.ledger import write_note
from tweakreg_steps.records.outdir_files import note_of
from tweakreg_steps.workflow.jobs import WorkPlan
from tweakreg_steps.workflow.staleness import stale_jobs


def pretend_to_run(work: WorkPlan, outdir: Path, *, content: str | None = None) -> None:
    """Leave products and records as if every job of the plan had run."""
    for job in work.jobs.values():
        for output in job.outputs:
            path = outdir / output
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{job.rule} {output}")
        with contextlib.chdir(outdir):
            products = [Path(output) for output in job.outputs]
            write_note(
                Path(note_of(job.rule, job.name)),
                job.record,
                products,
                ticket="",
                declared=job.outputs,
                log=job.log,
                contents=dict.fromkeys(job.outputs, content)
                if content and job.step.content
                else {},
            )


def reasons(work: WorkPlan, outdir: Path) -> dict[tuple[str, str], Sequence[str]]:
    """Return the reasons of each stale job."""
    return {stale.job.key: stale.reasons for stale in stale_jobs(work, outdir)}


@pytest.fixture
def outdir(tmp_path: Path) -> Path:
    """Return an output folder in which the default plan has been run."""
    pretend_to_run(plan(), tmp_path)
    return tmp_path


def test_in_an_empty_folder_everything_is_to_be_made(tmp_path: Path) -> None:
    assert set(reasons(plan(), tmp_path).values()) == {("not made yet",)}
    assert len(reasons(plan(), tmp_path)) == len(plan().jobs)


def test_after_a_run_there_is_nothing_to_do(outdir: Path) -> None:
    assert reasons(plan(), outdir) == {}


def test_a_parameter_is_named_with_its_old_and_new_value(outdir: Path) -> None:
    found = reasons(plan(catalog_fitting={"nclip": 5}), outdir)
    assert found["fit_alignment", "b"] == ("catalog_fitting.nclip 3 → 5",)
    assert found["update_header", "b"] == ("fit_alignment runs",)
    assert ("match_sources", "b") not in found


def test_an_input_is_named_with_what_changed_in_it(outdir: Path) -> None:
    found = reasons(plan([image("a"), image("b", pixels="new")]), outdir)
    assert found["find_sources", "b"] == (
        "pixels of chip 1 changed",
        "pixels of chip 2 changed",
    )
    assert ("find_sources", "a") not in found


def test_a_plane_that_holds_the_same_leaves_its_readers_alone(tmp_path: Path) -> None:
    pretend_to_run(plan(content="the plane"), tmp_path, content="the plane")
    images = [image("a"), image("b"), image("c")]
    found = reasons(plan(images, content="the plane"), tmp_path)
    assert found["build_reference_plane", "all"] == ("the WCS of an image changed",)
    assert {name.partition(".")[0] for _, name in found} == {"c", "all"}
    moved = reasons(plan(images, content="another plane"), tmp_path)
    assert moved["match_sources", "a"] == ("build_reference_plane runs", "build_reference runs")


def test_what_happened_to_a_product_is_said(outdir: Path) -> None:
    (outdir / "catalogs" / "b.fits").unlink()
    (outdir / "fits" / "a.json").write_text("edited, and longer than before")
    found = reasons(plan(), outdir)
    assert found["find_sources", "b"] == ("catalogs/b.fits is missing",)
    assert ("undistort_sources", "b") not in found
    assert found["fit_alignment", "a"][0].startswith("fits/a.json was changed")
    assert found["update_header", "a"] == ("fit_alignment runs",)
    assert ("find_sources", "a") not in found


def test_a_touched_or_copied_product_is_as_good_as_before(outdir: Path) -> None:
    for path in outdir.rglob("*"):
        path.touch()
    assert reasons(plan(), outdir) == {}


def test_a_record_that_cannot_be_read_counts_as_none(outdir: Path) -> None:
    (outdir / note_of("fit_alignment", "a")).write_text("{")
    assert reasons(plan(), outdir)["fit_alignment", "a"] == ("not made yet",)


def test_a_run_that_ended_between_two_jobs_is_gone_on_with(outdir: Path) -> None:
    changed = plan(catalog_fitting={"nclip": 5})
    pretend_to_run(changed.only(key for key in changed.jobs if key[0] == "fit_alignment"), outdir)
    found = reasons(changed, outdir)
    assert found["update_header", "b"] == ("the products of fit_alignment changed",)
    assert ("fit_alignment", "b") not in found


@pytest.fixture
def cleaned(outdir: Path) -> Path:
    """Return the same folder without its intermediate products."""
    for folder in ("working", "masks", "catalogs", "sky", "matches"):
        shutil.rmtree(outdir / folder, ignore_errors=True)  # not every plan has all
    return outdir


def test_cleaned_is_as_good_as_before(cleaned: Path) -> None:
    assert reasons(plan(clean=True), cleaned) == {}


def test_what_a_stale_job_reads_is_made_again_and_nothing_else(cleaned: Path) -> None:
    images = [image("a"), image("b", wcs="new")]
    found = reasons(plan(images, clean=True), cleaned)
    assert found["find_sources", "b"] == ("its product catalogs/b.fits is needed again",)
    assert found["make_masks", "b"] == ("its product masks/b.fits is needed again",)
    assert found["undistort_sources", "a"] == ("its product sky/a.fits is needed again",)
    assert ("write_chip_catalog", "b.1") not in found


def test_a_result_made_again_asks_for_no_more_than_it_reads(cleaned: Path) -> None:
    (cleaned / "plots" / "vector_b.png").unlink()
    assert set(reasons(plan(clean=True), cleaned)) == {("plot_residuals", "b")}
    (cleaned / "plots" / "hist2d_b.png").unlink()
    again = {"make_masks", "find_sources", "undistort_sources", "match_sources"}
    expected = {(rule, "b") for rule in (*again, "plot_residuals", "plot_offsets")}
    assert set(reasons(plan(clean=True), cleaned)) == expected


def test_without_clean_the_removed_products_alone_are_made_again(cleaned: Path) -> None:
    found = reasons(plan(), cleaned)
    rules = {"make_masks", "find_sources", "undistort_sources", "match_sources"}
    assert {rule for rule, _ in found} == rules
    assert found["make_masks", "a"] == ("masks/a.fits is missing",)


def test_a_plot_of_one_image_in_a_sequence_needs_its_matches_alone(tmp_path: Path) -> None:
    work = plan(expand_refcat=True, clean=True)
    pretend_to_run(work, tmp_path)
    shutil.rmtree(tmp_path / "matches")
    assert reasons(work, tmp_path) == {}
    (tmp_path / "plots" / "vector_b.png").unlink()
    assert set(reasons(work, tmp_path)) == {("plot_residuals", "b")}
    (tmp_path / "plots" / "hist2d_b.png").unlink()
    assert reasons(work, tmp_path)["align", "all"] == (
        "its product matches/b.ecsv is needed again",
    )
