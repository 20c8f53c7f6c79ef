"""Upgraded libraries make nothing stale, unless the recipe says that they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_staleness import pretend_to_run, reasons
from test_workplan import plan

from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.library_versions import library_versions
from tweakreg_steps.workflow import planning
from tweakreg_steps.workflow.jobs import WorkPlan
from tweakreg_steps.workflow.staleness import stale_jobs, tickets


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the plan see a numpy that is newer than that of the products."""
    versions = library_versions() | {"numpy": "99.0"}
    monkeypatch.setattr(planning, "library_versions", lambda: versions)


@pytest.fixture
def outdir(tmp_path: Path) -> Path:
    """Return an output folder in which the default plan has been run."""
    pretend_to_run(plan(), tmp_path)
    return tmp_path


def strict(**given: Any) -> WorkPlan:  # noqa: ANN401  any part of a recipe
    """Return the plan of a recipe to which versions matter."""
    return plan(strict_versions=True, **given)


def test_what_products_are_made_with_is_told() -> None:
    versions = library_versions()
    assert {"Python", "numpy", "scipy", "astropy", "stwcs", "regions", "shapely"} <= set(versions)
    assert not {"rich", "snakemake", "jsonschema"} & set(versions)


@pytest.mark.usefixtures("upgraded")
def test_an_upgrade_makes_nothing_stale(outdir: Path) -> None:
    assert reasons(plan(), outdir) == {}


@pytest.mark.effect("strict_versions")
@pytest.mark.usefixtures("upgraded")
def test_an_upgrade_makes_all_products_anew_where_versions_matter(outdir: Path) -> None:
    found = reasons(strict(), outdir)
    assert found.keys() == plan().jobs.keys()
    assert set(found.values()) == {(f"numpy {library_versions()['numpy']} → 99.0",)}


def test_that_they_begin_or_cease_to_matter_makes_nothing_stale(outdir: Path) -> None:
    assert reasons(strict(), outdir) == {}
    pretend_to_run(strict(), outdir)
    assert reasons(plan(), outdir) == {}
    assert strict().stamps == plan().stamps


def test_the_versions_are_no_part_of_the_record() -> None:
    job = strict().jobs["fit_alignment", "b"]
    assert job.versions == library_versions()
    assert (job.record, digest(job.record)) == (plan().jobs[job.key].record, job.stamp)


@pytest.mark.usefixtures("upgraded")
def test_snakemake_sees_an_upgrade_by_the_tickets(outdir: Path) -> None:
    for work, is_changed in ((plan(), False), (strict(), True)):
        given = tickets(work, stale_jobs(work, outdir), outdir)
        assert all((ticket != "") is is_changed for ticket in given.values())
