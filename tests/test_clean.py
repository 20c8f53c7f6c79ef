"""Intermediate products are removed once nothing needs them, and reruns stay exact."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from skies import Scene
from test_workflow import planned, products

from tweakreg_steps.cli import main
from tweakreg_steps.planning.intermediates import READERS, is_intermediate
from tweakreg_steps.resources import workflow_folder

Edit = Callable[[Path, str, str], None]


def intermediates(outdir: Path) -> list[Path]:
    """Return the intermediate products that are there."""
    return [path for folder in READERS for path in (outdir / folder).glob("*")]


def results(outdir: Path) -> dict[str, bytes]:
    """Return the content of every product that is no intermediate one."""
    found = products(outdir)
    return {name: content for name, content in found.items() if not is_intermediate(name)}


def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> set[tuple[str, str]]:
    """Run the recipe, and return which jobs ran."""
    capsys.readouterr()
    assert main(["run", str(folder / "recipe.yaml"), "-j", "2"]) == 0
    lines = re.findall(r"^\[ *\d+/\d+\] (\w+) ?(\S*)$", capsys.readouterr().err, re.MULTILINE)
    return {(rule, name.partition(".")[0] or "all") for rule, name in lines}


@pytest.mark.effect("clean")
def test_clean_removes_and_reruns_make_again_what_they_need(
    run_copy: Path, tmp_path: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    out, recipe = run_copy / "out", run_copy / "recipe.yaml"
    before, everything = results(out), products(out)
    edit(recipe, "outdir: out", "outdir: out\nclean: true")
    assert planned(run_copy, capsys) == []
    assert run(run_copy, capsys) == set()
    assert intermediates(out) == []
    assert results(out) == before
    assert planned(run_copy, capsys) == []

    kept = tmp_path / "kept"
    shutil.copytree(run_copy, kept)
    for folder in (run_copy, kept):
        edit(folder / "recipe.yaml", "update_header", "catalog_fitting: {nclip: 1}\nupdate_header")
    edit(kept / "recipe.yaml", "clean: true", "clean: false")
    rows = planned(run_copy, capsys)
    again = [row for row in rows if "needed again" in row["reasons"][0]]
    assert {row["rule"] for row in again} == {
        "make_masks",
        "find_sources",
        "undistort_sources",
        "match_sources",
    }
    assert run(run_copy, capsys) == {(row["rule"], row["image"]) for row in rows}
    assert intermediates(out) == []
    run(kept, capsys)
    assert results(out) == results(kept / "out") != before
    assert planned(run_copy, capsys) == []

    edit(recipe, "clean: true\n", "")
    edit(recipe, "catalog_fitting: {nclip: 1}\n", "")
    run(run_copy, capsys)
    assert products(out) == everything


def test_plain_snakemake_cleans_as_well(
    small_scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in small_scene.paths[:2]:
        shutil.copyfile(path, tmp_path / path.name)
    (tmp_path / "recipe.yaml").write_text(
        "input: '*_flc.fits'\noutdir: out\nclean: true\nwritecat: false\n"
        "imagefindpars: {threshold: 100}\nobject_matching: {see2dplot: false}\n"
        "catalog_fitting: {residplot: No plot}\n"
    )
    command = [sys.executable, "-m", "snakemake", "--snakefile"]
    command += [str(workflow_folder() / "Snakefile"), "--configfile", "recipe.yaml", "-j2"]
    environment = {**os.environ, "TWEAKREG_STEP_SOCKET": ""}
    subprocess.run([*command, "--quiet", "all"], cwd=tmp_path, check=True, env=environment)
    assert (tmp_path / "out" / "fits" / "paint02q_flc.json").is_file()
    assert intermediates(tmp_path / "out") == []
    assert planned(tmp_path, capsys) == []
    said = subprocess.run(
        [*command, "-n"], cwd=tmp_path, check=True, env=environment, capture_output=True, text=True
    )
    assert "make_masks" not in said.stdout + said.stderr


def test_rules_mark_the_intermediate_products_and_read_those_they_are_said_to() -> None:
    text = "\n".join(path.read_text() for path in (workflow_folder() / "rules").glob("*.smk"))
    intermediate = rf'"({"|".join(READERS)})/'
    readers: dict[str, set[str]] = {folder: set() for folder in READERS}
    # the sources of a reference image come through a property of the project
    readers["sky"].add("build_reference")
    # and so do the working copies
    readers["working"] |= READERS["working"]
    for rule in re.split(r"^rule ", text, flags=re.MULTILINE)[1:]:
        name = rule.partition(":")[0]
        inputs, _, rest = rule.partition("    output:")
        outputs = rest.partition("    log:")[0]
        for folder in re.findall(intermediate, inputs):
            readers[folder].add(name)
        marked = re.findall(r"project\.temporary\(\s*(?:expand\()?" + intermediate, outputs)
        assert marked == re.findall(intermediate, outputs), name
    assert readers == READERS
