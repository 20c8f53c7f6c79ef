"""What a stranger or the user has put into an output folder is neither followed nor overwritten."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from forked_run import execute, import_everything, snakemake
from ledgers import forget
from skies import Scene
from tiny import LEAN, copy_tiny
from whole_runs import World

from tweakreg_steps.cli import main
from tweakreg_steps.workflow.outdir import claim, foreign_files, prepare_outdir, release

LINKS = [
    ".tweakreg",
    ".tweakreg/scratch",
    ".tweakreg/ledger",
    ".tweakreg/ledger.sqlite",
    ".tweakreg.lock",
    ".snakemake",
    ".snakemake/incomplete",
    "digests",
    "logs",
    "logs/find_sources",
    "masks",
    "applied",
    "aligned",
    "plots",
    "summary.ecsv",
    "logs/summarize.log",
]


@pytest.mark.parametrize("name", LINKS)
def test_a_link_in_the_output_folder_is_refused_by_name(
    tiny_exposures: Scene, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / "out" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    assert main(["run", str(recipe)]) == 2
    assert f"{link}: is a link" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("name", [".tweakreg", "masks", "logs"])
def test_plain_snakemake_refuses_a_link_too(
    tiny_exposures: Scene, tmp_path: Path, name: str
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(elsewhere)
    status, said = plain_snakemake(recipe)
    assert status != 0
    assert f"{tmp_path / 'out' / name}: is a link" in said
    assert list(elsewhere.iterdir()) == []


def plain_snakemake(recipe: Path) -> tuple[int, str]:
    """Run Snakemake on the workflow."""
    from tweakreg_steps.resources import workflow_folder

    snakefile = str(workflow_folder() / "Snakefile")
    words = ["-s", snakefile, "--configfile", str(recipe), "-c1", "--scheduler", "greedy"]
    done = execute(words, recipe.parent, os.environ, program=snakemake)
    return done.returncode, done.stdout + done.stderr


def test_the_output_folder_itself_may_be_a_link(tiny_exposures: Scene, tmp_path: Path) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, **LEAN)
    (tmp_path / "big_disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "big_disk")
    assert main(["run", str(recipe)]) == 0
    assert (tmp_path / "big_disk" / "summary.ecsv").is_file()


def test_rules_that_were_planted_in_the_output_folder_are_not_believed(
    tiny_exposures: Scene, tmp_path: Path
) -> None:
    world = World(tmp_path)
    copy_tiny(tiny_exposures, tmp_path, number=2, **LEAN)
    planted = tmp_path / "planted"
    for place in (".tweakreg/scratch/sources", ".snakemake/source_cache", ".snakemake/scripts"):
        for rules in (Path(__file__).parents[1] / "rules").glob("*.smk"):
            copy = world.out / place / "file" / str(rules.resolve()).lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(f"open({str(planted)!r}, 'w').close()\n{rules.read_text()}")
    import_everything()
    status, said = world.finish_fork()
    assert status == 0, said
    assert not planted.exists()
    assert not list((tmp_path / "tmp").iterdir())


USERS_DIGESTS = "digests/paint01q_flc.json"
USERS = ["masks/paint01q_flc.fits", "summary.ecsv", "aligned/paint01q_flc.fits", "manifest.json"]


@pytest.mark.parametrize(
    "name",
    [
        *USERS,
        "tweakreg.log",
        "logs/summarize.log",
        "digests/paint01q_flc.json",
        "recipe.resolved.yaml",
    ],
)
def test_a_file_of_the_users_is_neither_overwritten_nor_removed(
    tiny_exposures: Scene, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, outdir=".", clean=True)
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("the user's")
    assert main(["run", str(recipe)]) == 2
    assert f"{tmp_path / name}: no run has made this file" in capsys.readouterr().err
    assert file.read_text() == "the user's"
    assert not (tmp_path / "catalogs").exists()


@pytest.mark.parametrize("name", USERS)
def test_plain_snakemake_spares_a_file_of_the_users_too(
    tiny_exposures: Scene, tmp_path: Path, name: str
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, outdir=".")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("the user's")
    status, said = plain_snakemake(recipe)
    assert status != 0
    assert f"{tmp_path / name}: no run has made this file" in said
    assert (tmp_path / name).read_text() == "the user's"


def test_temporary_folders_of_other_programs_stay(tiny_exposures: Scene, tmp_path: Path) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, **LEAN, outdir=".")
    theirs = [tmp_path / ".x.123.tmp", tmp_path / "sub" / ".y.fits.77.tmp.fits"]
    for folder in theirs:
        folder.mkdir(parents=True)
        (folder / "precious").touch()
    assert main(["run", str(recipe)]) == 0
    assert all((folder / "precious").exists() for folder in theirs)


@pytest.mark.parametrize("outdir", [str(Path.home()), "/"])
def test_a_home_is_no_output_folder(
    tiny_exposures: Scene, tmp_path: Path, outdir: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, outdir=outdir)
    assert main(["run", str(recipe)]) == 2
    assert "is a home folder; name a folder below it" in capsys.readouterr().err


def test_what_a_run_has_made_or_begun_is_its_own(tiny_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(tiny_run / "out", out)
    made = [str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()]
    products = [name for name in made if name.split("/")[0] in ("masks", "fits", "logs", "plots")]
    assert len(products) > 10
    assert foreign_files(out, products) == []
    forget(out, "make_masks", "paint01q_flc")
    mask = "masks/paint01q_flc.fits"
    assert foreign_files(out, products) == []  # it says itself what made it
    (out / mask).write_bytes(b"the user's own")
    assert foreign_files(out, products) == [mask]
    claim(out, [mask])
    assert foreign_files(out, [mask]) == []
    release(out)
    assert foreign_files(out, [mask]) == [mask]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": 3}', "[" * 5000, '{"files": [1]}'])
def test_broken_notes_about_what_was_begun_are_none(tmp_path: Path, content: str) -> None:
    prepare_outdir(tmp_path / "out")
    (tmp_path / "out" / "logs").mkdir()
    (tmp_path / "out" / "logs" / "claims.json").write_text(content)
    (tmp_path / "out" / "a").touch()
    assert foreign_files(tmp_path / "out", ["a", "b"]) == ["a"]


@pytest.mark.parametrize("content", ["", "[]", '{"products": 3}', '{"products": ["a"]}'])
def test_a_broken_ledger_owns_nothing(tmp_path: Path, content: str) -> None:
    ledger = tmp_path / ".tweakreg" / "ledger" / "summarize"
    ledger.mkdir(parents=True)
    (ledger / "all.json").write_text(content)
    (tmp_path / "a").touch()
    assert foreign_files(tmp_path, ["a"]) == ["a"]


def test_a_killed_jobs_product_is_made_again(tiny_exposures: Scene, tmp_path: Path) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, **LEAN)
    assert main(["run", str(recipe)]) == 0
    out = tmp_path / "out"
    forget(out, "summarize", "all")
    (out / "summary.ecsv").write_text("cut off")
    assert main(["run", str(recipe)]) == 2
    claim(out, ["summary.ecsv", "logs/summarize.log"])
    assert main(["run", str(recipe)]) == 0
    assert not (out / "logs" / "claims.json").exists()


def test_a_name_too_long_for_a_product_is_refused_before_any_job(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2)
    (tmp_path / "paint02q_flc.fits").rename(tmp_path / f"{'x' * 236}_flc.fits")
    assert main(["run", str(recipe)]) == 2
    said = capsys.readouterr().err
    assert "bytes long, and the disk takes 255; give the image a shorter name" in said
    assert not (tmp_path / "out" / "masks").exists()
