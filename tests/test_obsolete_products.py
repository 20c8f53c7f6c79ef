"""What a run removes as obsolete is its own, is in the output folder, and is read by nobody."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from ledgers import entry_of
from plain_snakemake import OF_THE_WORKFLOW, plain_snakemake
from skies import Scene
from tiny import LEAN, copy_tiny

from tweakreg_steps.cli import main
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.records.ledger_file import gather_notes
from tweakreg_steps.workflow.obsolete import obsolete_products, remove_obsolete
from tweakreg_steps.workflow.project import open_project

JOB = ("find_sources", "paint01q_flc")
PRECIOUS = b"the user's"


@pytest.fixture
def folder(tiny_run: Path, tmp_path: Path) -> Path:
    """Return a copy of a run, beside which stands a file of the user's."""
    (tmp_path / "precious.json").write_bytes(PRECIOUS)
    return shutil.copytree(tiny_run, tmp_path / "run")


def plant(folder: Path, rule: str, name: str, **changes: Any) -> None:  # noqa: ANN401  JSON values
    """Have the database of a ledger know of a job that no recipe has."""
    import sqlite3

    out = folder / "out"
    entry = entry_of(out, *JOB) | {"products": {}, "declared": []} | changes
    entry["record"] = entry["record"] | {"rule": rule, "name": name}
    gather_notes(out, {})
    row = (rule, name, entry["ticket"], "\0".join(entry["declared"]), json.dumps(entry))
    with sqlite3.connect(out / ".tweakreg/ledger.sqlite") as connection:
        connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", row)
    connection.close()


def described(path: Path) -> dict[str, Any]:
    """Return what the ledger would have of a product."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return {"size": len(content), "mtime_ns": path.stat().st_mtime_ns, "sha256": sha256}


def clean_up(folder: Path) -> list[str]:
    """Remove what is obsolete as a run does; return what was announced."""
    project = open_project(load_recipe(folder / "recipe.yaml"))
    announced = [one.product for one in obsolete_products(project)]
    assert [one.product for one in remove_obsolete(project)] == announced
    return announced


@pytest.mark.parametrize(
    ("rule", "name", "log"),
    [
        ("gone", "x", "../../precious.json"),
        ("gone", "x", "ABSOLUTE"),
        ("gone", "../../../precious", "logs/x.log"),
        ("../../../..", "precious", "logs/x.log"),
        ("../../..", "new", "logs/x.log"),
    ],
)
def test_a_strangers_ledger_leads_to_no_file_outside(
    folder: Path, rule: str, name: str, log: str
) -> None:
    precious = folder.parent / "precious.json"
    plant(folder, rule, name, log=str(precious) if log == "ABSOLUTE" else log)
    clean_up(folder)
    assert precious.read_bytes() == PRECIOUS
    there = {path.name for path in folder.parent.iterdir()}
    assert there == {"run", "precious.json"}
    assert not list(folder.glob("*.json"))


@pytest.mark.parametrize("linked", ["folder", "file"])
def test_nothing_is_removed_through_a_link(folder: Path, linked: str) -> None:
    precious = folder.parent / "precious.json"
    link = folder / "out" / "way" if linked == "folder" else folder / "out" / "way.json"
    link.symlink_to(folder.parent if linked == "folder" else precious)
    product = f"{link.name}/precious.json" if linked == "folder" else link.name
    plant(folder, "gone", "x", products={product: described(precious)}, declared=[product])
    assert clean_up(folder) == []
    assert precious.read_bytes() == PRECIOUS
    assert link.is_symlink()


@pytest.mark.parametrize("name", [".tweakreg/ledger/find_sources", "logs/images"])
def test_no_note_or_log_is_written_through_a_link(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link = folder / "out" / name
    shutil.rmtree(link, ignore_errors=True)
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    link.symlink_to(elsewhere)
    for path in (folder / "out").rglob("*.*"):  # new times, which a plan notes
        path.touch()
    for command in ("plan", "run"):
        assert main([command, str(folder / "recipe.yaml")]) == 2
        assert f"{link}: is a link" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


def test_what_the_recipe_reads_now_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = folder / "recipe.yaml"
    catalog = "out/tweakreg/cumulative_sky_refcat_paint01q_flc.coo"
    lists = "out/tweakreg/paint01q_flc_xy_catfile.list"
    values = yaml.safe_load(recipe.read_text())
    values |= {
        "writecat": False,
        "reference_catalog": {"refcat": catalog},
        "coordinate_file": {"catfile": lists},
    }
    recipe.write_text(yaml.safe_dump(values))
    before = {name: (folder / name).read_bytes() for name in (catalog, lists)}
    assert main(["run", str(recipe), "-j", "2"]) == 0
    said = capsys.readouterr().err
    assert "remove tweakreg/paint01q_flc_sky_catalog.coo" in said
    assert {name: (folder / name).read_bytes() for name in (catalog, lists)} == before
    assert len(list((folder / "out/tweakreg").glob("*_xy_catalog.coo"))) == 6
    assert main(["run", str(recipe), "-j", "2"]) == 0
    assert "nothing to do" in capsys.readouterr().err


def test_plain_snakemake_removes_what_is_switched_off_though_no_job_is_left(folder: Path) -> None:
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("shiftfile: true", "shiftfile: false"))
    plain_snakemake(folder, *OF_THE_WORKFLOW, "-c1", "-n").check_returncode()
    assert (folder / "out/shifts.txt").exists()
    done = plain_snakemake(folder, *OF_THE_WORKFLOW, "-c1")
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in done.stdout + done.stderr
    assert "remove shifts.txt" in done.stderr
    assert not (folder / "out/shifts.txt").exists()


def test_results_of_another_recipe_are_not_obsolete(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = folder / "recipe.yaml"
    assert main(["run", str(recipe)]) == 0
    other = folder / "visit2.yaml"
    (folder / "visit2").mkdir()
    for number in (1, 2):
        exposure = f"paint0{number}q_flc.fits"
        shutil.copyfile(folder / exposure, folder / "visit2" / f"other{number}_flc.fits")
    other.write_text(recipe.read_text().replace("'*_flc", "'visit2/*_flc"))
    copies = folder / "out/aligned"
    before = sorted(copies.iterdir())
    capsys.readouterr()
    for command in ("run", "plan", "validate"):
        assert main([command, str(other)]) == 2
        assert "holds the results of another recipe, recipe" in capsys.readouterr().err
    assert sorted(copies.iterdir()) == before
    recipe.rename(folder / "renamed.yaml")
    assert main(["run", str(folder / "renamed.yaml")]) == 0
    assert "nothing to do" in capsys.readouterr().err


def test_a_wildcard_takes_no_product_that_lies_beside_the_exposures(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, input="*.fits", outdir=".", **LEAN)
    assert main(["run", str(recipe), "-j", "2"]) == 0
    assert (tmp_path / "shifts_wcs.fits").is_file()
    capsys.readouterr()
    assert main(["plan", str(recipe)]) == 0
    assert "nothing to do" in capsys.readouterr().err
    shutil.copyfile(tiny_exposures.paths[2], tmp_path / "paint03q_flc.fits")
    assert main(["run", str(recipe), "-j", "2"]) == 0
    assert len(list((tmp_path / "aligned").iterdir())) == 3
