"""The how-to about many visits, as it stands, with two visits."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from astropy.table import Table
from test_docs import examples

PAGE = "howto/many_visits.md"


def lay_out(tiny_run: Path, folder: Path) -> None:
    """Lay out two visits that have been run: one is as good as another, and one may not be so."""
    values = yaml.safe_load((tiny_run / "recipe.yaml").read_text())
    (folder / "recipes").mkdir()
    for visit, limits in (("good", {}), ("strict", {"acceptance": {"max_shift": 0.001}})):
        (folder / visit).mkdir()
        for path in tiny_run.glob("*_flc.fits"):
            shutil.copyfile(path, folder / visit / path.name)
        shutil.copytree(tiny_run / "out", folder / "results" / visit)
        own = {"input": f"../{visit}/*_flc.fits", "outdir": f"../results/{visit}", **limits}
        (folder / "recipes" / f"{visit}.yaml").write_text(yaml.safe_dump(values | own))


def test_the_how_to_about_many_visits(
    tiny_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lay_out(tiny_run, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    *tables, snakefile = examples(PAGE, "python")
    _, script = examples(PAGE, "sh")

    # each time with the same end: the shifts of one visit are too large
    for _ in range(2):
        Path("nightly.sh").write_text(script)
        night = subprocess.run(["sh", "nightly.sh"], check=False, capture_output=True, text=True)
        assert night.returncode == 3, Path("messages.txt").read_text()
        said = night.stdout.splitlines()
        images = [line.partition(": not aligned (large_shift)")[0] for line in said]
        assert images == ["paint02q_flc", "paint03q_flc"]

    names: dict[str, object] = {}
    capsys.readouterr()
    for example in tables:
        exec(compile(example, PAGE, "exec"), names)  # noqa: S102  our own text
    assert capsys.readouterr().out.startswith("ain 6 images, 2 not aligned, ")
    assert list(Table.read("visits.ecsv")["visit"]) == ["good"] * 3 + ["strict"] * 3

    Path("Snakefile").write_text(snakefile)
    command = [sys.executable, "-m", "snakemake", "-c1", "--scheduler", "greedy", "--quiet", "all"]
    subprocess.run(command, check=True, capture_output=True)
    assert ": not aligned (" not in Path("tables/good.txt").read_text()
    assert Path("tables/strict.txt").read_text().count(": not aligned (") == 2
