"""One run at a time in an output folder."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest
from plain_snakemake import OF_THE_WORKFLOW, plain_snakemake

from tweakreg_steps.errors import InputError, LockedError
from tweakreg_steps.records.outdir_files import LOCK, LOCK_OF_JOBS, PLAN
from tweakreg_steps.running.locking import hold_outdir
from tweakreg_steps.workflow.folder_lock import HOLDERS, lock_for_jobs, lock_outdir
from tweakreg_steps.workflow.outdir import prepare_outdir

GOING_ON = """
from tweakreg_steps.resources import workflow_folder
configfile: "recipe.yaml"
module tweakreg:
    snakefile: workflow_folder() / "Snakefile"
    config: config
use rule * from tweakreg as tweakreg_*
rule apply:
    default_target: True
    input: rules.tweakreg_all.input
    output: "applied.txt"
    shell: "tweakreg apply recipe.yaml > {output}"
"""
"""A workflow of the user's that goes on with what a module has made."""


def test_a_second_run_is_sent_away_and_a_later_one_is_not(tmp_path: Path) -> None:
    with (
        hold_outdir(tmp_path),
        pytest.raises(LockedError, match=r"another run \(process \d+\) holds this folder"),
        hold_outdir(tmp_path),
    ):
        pass
    with hold_outdir(tmp_path):
        pass


def test_plain_snakemake_leaves_the_plan_of_a_run_alone(tiny_run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    recipe = folder / "recipe.yaml"
    plan = folder / "out" / PLAN
    before = plan.read_bytes()
    recipe.write_text(recipe.read_text() + "catalog_fitting: {nclip: 1}\n")
    with hold_outdir(folder / "out"):
        done = plain_snakemake(folder, *OF_THE_WORKFLOW, "-n")
    assert done.returncode != 0
    assert "holds this folder" in done.stdout + done.stderr
    assert plan.read_bytes() == before


WHILE = """
from tweakreg_steps.resources import workflow_folder
configfile: "recipe.yaml"
module tweakreg:
    snakefile: workflow_folder() / "Snakefile"
    config: config
use rule * from tweakreg as tweakreg_*
rule other:
    default_target: True
    input: rules.tweakreg_all.input
    output: "said.txt"
    shell: "env -u TWEAKREG_HOLDERS tweakreg run recipe.yaml > {output} 2>&1 || echo $? >> {output}"
"""
"""A workflow during which somebody else starts a run of the same recipe."""


def test_a_run_is_sent_away_while_plain_snakemake_works(tiny_run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    (folder / "Snakefile").write_text(WHILE)
    done = plain_snakemake(folder, "-c1")
    assert done.returncode == 0, done.stderr
    said = (folder / "said.txt").read_text()
    assert "holds this folder" in said
    assert said.endswith("4\n")
    with hold_outdir(folder / "out"):
        pass


def test_what_a_holder_has_started_is_sent_away_by_its_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_outdir(tmp_path)
    monkeypatch.setenv(HOLDERS, "")
    with lock_for_jobs(tmp_path):
        with hold_outdir(tmp_path), pytest.raises(LockedError), hold_outdir(tmp_path):
            pass
        monkeypatch.setenv(HOLDERS, "1 2")
        with pytest.raises(LockedError, match="holds this folder"), hold_outdir(tmp_path):
            pass


@pytest.mark.parametrize("name", [LOCK, LOCK_OF_JOBS])
def test_what_a_link_leads_to_is_not_taken_for_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    outdir, precious = tmp_path / "out", tmp_path / "precious.txt"
    prepare_outdir(outdir)
    precious.write_text("mine")
    monkeypatch.setenv(HOLDERS, "")
    with ExitStack() as held:
        if name == LOCK_OF_JOBS:
            held.enter_context(lock_for_jobs(outdir))
        (outdir / name).unlink(missing_ok=True)
        (outdir / name).symlink_to(precious)
        with pytest.raises(InputError):
            lock_outdir(outdir)
    assert precious.read_text() == "mine"


def test_jobs_beside_those_of_a_module_may_use_the_folder(tiny_run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    (folder / "Snakefile").write_text(GOING_ON)
    done = plain_snakemake(folder, "-c1")
    assert done.returncode == 0, done.stderr
    assert "written" in (folder / "applied.txt").read_text()


def test_the_exit_status_is_the_contract() -> None:
    assert LockedError.exit_status == 4
