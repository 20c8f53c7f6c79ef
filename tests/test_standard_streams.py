"""A program that is started without its streams, or with one that has no room."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = f"env -u PYTHONUNBUFFERED {sys.executable} -m tweakreg_steps"


def in_shell(folder: Path, words: str) -> tuple[int, str, str]:
    """Have a shell execute the program; return its status and what it said on both streams."""
    done = subprocess.run(
        ["sh", "-c", f"{PROGRAM} {words}"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_run_without_a_stream_is_a_run(tiny_run: Path, tmp_path: Path, closed: str) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    (folder / "out/summary.ecsv").unlink()
    status, said, told = in_shell(folder, f"run recipe.yaml {closed}")
    assert status == 0, told
    assert "Traceback" not in said + told
    expected = (tiny_run / "out/summary.ecsv").read_bytes()
    assert (folder / "out/summary.ecsv").read_bytes() == expected


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device without room")
def test_a_stdout_without_room_is_not_taken_for_the_output_folder(tiny_run: Path) -> None:
    status, _, told = in_shell(tiny_run, "show out > /dev/full")
    assert status == 1
    assert told.startswith("tweakreg: cannot write the results to stdout: No space left")
