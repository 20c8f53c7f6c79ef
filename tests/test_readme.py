"""The README's commands, given one after the other to exposures of the tests."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from skies import Scene

from tweakreg_steps.cli import main

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
RECIPE = re.search(r"^```yaml\n(# recipe.yaml.*?)^```$", README, re.MULTILINE | re.DOTALL)
BLOCK = re.search(r"^```sh\n(tweakreg new.*?)^```$", README, re.MULTILINE | re.DOTALL)
STARS = ("threshold: 500", "threshold: 100")
"""The exposures of the tests are small and short: few of their stars are above 500 sigma."""
ELSEWHERE = {"gui", "refcat"}
"""A server that only ends when it is stopped, and a question to a service outside."""

STATUS = {"review": 2}
"""Without ``interactive: true`` there is nothing to decide, which the command says."""

pytestmark = pytest.mark.workflow


@pytest.fixture
def folder(tiny_exposures: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with exposures, their catalog and a .cfg file."""
    for path in tiny_exposures.paths[:2]:
        shutil.copyfile(path, tmp_path / path.name)
        shutil.copyfile(path, tmp_path / path.name.replace("flc", "flt"))
    magnitude = 30.0 - 2.5 * np.log10(tiny_exposures.flux)
    stars = np.column_stack([tiny_exposures.ra, tiny_exposures.dec, magnitude])
    np.savetxt(tmp_path / "gaia.cat", stars, fmt="%.10f")
    (tmp_path / "tweakreg.cfg").write_text("input = *flc.fits\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "true")
    return tmp_path


def arguments(line: str, folder: Path) -> list[str]:
    """Return the arguments of a command line, with its wildcards expanded."""
    words = shlex.split(line, comments=True)[1:]
    return [
        name
        for word in words
        for name in (sorted(p.name for p in folder.glob(word)) if "*" in word else [word])
    ]


@pytest.mark.usefixtures("tiny_run")  # Snakemake keeps the streams of its first run: not capsys's
def test_the_commands_do_what_stands_behind_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert RECIPE
    assert BLOCK
    assert STARS[0] in RECIPE[1]
    recipe = folder / "recipe.yaml"
    originals = {path: path.read_bytes() for path in folder.glob("*.fits")}
    done = []
    for line in BLOCK[1].splitlines():
        command = arguments(line, folder)
        done.append(command[0])
        if command[0] in ELSEWHERE:
            continue
        if command[0] in {"new", "import"}:
            recipe.unlink(missing_ok=True)
        assert main(command) == STATUS.get(command[0], 0), line
        if command[0] in {"new", "import"}:
            assert "flc" in recipe.read_text()
            recipe.write_text(RECIPE[1].replace(*STARS))
    assert set(done) >= ELSEWHERE
    assert len(done) == len(set(done))
    said = capsys.readouterr()
    assert "aligned" in said.out
    out = folder / "results" / "recipe"
    assert (out / "report.html").is_file()
    assert (out / "aligned" / "paint02q_flt.fits").is_file()
    assert {path: path.read_bytes() for path in originals} == originals
