"""The workflow's own files and commands are found wherever the package is installed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tweakreg_steps.resources import provide_step_command, workflow_folder


def test_everything_that_snakemake_needs_is_there() -> None:
    folder = workflow_folder()
    assert (folder / "Snakefile").is_file()
    assert (folder / "schemas" / "recipe.schema.yaml").is_file()
    assert len(list((folder / "rules").glob("*.smk"))) == 7


def test_the_step_command_of_this_installation_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "tweakreg-step"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    provide_step_command()
    found = shutil.which("tweakreg-step")
    assert found
    assert Path(found).parent == Path(sys.executable).parent
