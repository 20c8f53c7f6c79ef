"""From what a user writes to a complete recipe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.recipe import Recipe, load_recipe
from tweakreg_steps.recipes.recipe_text import commented_recipe
from tweakreg_steps.recipes.schema import parameters, value_at
from tweakreg_steps.records.canonical import canonical_json


def load(folder: Path, text: str) -> Recipe:
    """Load a recipe from a text."""
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path)


COMMENTED = commented_recipe("*flt.fits")


def test_the_shortest_recipe_has_every_default(tmp_path: Path) -> None:
    recipe = load(tmp_path, "input: a.fits\n")
    for parameter in parameters():
        if parameter.path != ("input",):
            assert value_at(recipe.values, parameter.path) == parameter.default


def test_every_problem_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    text = "inptu: a\ncatalog_fitting:\n  nclip: -1\n  sigma: abc\nthreshold: 3\nupdatewcs: 2\n"
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    for part in (
        "input: is missing",
        "recipe.yaml:1:1: inptu: is not a known key; the nearest is input",
        "recipe.yaml:3:3: catalog_fitting.nclip: -1 is not allowed; allowed: integer ≥ 0",
        "recipe.yaml:4:3: catalog_fitting.sigma: 'abc' is not allowed; allowed: number > 0",
        "recipe.yaml:5:1: threshold: is not known here; it belongs in the section imagefindpars",
        "recipe.yaml:6:1: updatewcs: 2 is not allowed; allowed: boolean",
    ):
        assert part in message
    assert len(message.splitlines()) == 6


def test_numbers_take_the_type_of_the_schema(tmp_path: Path) -> None:
    a = load(tmp_path, "input: a\ncatalog_fitting: {nclip: 3.0, sigma: 3}\n")
    b = load(tmp_path, "input: a\n")
    assert canonical_json(a.values) == canonical_json(b.values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("enforce_user_order: false", "enforce_user_order: false needs expand_refcat"),
        ("imagefindpars: {sharplo: 2}", "sharplo: 2.0 leaves no source; it must be below sharphi"),
        ("imagefindpars: {computesig: false}", "skysigma: 0 with computesig: false"),
        ("imagefindpars: {dqbits: 3x}", "imagefindpars.dqbits"),
        ("imagefindpars: {sextractor: {BACK_SIZE: 9}}", "sextractor: needs finder: sextractor"),
        (
            "refimagefindpars: {finder: sextractor, use_sharp_round: true}",
            "refimagefindpars.use_sharp_round: true needs finder: daofind",
        ),
        (
            "imagefindpars: {finder: sextractor, sextractor: {CATALOG_NAME: a}}",
            "sextractor.CATALOG_NAME: is not the recipe's to give: the catalog is read by",
        ),
        (
            "imagefindpars: {finder: sextractor, sextractor: {WEIGHT_TYPE: BACKGROUND}}",
            "WEIGHT_TYPE: BACKGROUND cannot be had: the weight map carries the masks",
        ),
        (
            "imagefindpars: {finder: sextractor, sextractor: {WEIGHT_IMAGE: a}}",
            "sextractor.WEIGHT_IMAGE: needs WEIGHT_TYPE",
        ),
        (
            "imagefindpars: {finder: sextractor, sextractor: {WEIGHT_TYPE: MAP_VAR}}",
            "WEIGHT_TYPE: MAP_VAR needs WEIGHT_IMAGE",
        ),
        (
            "imagefindpars: {finder: sextractor, sextractor: {BACK_SIZE: [3, 4]}}",
            "sextractor.BACK_SIZE: [3, 4] is not allowed; allowed: string or number or boolean",
        ),
        ("coordinate_file: {minflux: 3}", "coordinate_file.minflux: needs fluxcol"),
        (
            "coordinate_file: {fluxcol: 3, maxflux: 1, minflux: 2}",
            "coordinate_file.maxflux: 1.0 is the bright limit and must not be below minflux (2.0)",
        ),
        ("reference_catalog: {refcat: a, rmaxflux: 3}", "rmaxflux: needs rfluxcol"),
        (
            "reference_catalog: {refcat: a, rfluxcol: 3, rmaxflux: 21, rminflux: 18}",
            "rmaxflux: 21.0 is the bright limit and must not exceed rminflux",
        ),
        ("shiftfile_output: {outshifts: a, outwcs: a}", "must be three files"),
        ("update_header: {in_place: true}", "update_header.in_place: true needs updatehdr: true"),
        ("runfile: a/b.log", "runfile: 'a/b.log' is not allowed"),
        ("imagefindpars: {threshold: .inf}", "threshold: inf is not a finite number"),
        ("imagefindpars: 3", "imagefindpars: 3 is not a section"),
        ("exclusions: ''", "write null for 'not given'"),
    ],
)
def test_wrong_combinations_and_values_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(message)):
        load(tmp_path, f"input: a\n{text}\n")


def test_a_separation_that_invites_confusion_is_warned_of(tmp_path: Path) -> None:
    close = load(tmp_path, "input: a\nobject_matching: {separation: 1.4}\n")
    assert "sqrt(2) times object_matching.tolerance (1.0)" in close.warnings[0]
    assert load(tmp_path, "input: a\nobject_matching: {separation: 1.5}\n").warnings == ()
    assert load(tmp_path, "input: a\n").warnings == ()


def test_the_output_folder_is_named_after_the_recipe(tmp_path: Path) -> None:
    assert load(tmp_path, "input: a\n").outdir == tmp_path / "results" / "recipe"
    assert load(tmp_path, "input: a\noutdir: ../x\n").outdir == tmp_path.parent / "x"


@pytest.mark.parametrize("text", ["", "- a", "3"])
def test_a_recipe_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecipeError, match="a recipe is a mapping"):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input: *_flc.fits", 'write: input: "*_flc.fits"'),
        ("input:\n  - *a.fits  # mine\n", "recipe.yaml:2:7: not valid YAML"),
        ("input:\n  - *a.fits  # mine\n", 'write: - "*a.fits"  # mine'),
        ("input: @list", 'write: input: "@list"'),
        (
            'input: a\nimagefindpars:\n  threshold: "100"',
            "recipe.yaml:3:3: imagefindpars.threshold",
        ),
        ('input: a\nimagefindpars:\n  threshold: "100"', "(write threshold: 100)"),
        (
            "input: a\nobject_matching: {searchrad: 2 arcsec}",
            "(write searchrad: 2; without",
        ),
        ("input: a\nimagefindpars: {Threshold: 4}", "is not a known key; write threshold:"),
        ("input: a\ncatalog_fitting: {fitgeometry: RScale}", "(write fitgeometry: rscale)"),
        ("input: a\nupdatewcs: Yes", "(write updatewcs: true)"),
        ("input: a\nUPDATE HEADER: {updatehdr: true}", "write update_header:"),
        ("input: a\n[UPDATE HEADER]\n", "write: update_header:"),
        ("input: a\nsearchrad: 2", "write it below the line object_matching:"),
        ("input: a\n  searchrad: 2", "write the line 'object_matching:' above it"),
        (
            COMMENTED.replace("#  searchrad:", "  searchrad:"),
            "away from the line '#object_matching:'",
        ),
    ],
)
def test_what_is_meant_is_said_with_the_line_to_write(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)
