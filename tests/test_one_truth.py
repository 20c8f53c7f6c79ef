"""Plain Snakemake and ``tweakreg run`` make the same jobs again, whatever changed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ledgers import change_entry
from plain_snakemake import OF_THE_WORKFLOW, plain_snakemake

from tweakreg_steps.cli import main
from tweakreg_steps.records.outdir_files import LEDGER
from tweakreg_steps.tables.table_file import read_table, write_table

Jobs = set[tuple[str, str]]

IMAGE = "paint02q_flc"
_JOB = re.compile(r"^\s*(?:local)?rule (\w+):$")
_WILDCARDS = re.compile(r"^\s+wildcards: (.*)$")


def planned(recipe: Path, capsys: pytest.CaptureFixture[str]) -> Jobs:
    """Return the jobs that ``tweakreg run`` would do, chips and files apart."""
    capsys.readouterr()
    assert main(["plan", str(recipe), "--json"]) == 0
    return {(row["rule"], row["image"]) for row in json.loads(capsys.readouterr().out)}


def scheduled(recipe: Path) -> Jobs:
    """Return the jobs that plain Snakemake would do."""
    said = plain_snakemake(recipe.parent, *OF_THE_WORKFLOW, "-n")
    said.check_returncode()
    found: Jobs = set()
    rule = None
    for line in (said.stdout + said.stderr).splitlines():
        if match := _JOB.match(line):
            if rule:
                found.add((rule, "all"))
            rule = match[1]
        elif rule and (match := _WILDCARDS.match(line)):
            values = dict(word.split("=") for word in match[1].split(", "))
            found.add((rule, next(iter(values.values())).removesuffix(".fits")))
            rule = None
    if rule:
        found.add((rule, "all"))
    return {job for job in found if job[0] != "all"}


def parameter(recipe: Path) -> None:
    values = yaml.safe_load(recipe.read_text())
    recipe.write_text(yaml.safe_dump(values | {"catalog_fitting": {"nclip": 1}}))


def deleted(recipe: Path) -> None:
    (recipe.parent / "out" / "catalogs" / f"{IMAGE}.fits").unlink()


def deleted_copy(recipe: Path) -> None:
    (recipe.parent / "out" / "aligned" / f"{IMAGE}.fits").unlink()


def truncated(recipe: Path) -> None:
    path = recipe.parent / "out" / "catalogs" / f"{IMAGE}.fits"
    write_table(path, read_table(path).head(60))


def edited(recipe: Path) -> None:
    path = recipe.parent / "out" / "fits" / f"{IMAGE}.json"
    path.write_text(path.read_text().replace('"status": "aligned"', '"status": "ALIGNED"'))


def ledger_gone(recipe: Path) -> None:
    (recipe.parent / "out" / LEDGER).unlink()


def touched(recipe: Path) -> None:
    (recipe.parent / f"{IMAGE}.fits").touch()


def code(recipe: Path) -> None:
    another = {"code": "of another version"}
    out = recipe.parent / "out"
    change_entry(out, "match_sources", IMAGE, lambda entry: entry["record"].update(another))


def gone_from_the_recipe(recipe: Path) -> None:
    (recipe.parent / f"{IMAGE}.fits").rename(recipe.parent / "elsewhere.fits.kept")


CHANGES: dict[str, tuple[Callable[[Path], None], int | None]] = {
    "parameter": (parameter, None),
    "deleted": (deleted, 1),
    "deleted copy": (deleted_copy, 1),
    "truncated": (truncated, None),
    "edited": (edited, None),
    "ledger gone": (ledger_gone, None),
    "input touched": (touched, 0),
    "code": (code, None),
    "image taken out": (gone_from_the_recipe, None),
}
"""What happens, and how many jobs it makes stale where that is worth saying."""


@pytest.mark.parametrize("kind", CHANGES)
def test_both_do_the_same_jobs_again(
    kind: str, tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, number = CHANGES[kind]
    recipe = shutil.copytree(tiny_run, tmp_path / "run") / "recipe.yaml"
    change(recipe)
    expected = planned(recipe, capsys)
    assert number is None or len(expected) == number
    assert bool(expected) == (number != 0)
    assert scheduled(recipe) == expected
    assert planned(recipe, capsys) == expected


def test_a_deleted_copy_comes_back_with_the_same_bytes(tiny_run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    copy = folder / "out" / "aligned" / f"{IMAGE}.fits"
    before = copy.read_bytes()
    copy.unlink()
    words = (*OF_THE_WORKFLOW, "-c1", "--quiet", "all", "--", f"aligned/{IMAGE}.fits")
    plain_snakemake(folder, *words).check_returncode()
    assert copy.read_bytes() == before


def test_no_step_reads_a_product_that_its_maker_did_not_make(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = shutil.copytree(tiny_run, tmp_path / "run") / "recipe.yaml"
    truncated(recipe)
    plain_snakemake(recipe.parent, *OF_THE_WORKFLOW, "-c2", "--quiet").check_returncode()
    for name in (f"fits/{IMAGE}.json", "summary.ecsv", f"catalogs/{IMAGE}.fits"):
        assert (recipe.parent / "out" / name).read_bytes() == (tiny_run / "out" / name).read_bytes()
    assert planned(recipe, capsys) == set()


def test_no_product_outlives_its_reason(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = shutil.copytree(tiny_run, tmp_path / "run") / "recipe.yaml"
    out = recipe.parent / "out"
    (out / "aligned" / "mine.fits").write_bytes(b"the user's")
    gone_from_the_recipe(recipe)
    values = yaml.safe_load(recipe.read_text())
    values["shiftfile_output"] = {"shiftfile": True, "outshifts": "renamed.txt"}
    recipe.write_text(yaml.safe_dump(values))
    capsys.readouterr()
    assert main(["plan", str(recipe)]) == 0
    said = capsys.readouterr().err
    for name in (f"aligned/{IMAGE}.fits", f"fits/{IMAGE}.json", f"plots/vector_{IMAGE}.png"):
        assert f"remove {name}: the recipe does not make it any more" in said
    assert "remove shifts.txt" in said
    assert (out / "shifts.txt").is_file()
    assert main(["run", str(recipe), "-j", "2"]) == 0
    left = [path for path in out.rglob(f"*{IMAGE}*") if ".snakemake" not in path.parts]
    assert left == []
    assert not (out / "shifts.txt").exists()
    assert (out / "renamed.txt").is_file()
    assert (out / "aligned" / "mine.fits").read_bytes() == b"the user's"


def test_a_plan_writes_nothing_into_a_fresh_folder(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in tiny_run.glob("*_flc.fits"):
        shutil.copyfile(path, tmp_path / path.name)
    recipe = shutil.copyfile(tiny_run / "recipe.yaml", tmp_path / "recipe.yaml")
    before = sorted(tmp_path.rglob("*"))
    assert planned(recipe, capsys)
    assert main(["validate", str(recipe)]) == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_one_more_exposure_leaves_the_others_alone_where_the_plane_is_the_same(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = shutil.copytree(tiny_run, tmp_path / "run") / "recipe.yaml"
    values = yaml.safe_load(recipe.read_text())
    values["refimage"] = "paint01q_flc.fits"
    recipe.write_text(yaml.safe_dump(values))
    assert main(["run", str(recipe), "-j", "2"]) == 0
    shutil.copyfile(recipe.parent / f"{IMAGE}.fits", recipe.parent / "paint09q_flc.fits")
    assert {image for _, image in planned(recipe, capsys)} == {"paint09q_flc", "all"}
