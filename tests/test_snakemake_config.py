"""What plain Snakemake is given for a recipe: several files, single values, a working directory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from plain_snakemake import plain_snakemake

from tweakreg_steps.resources import workflow_folder

SNAKEFILE = ("--snakefile", str(workflow_folder() / "Snakefile"), "-c1")
FROM_ELSEWHERE = (*SNAKEFILE, "--configfile", "run/recipe.yaml")


@pytest.fixture
def folder(tiny_run: Path, tmp_path: Path) -> Path:
    """Return the folder beside a run whose threshold Snakemake takes for a text."""
    run = shutil.copytree(tiny_run, tmp_path / "run")
    recipe = run / "recipe.yaml"
    text = recipe.read_text().replace("threshold: 100", "threshold: 1e2")
    assert "1e2" in text
    recipe.write_text(text)
    return tmp_path


def dry_run(folder: Path, *words: str) -> str:
    """Return what a dry run says."""
    done = plain_snakemake(folder, *words, "-n", "--quiet", "rules")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_paths_are_relative_to_the_first_of_several_files(folder: Path) -> None:
    (folder / "site.yaml").write_text("imagefindpars: {conv_width: 3.6}\n")
    said = dry_run(folder, *FROM_ELSEWHERE, "site.yaml")
    assert "find_sources" in said
    assert "make_masks  " not in said
    assert sorted(path.name for path in folder.iterdir()) == ["run", "site.yaml"]


def test_a_file_that_changes_nothing_makes_nothing_stale(folder: Path) -> None:
    (folder / "site.yaml").write_text("imagefindpars: {threshold: 100.0}\n")
    assert "Nothing to be done" in dry_run(folder, *FROM_ELSEWHERE, "site.yaml")


@pytest.mark.parametrize(
    ("value", "stale"),
    [
        ("imagefindpars={threshold: 100}", False),
        ("catalog_fitting={nclip: 1}", True),
        ("update_header={wcsname: OTHER}", True),
    ],
)
def test_numbers_of_single_values_are_numbers(folder: Path, value: str, *, stale: bool) -> None:
    said = dry_run(folder, *FROM_ELSEWHERE, "--config", value)
    assert ("Nothing to be done" in said) != stale


def test_another_working_directory_is_refused(folder: Path) -> None:
    (folder / "run/elsewhere").mkdir()
    done = plain_snakemake(folder, *FROM_ELSEWHERE, "--directory", "run/elsewhere")
    assert done.returncode != 0
    assert "leave --directory out" in done.stdout + done.stderr
    assert "Nothing to be done" in dry_run(folder, *FROM_ELSEWHERE, "--directory", "run/out")
