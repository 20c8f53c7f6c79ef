"""The tutorial and the examples, done as a reader would do them.

Commands that are ``tweakreg`` and nothing else are executed in forks, which saves half of the time;
that what a reader types starts the program is seen by `test_installation`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

import pytest
from forked_run import execute

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ("one_visit", "catalog", "wrong_pointing")
ENVIRONMENT = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_DIGEST = re.compile(r"\b[0-9a-f]{16}\b")
_OF_A_SHELL = frozenset("|&;<>$`*?")

pytestmark = pytest.mark.workflow


def assert_same(found: str, wanted: str) -> None:
    """See that two texts are the same but for digests, blanks and the last digits of numbers."""
    lines = [_DIGEST.sub("digest", text).splitlines() for text in (found, wanted)]
    for one, other in zip_longest(*lines, fillvalue=""):
        words = [_NUMBER.sub("0", line).split() for line in (one, other)]
        assert words[0] == words[1], f"{one!r} in the place of {other!r}"
        for number, expected in zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True):
            # a pair more or less, or 0.05 of the unit: what another processor may change
            tolerance = 0.05 if "." in expected else 2.0
            assert float(number) == pytest.approx(float(expected), abs=tolerance), one


def run_line(
    line: str, folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command line as a shell would."""
    program, *words = shlex.split(line)
    if program == "tweakreg" and not _OF_A_SHELL & set(line):
        return execute(words, folder, environment)
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tutorial_prints_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import make_tutorial  # type: ignore[import-not-found]

    monkeypatch.setattr(make_tutorial, "run_line", run_line)
    page = make_tutorial.PAGE.read_text(encoding="utf-8")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    assert_same(make_tutorial.Walk(tmp_path, pictures).follow(page), page)
    assert {path.name for path in pictures.iterdir()} == set(make_tutorial.PICTURES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_its_table(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, folder)
    readme = (folder / "README.md").read_text(encoding="utf-8")
    commands = re.search(r"^```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert commands
    *before, show = commands[1].splitlines()
    for command in (*before, show):
        done = run_line(command, folder, ENVIRONMENT)
        assert done.returncode == 0, done.stderr
    assert_same(done.stdout, (folder / "expected.txt").read_text(encoding="utf-8"))
