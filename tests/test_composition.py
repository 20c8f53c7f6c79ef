"""Recipes that extend others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tweakreg_steps.cli import main
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.recipe import Recipe, load_recipe

BASE = """\
input: "*.fits"
outdir: out
exclusions: masks.txt
imagefindpars: {threshold: 100, conv_width: 2.5}
reference_catalog: {refcat: gaia.cat}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a base recipe."""
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path


def load(path: Path, text: str) -> Recipe:
    """Write a recipe and load it."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return load_recipe(path)


def test_a_section_is_laid_over_key_by_key(folder: Path) -> None:
    recipe = load(folder / "deep.yaml", "extends: base.yaml\nimagefindpars: {threshold: 4}\n")
    assert recipe.values["imagefindpars"]["threshold"] == 4.0
    assert recipe.values["imagefindpars"]["conv_width"] == 2.5
    assert recipe.values["input"] == "*.fits"


def test_each_variant_has_an_outdir_of_its_own(folder: Path) -> None:
    recipe = load(folder / "deep.yaml", "extends: base.yaml\n")
    assert recipe.outdir == folder.resolve() / "results" / "deep"


def test_a_list_replaces_what_was_there(folder: Path) -> None:
    recipe = load(folder / "two.yaml", "extends: base.yaml\ninput: [a.fits, b.fits]\n")
    assert recipe.values["input"] == ["a.fits", "b.fits"]


def test_later_bases_lie_over_earlier_ones(folder: Path) -> None:
    (folder / "faint.yaml").write_text("imagefindpars: {threshold: 3}\n")
    recipe = load(folder / "x.yaml", "extends: [base.yaml, faint.yaml]\n")
    assert recipe.values["imagefindpars"]["threshold"] == 3.0
    assert recipe.values["exclusions"] == "masks.txt"


@pytest.mark.parametrize(
    ("entry", "moved"),
    [
        ("'*.fits'", "../*.fits"),
        ("'@list.txt'", "@../list.txt"),
        ("'a.fits[sci,1], b.fits'", "../a.fits[sci,1],../b.fits"),
        ("[a.fits, /data/b.fits]", ["../a.fits", "/data/b.fits"]),
    ],
)
def test_paths_stay_relative_to_the_file_they_stand_in(
    folder: Path, entry: str, moved: str | list[str]
) -> None:
    (folder / "base.yaml").write_text(BASE.replace('"*.fits"', entry))
    recipe = load(folder / "sub" / "x.yaml", "extends: ../base.yaml\n")
    assert recipe.values["input"] == moved
    assert recipe.file("exclusions") == folder.resolve() / "masks.txt"
    assert recipe.file("reference_catalog", "refcat") == folder.resolve() / "gaia.cat"


def test_a_circle_is_refused_with_the_way_it_goes(folder: Path) -> None:
    (folder / "a.yaml").write_text("extends: b.yaml\n")
    with pytest.raises(
        RecipeError, match=r"a\.yaml:1:1: extends: b\.yaml extends a\.yaml extends b"
    ):
        load(folder / "b.yaml", "extends: a.yaml\n")


def test_a_problem_names_the_file_it_stands_in(folder: Path) -> None:
    (folder / "base.yaml").write_text(f"{BASE}catalog_fitting: {{nclip: -1}}\n")
    with pytest.raises(RecipeError) as caught:
        load(folder / "x.yaml", "extends: base.yaml\nobject_matching: {tolerance: 0}\n")
    first, second = sorted(str(caught.value).splitlines())
    assert "base.yaml:6:19: catalog_fitting.nclip" in first
    assert "x.yaml:2:19: object_matching.tolerance" in second


@pytest.mark.parametrize("value", ["3", "[]", "{a: b}", "''"])
def test_what_is_no_recipe_file_is_refused(folder: Path, value: str) -> None:
    with pytest.raises(RecipeError, match=r"x\.yaml:1:1: extends: .* name a recipe file"):
        load(folder / "x.yaml", f"extends: {value}\n")


@pytest.mark.effect("extends")
def test_a_variant_that_says_nothing_more_gives_the_same_summary(run_copy: Path) -> None:
    variant = run_copy / "variants" / "same.yaml"
    variant.parent.mkdir()
    variant.write_text("extends: ../recipe.yaml\noutdir: out\n")
    assert main(["run", str(variant), "-j", "2"]) == 0
    summaries = [folder / "out" / "summary.ecsv" for folder in (run_copy, variant.parent)]
    assert summaries[0].read_bytes() == summaries[1].read_bytes()
