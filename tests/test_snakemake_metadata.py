"""What plain Snakemake has noted of a product goes when a run makes that anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from plain_snakemake import OF_THE_WORKFLOW, plain_snakemake
from snakemake.io import IOFile

from tweakreg_steps.cli import main
from tweakreg_steps.running.snakemake_metadata import forget_metadata
from tweakreg_steps.workflow.jobs import Job

try:
    from snakemake.persistence.file import FilePersistence
except ModuleNotFoundError:  # before Snakemake could keep its records in a database
    from snakemake.persistence import Persistence as FilePersistence


def record_of(folder: Path, product: str) -> Path:
    """Return where Snakemake keeps what it notes of a product."""
    notes = FilePersistence.__new__(FilePersistence)
    notes._max_len = 255
    return Path(notes._record_path(str(folder), IOFile(product)))


@pytest.mark.parametrize("product", ["fits/a.json", f"fits/{'long' * 60}.json"])
def test_only_what_is_noted_of_those_products_goes(tmp_path: Path, product: str) -> None:
    folder = tmp_path / ".snakemake" / "metadata"
    kept = record_of(folder, "fits/b.json")
    for path in (record_of(folder, product), kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    jobs: list[Job] = [SimpleNamespace(outputs=(product, "never/made"))]  # type: ignore[list-item]
    forget_metadata(tmp_path, jobs)
    assert [path for path in folder.rglob("*") if path.is_file()] == [kept]


def test_a_run_leaves_none_and_removes_those_that_became_false(
    tiny_run: Path, tmp_path: Path
) -> None:
    recipe = shutil.copytree(tiny_run, tmp_path / "run") / "recipe.yaml"
    folder = recipe.parent / "out" / ".snakemake" / "metadata"
    assert not any(folder.glob("*"))
    false, true = record_of(folder, "summary.ecsv"), record_of(folder, "masks/paint01q_flc.fits")
    for path in (false, true):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"params": ["another ticket"], "record_format_version": 6}))
    values = yaml.safe_load(recipe.read_text())
    recipe.write_text(yaml.safe_dump(values | {"catalog_fitting": {"nclip": 1}}))
    assert main(["run", str(recipe), "-j", "2"]) == 0
    assert [*folder.glob("*")] == [true]


def test_what_a_killed_snakemake_had_noted_of_a_job_that_went_on_goes(
    tiny_run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    outdated = {"params": ["an earlier ticket"], "record_format_version": 6}
    noted = record_of(folder / "out/.snakemake/metadata", "matches/paint02q_flc.ecsv")
    mark = noted.parents[1] / "incomplete" / noted.name
    for path in (noted, mark):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(outdated))
    assert main(["run", str(folder / "recipe.yaml")]) == 0
    assert not mark.exists()
    said = plain_snakemake(folder, *OF_THE_WORKFLOW, "-n")
    assert "Nothing to be done" in said.stdout + said.stderr
