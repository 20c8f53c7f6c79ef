"""The warm process knows what steps import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tweakreg_steps.cli import main
from tweakreg_steps.running import step_server
from tweakreg_steps.running.step_client import SOCKET_VARIABLE
from tweakreg_steps.running.step_server import _FIRST, _modules_for
from tweakreg_steps.steps import all_steps


def test_what_the_warm_process_imports_is_there() -> None:
    for module in (*_FIRST, *_modules_for(all_steps())):
        assert import_module(module)


def test_where_nothing_is_to_be_done_there_is_no_warm_process(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = shutil.copytree(tiny_run, tmp_path / "run") / "recipe.yaml"
    monkeypatch.setattr(step_server, "Popen", None)
    assert main(["run", str(recipe), "-q"]) == 0


@pytest.mark.usefixtures("own_interpreter")
@pytest.mark.parametrize("at_once", [True, False])
def test_it_starts_at_once_or_when_there_is_anything_to_do(*, at_once: bool) -> None:
    with step_server.warm_steps(at_once=at_once) as prepare:
        assert (SOCKET_VARIABLE in os.environ) == at_once
        prepare(["make_masks"])
        assert SOCKET_VARIABLE in os.environ
    assert SOCKET_VARIABLE not in os.environ


_UNUSED = """
import sys
import tweakreg_steps.running.unused_modules
import scipy.special

is_read = "numpy.f2py.crackfortran" in sys.modules
import numpy.f2py

print(is_read, callable(numpy.f2py.get_include))
"""


def test_what_no_step_uses_is_read_when_somebody_asks_for_it() -> None:
    said = subprocess.run([sys.executable, "-c", _UNUSED], check=True, capture_output=True)
    assert said.stdout.split() == [b"False", b"True"]


_AS_COMMAND = """
import sys
from tweakreg_steps.cli import main

status = main(sys.argv[1:])
print("numpy" in sys.modules, file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize(
    "words", [["run", "recipe.yaml"], ["plan", "recipe.yaml"], ["show", "out"]]
)
def test_where_nothing_is_to_be_done_numpy_is_not_imported(
    tiny_run: Path, tmp_path: Path, words: list[str]
) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    command = [sys.executable, "-c", _AS_COMMAND, *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "False"
