"""Exposures that are in a store, which here is a folder, and products that go there."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from plain_snakemake import plain_snakemake
from test_docs import examples

from tweakreg_steps.cli import main
from tweakreg_steps.resources import workflow_folder

PAGE = "cluster.md"
WORDS = ("-c2", "--scheduler", "greedy", "--quiet")

needs_rsync = pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")


def write_recipe(tiny_run: Path, folder: Path, **changes: str) -> Path:
    """Write the recipe of a run with other places."""
    values = yaml.safe_load((tiny_run / "recipe.yaml").read_text())
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    return path


@needs_rsync
def test_exposures_of_a_store_are_aligned_and_the_copies_brought_there(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    store, work = tmp_path / "store", tmp_path / "work"
    for folder in (store, work):
        folder.mkdir()
    exposures = sorted(tiny_run.glob("*_flc.fits"))
    for path in exposures:
        shutil.copyfile(path, store / path.name)
    # what was aligned before is in the output folder, as after any night but the first
    shutil.copytree(tiny_run / "out", work / "results")
    write_recipe(tiny_run, work, input="data/*_flc.fits", outdir="results")
    (snakefile,) = (text for text in examples(PAGE, "python") if "storage archive" in text)
    (work / "Snakefile").write_text(snakefile.replace("/archive/visit12", str(store)))

    done = plain_snakemake(work, *WORDS)
    assert done.returncode == 0, done.stderr
    brought = store / "results"
    for path in exposures:
        aligned = tiny_run / "out" / "aligned" / path.name
        assert (brought / "aligned" / path.name).read_bytes() == aligned.read_bytes()
        assert path.read_bytes() == (store / path.name).read_bytes()
    assert (brought / "summary.ecsv").is_file()


def test_a_default_storage_is_refused_before_any_job(tiny_run: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tiny_run, tmp_path, input=str(tiny_run / "*_flc.fits"), outdir="out")
    words = ("--default-storage-provider", "fs", "--default-storage-prefix", str(tmp_path / "s"))
    file = str(workflow_folder() / "Snakefile")
    of_the_recipe = ("--snakefile", file, "--configfile", str(recipe))
    done = plain_snakemake(tmp_path, *WORDS, *of_the_recipe, *words)
    assert done.returncode != 0
    assert "a default storage" in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_address_is_no_input(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tiny_run, tmp_path, input="s3://bucket/x_flc.fits")
    assert main(["validate", str(recipe)]) == 2
    assert "s3://bucket/x_flc.fits" in capsys.readouterr().err
