"""What a killed run leaves is removed when the next command begins, whatever that has to do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tweakreg_steps.cli import main
from tweakreg_steps.records.outdir_files import NOTES
from tweakreg_steps.running.leftovers import clean_outdir
from tweakreg_steps.scratch import private_folder


def test_private_folders_of_killed_runs_are_removed_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, cache = tmp_path / "tmp", tmp_path / "cache"
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr("tempfile.tempdir", None)
    left = [
        place / "tweakreg-private-x" / "file" for place in (temporary, cache / "tweakreg-steps")
    ]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "rules.smk").touch()
    with private_folder(None) as held, clean_outdir(tmp_path / "out"):
        assert held.parent == temporary
        assert held.is_dir()
        assert not any(folder.parent.exists() for folder in left)


def test_what_a_run_with_nothing_to_do_has_noted_is_in_the_ledger_when_it_ends(
    tiny_run: Path, tmp_path: Path
) -> None:
    recipe = shutil.copytree(tiny_run, tmp_path / "run") / "recipe.yaml"
    outdir = recipe.parent / "out"
    for path in (outdir / "fits").iterdir():  # as Snakemake does, when a job has ended
        os.utime(path)
    assert main(["run", str(recipe), "-q"]) == 0
    assert not [path for path in (outdir / NOTES).rglob("*") if path.is_file()]
