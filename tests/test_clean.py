"""Intermediate products are removed once nothing needs them, and reruns stay exact."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from plain_snakemake import OF_THE_WORKFLOW, plain_snakemake
from skies import Scene
from test_workflow import planned, products

from tweakreg_steps.cli import main
from tweakreg_steps.steps import all_steps

Edit = Callable[[Path, str, str], None]

FOLDERS = {
    product.pattern.partition("/")[0]
    for step in all_steps().values()
    if not callable(step.writes)
    for product in step.writes.values()
    if product.is_intermediate
}
"""The folders of intermediate products."""


def intermediates(outdir: Path) -> list[Path]:
    """Return the intermediate products that are there."""
    return [path for folder in FOLDERS for path in (outdir / folder).glob("*")]


def results(outdir: Path) -> dict[str, bytes]:
    """Return the content of every product that is no intermediate one."""
    found = products(outdir)
    return {
        name: content for name, content in found.items() if name.partition("/")[0] not in FOLDERS
    }


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
    words = (*OF_THE_WORKFLOW, "-j2")
    plain_snakemake(tmp_path, *words, "--quiet", "all").check_returncode()
    assert (tmp_path / "out" / "fits" / "paint02q_flc.json").is_file()
    assert intermediates(tmp_path / "out") == []
    assert planned(tmp_path, capsys) == []
    said = plain_snakemake(tmp_path, *words, "-n")
    said.check_returncode()
    assert "make_masks" not in said.stdout + said.stderr


def test_the_intermediate_products_are_those_that_only_jobs_read() -> None:
    of_images = {"working", "masks", "catalogs", "positions", "sky", "matches", "pairs"}
    assert of_images | {"quicklooks", "footprints"} == FOLDERS
