"""Which jobs have to run, and why, in words."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from test_workplan import image, plan

from tweakreg_steps.planning.jobs import WorkPlan
from tweakreg_steps.planning.layout import ledger_of
from tweakreg_steps.planning.ledger import write_entry
from tweakreg_steps.planning.staleness import stale_jobs


def pretend_to_run(work: WorkPlan, outdir: Path) -> None:
    """Leave products and records as if every job of the plan had run."""
    for job in work.jobs.values():
        for output in job.outputs:
            path = outdir / output
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{job.rule} {output}")
        with contextlib.chdir(outdir):
            products = [Path(output) for output in job.outputs]
            write_entry(Path(ledger_of(job.rule, job.name)), job.record, products)


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
        "chips chip 1 pixels changed",
        "chips chip 2 pixels changed",
    )
    assert ("find_sources", "a") not in found


def test_what_happened_to_a_product_is_said(outdir: Path) -> None:
    (outdir / "catalogs" / "b.ecsv").unlink()
    (outdir / "fits" / "a.json").write_text("edited, and longer than before")
    found = reasons(plan(), outdir)
    assert found["find_sources", "b"] == ("catalogs/b.ecsv is missing",)
    assert found["undistort_sources", "b"] == ("find_sources runs",)
    assert found["fit_alignment", "a"][0].startswith("fits/a.json was changed")
    assert ("find_sources", "a") not in found


def test_a_touched_or_copied_product_is_as_good_as_before(outdir: Path) -> None:
    for path in outdir.rglob("*"):
        path.touch()
    assert reasons(plan(), outdir) == {}


def test_a_record_that_cannot_be_read_counts_as_none(outdir: Path) -> None:
    (outdir / ledger_of("fit_alignment", "a")).write_text("{")
    assert reasons(plan(), outdir)["fit_alignment", "a"] == ("not made yet",)


def test_a_run_that_ended_between_two_jobs_is_gone_on_with(outdir: Path) -> None:
    changed = plan(catalog_fitting={"nclip": 5})
    jobs = [job for job in changed.jobs.values() if job.rule == "fit_alignment"]
    pretend_to_run(WorkPlan(changed.code, {job.key: job for job in jobs}), outdir)
    found = reasons(changed, outdir)
    assert found["update_header", "b"] == ("the products of fit_alignment changed",)
    assert ("fit_alignment", "b") not in found
