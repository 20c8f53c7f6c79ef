"""A run that is interrupted ends soon, says so, and goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import copy_scene
from skies import Scene
from tiny import copy_tiny
from whole_runs import World

from tweakreg_steps.atomic import find_leftovers
from tweakreg_steps.cli import main
from tweakreg_steps.finding.sextractor_program import find_program

COMMAND = [sys.executable, "-m", "tweakreg_steps", "run", "recipe.yaml", "-j", "2"]


def start(folder: Path) -> subprocess.Popen[str]:
    """Start a run in a process group of its own."""
    return subprocess.Popen(
        COMMAND, cwd=folder, start_new_session=True, stderr=subprocess.PIPE, text=True
    )


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


SLOW = """\
#!/bin/sh
case "$1" in --version|-dd) exec {program} "$@";; esac
test $(stat -c %s image.fits) -lt 100000 && exec {program} "$@"
exec sleep 100
"""
"""A SExtractor that takes long over anything but a trial."""


@pytest.mark.parametrize("whole_group", [True, False])
def test_interrupted_in_the_middle_of_a_long_step(
    tiny_exposures: Scene, tmp_path: Path, whole_group: bool
) -> None:
    world = World(tmp_path)
    recipe = copy_tiny(
        tiny_exposures, tmp_path, imagefindpars={"finder": "sextractor", "threshold": 10}
    )
    program = tmp_path / "bin" / "source-extractor"
    program.parent.mkdir()
    program.write_text(SLOW.format(program=find_program().path))
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    with world.start(environment={"PATH": path}) as run:
        while not any("sleep 100" in command for command in world.living(0.0)):
            assert run.poll() is None
            time.sleep(0.05)
        (os.killpg if whole_group else os.kill)(run.pid, signal.SIGINT)
        stopped = time.monotonic()
        assert run.stderr
        said = run.stderr.read()
    assert time.monotonic() - stopped < 5.0
    assert run.returncode == 130
    assert "interrupted; run again to go on from here" in said
    assert world.living() == []
    assert find_leftovers(world.out) == ()
    assert list((world.out / ".tweakreg" / "scratch").glob("*")) == []
    assert main(["run", str(recipe), "-j", "2"]) == 0


def test_interrupted_while_the_inputs_are_looked_at(tiny_exposures: Scene, tmp_path: Path) -> None:
    world = World(tmp_path)
    copy_tiny(tiny_exposures, tmp_path, number=0)
    content = tiny_exposures.paths[0].read_bytes()
    for number in range(40):
        with (tmp_path / f"x{number:02d}_flc.fits").open("wb") as stream:
            # what follows the last header and data is read by nobody, a large image is
            stream.write(content + large_image_header(400_000_000))
            stream.truncate(stream.tell() + 400_000_320)
    with world.start() as run:
        while not list((world.out / "digests").glob("*")):
            assert run.poll() is None
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGINT)
        stopped = time.monotonic()
        assert run.stderr
        said = run.stderr.read()
    assert time.monotonic() - stopped < 5.0
    assert run.returncode == 130
    assert "interrupted; run again to go on from here" in said
    assert len(list((world.out / "digests").glob("*"))) < 20


def large_image_header(size: int) -> bytes:
    """Return the header of an image of bytes."""
    cards = {"XTENSION": "'IMAGE   '", "BITPIX": 8, "NAXIS": 1, "NAXIS1": size}
    cards |= {"PCOUNT": 0, "GCOUNT": 1}
    text = "".join(f"{key:8}= {value:>20}".ljust(80) for key, value in cards.items())
    return f"{text}END".ljust(2880).encode()
