"""A run that is interrupted or killed goes on from there, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from conftest import copy_scene
from skies import Scene
from test_clean import intermediates, results
from test_workflow import products

from tweakreg_steps.atomic import find_leftovers
from tweakreg_steps.cli import main

COMMAND = [sys.executable, "-m", "tweakreg_steps", "run", "recipe.yaml", "-j", "2"]


def start(folder: Path) -> subprocess.Popen[str]:
    """Start a run in a process group of its own."""
    return subprocess.Popen(
        COMMAND, cwd=folder, start_new_session=True, stderr=subprocess.PIPE, text=True
    )


def test_killed_again_and_again_the_result_is_the_same(
    small_scene: Scene, finished_run: Path, tmp_path: Path
) -> None:
    copy_scene(small_scene, tmp_path)
    for moment in np.random.default_rng(3).uniform(0.5, 4.5, 6):
        with start(tmp_path) as run:
            time.sleep(moment)
            os.killpg(run.pid, signal.SIGKILL)
    assert main(["run", str(tmp_path / "recipe.yaml"), "-j", "2"]) == 0
    assert products(tmp_path / "out") == products(finished_run / "out")
    assert find_leftovers(tmp_path) == ()


def test_an_interrupted_run_ends_soon_and_says_so(small_scene: Scene, tmp_path: Path) -> None:
    copy_scene(small_scene, tmp_path)
    with start(tmp_path) as run:
        assert run.stderr
        assert run.stderr.readline().startswith("[ 1/")
        os.killpg(run.pid, signal.SIGINT)
        stopped = time.monotonic()
        said = run.stderr.read()
    assert time.monotonic() - stopped < 5.0
    assert run.returncode == 130
    assert "interrupted; run again to go on from here" in said


def test_killed_while_cleaning_it_goes_on_as_well(
    small_scene: Scene, finished_run: Path, tmp_path: Path
) -> None:
    copy_scene(small_scene, tmp_path)
    with (tmp_path / "recipe.yaml").open("a") as recipe:
        recipe.write("clean: true\n")
    for n_done in (4, 20):
        with start(tmp_path) as run:
            assert run.stderr
            for _ in range(n_done):
                run.stderr.readline()
            os.killpg(run.pid, signal.SIGKILL)
    assert main(["run", str(tmp_path / "recipe.yaml"), "-j", "2"]) == 0
    assert results(tmp_path / "out") == results(finished_run / "out")
    assert intermediates(tmp_path / "out") == []
