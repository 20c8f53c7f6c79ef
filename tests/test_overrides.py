"""Parameters that differ from image to image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from product_tables import read_product
from skies import Scene
from test_workplan import CATALOGS, changed, image, plan
from tiny import LEAN, copy_tiny

from tweakreg_steps.cli import main
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.moved_paths import move_paths
from tweakreg_steps.recipes.overrides import image_values, override_problems
from tweakreg_steps.recipes.recipe import Recipe, complete

THRESHOLD = {"imagefindpars": {"threshold": 40}}


def recipe(images: object, **given: Any) -> Recipe:  # noqa: ANN401  any part of a recipe
    """Complete a recipe."""
    values = {"input": "*.fits", "images": images, **given}
    return complete(values, source=None, file=Path("/data/recipe.yaml"))


def threshold(images: object, name: str) -> float:
    """Return the threshold that holds for an image."""
    value = image_values(recipe(images).values, name)["imagefindpars"]["threshold"]
    assert isinstance(value, float)
    return value


def test_a_name_goes_before_wildcards_in_any_order() -> None:
    keys = [("j9*_flc", 40), ("j9irw4b1q_flc", 50)]
    for order in (keys, keys[::-1]):
        images = {key: {"imagefindpars": {"threshold": value}} for key, value in order}
        assert threshold(images, "j9irw4b1q_flc") == 50.0
        assert threshold(images, "j9irw3fwq_flc") == 40.0
        assert threshold(images, "ibwb01xqq_flc") == 4.0


def test_what_is_not_said_of_an_image_holds_as_for_all() -> None:
    values = recipe({"a": THRESHOLD}, imagefindpars={"conv_width": 2.5}).values
    own = image_values(values, "a")["imagefindpars"]
    assert (own["threshold"], own["conv_width"]) == (40.0, 2.5)
    assert image_values(values, "b") is values


def test_a_number_has_the_type_of_the_schema() -> None:
    values = recipe({"a": {"imagefindpars": {"threshold": 40}, "catalog_fitting": {"nclip": 2.0}}})
    own = values.values["images"]["a"]
    assert isinstance(own["imagefindpars"]["threshold"], float)
    assert isinstance(own["catalog_fitting"]["nclip"], int)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ({"a": {"imagefindpars": {"treshold": 4}}}, "images.a.imagefindpars.treshold: is not a kn"),
        (
            {"a": {"imagefindpars": {"threshold": -1}}},
            "images.a.imagefindpars.threshold: -1 is",
        ),
        ({"a": {"threshold": 40}}, "images.a.threshold: is not known here; it belongs in the sec"),
        ({"a": {"update_header": {}}}, "images.a.update_header: holds for all images"),
        ({"a": {"coordinate_file": {"catfile": "x"}}}, "catfile: holds for all images"),
        ({"a": 40}, "images.a: 40 is not a section"),
        ({"a": {"imagefindpars": {"peakmin": 9, "peakmax": 5}}}, "images.a.imagefindpars.peakmin:"),
    ],
)
def test_a_mistake_is_named_with_its_place(images: object, said: str) -> None:
    with pytest.raises(RecipeError, match=said.replace(".", r"\.")):
        recipe(images)


def test_a_limit_that_contradicts_that_of_all_images_is_named() -> None:
    with pytest.raises(RecipeError, match=r"images\.b\.imagefindpars\.peakmin"):
        recipe({"b": {"imagefindpars": {"peakmin": 9}}}, imagefindpars={"peakmax": 5})


def test_a_warning_names_the_image() -> None:
    images = {"b": {"object_matching": {"mirrored": True}}}
    (warning,) = recipe(images).warnings
    assert warning.startswith("images.b: object_matching.mirrored has no effect")


def test_a_key_that_is_no_image_is_a_problem() -> None:
    values = recipe({"j9irw4b1g_flc": THRESHOLD}).values
    (problem,) = override_problems(values, ["j9irw4b1q_flc", "x"])
    assert problem == "images.j9irw4b1g_flc: is none of the images; the nearest is j9irw4b1q_flc"
    (problem,) = override_problems(recipe({"q*": THRESHOLD}).values, ["a", "b"])
    assert "they are a, b" in problem


def test_wildcards_must_not_contradict_each_other() -> None:
    images: dict[str, Any] = {"a*": THRESHOLD, "*b": {"imagefindpars": {"threshold": 50}}}
    (problem,) = override_problems(recipe(images).values, ["ab", "a", "b"])
    assert "give imagefindpars.threshold different values for ab" in problem
    images["ab"] = THRESHOLD
    assert list(override_problems(recipe(images).values, ["ab", "a", "b"])) == []


def test_wildcards_that_are_wrong_only_together_are_named() -> None:
    images = {"a*": {"imagefindpars": {"peakmin": 9}}, "*b": {"imagefindpars": {"peakmax": 5}}}
    (problem,) = override_problems(recipe(images).values, ["ab", "a", "b"])
    assert problem.startswith("images: for ab, imagefindpars.peakmin: 9.0 leaves no source")


def test_the_paths_of_an_image_move_with_the_recipe() -> None:
    own = {"imagefindpars": {"sextractor": {"FILTER_NAME": "gauss.conv"}}}
    moved = move_paths({"images": {"a": own}}, old=Path("/data/base"), new=Path("/data"))
    assert moved["images"]["a"]["imagefindpars"]["sextractor"] == {
        "FILTER_NAME": f"base{os.sep}gauss.conv"
    }


@pytest.mark.parametrize(
    ("own", "rule"),
    [
        (THRESHOLD, "find_sources"),
        ({"imagefindpars": {"dqbits": 0}}, "make_masks"),
        ({"object_matching": {"searchrad": 3}}, "match_sources"),
        ({"catalog_fitting": {"nclip": 5}}, "fit_alignment"),
        ({"catalog_fitting": {"ylimit": 2}}, "plot_residuals"),
        ({"acceptance": {"max_rms": 10}}, "fit_alignment"),
    ],
)
def test_it_reaches_the_jobs_of_its_image_alone(own: dict[str, Any], rule: str) -> None:
    assert changed(plan(), plan(images={"b": own})) == {(rule, "b")}


def test_a_catalog_is_read_as_its_image_has_it() -> None:
    catalogs = {"a": CATALOGS, "b": CATALOGS}
    images = {"b": {"coordinate_file": {"nbright": 9, "fluxcol": 3}}}
    assert changed(plan(catalogs=catalogs), plan(catalogs=catalogs, images=images)) == {
        ("read_catalogs", "b")
    }


def test_an_image_may_go_without_a_plot() -> None:
    images = {"b": {"object_matching": {"see2dplot": False}}}
    work = plan([image("a"), image("b"), image("c")], images=images)
    assert ("plot_offsets", "c") in work.jobs
    assert ("plot_offsets", "b") not in work.jobs


def test_a_sequence_knows_what_differs() -> None:
    images = {"b": {"object_matching": {"minobj": 5}, "imagefindpars": {"threshold": 40}}}
    before, after = plan(expand_refcat=True), plan(expand_refcat=True, images=images)
    assert changed(before, after) == {("align", "all"), ("find_sources", "b")}
    record = after.jobs["align", "all"].record
    assert record["parameters"]["images"] == {"b": {"object_matching": {"minobj": 5}}}


@pytest.mark.effect("images")
def test_one_image_is_searched_in_its_own_way(
    tiny_exposures: Scene, tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = tiny_exposures.paths[1].stem
    usual = read_product(tiny_run / "out" / "catalogs" / f"{name}.fits")
    limit = float(sorted(usual["flux"])[-10])
    changes = {name: {"imagefindpars": {"fluxmax": limit}}}
    path = copy_tiny(tiny_exposures, tmp_path, images=changes, **LEAN)
    assert main(["run", str(path)]) == 0
    for exposure in tiny_exposures.paths:
        before = read_product(tiny_run / "out" / "catalogs" / f"{exposure.stem}.fits")
        after = read_product(tmp_path / "out" / "catalogs" / f"{exposure.stem}.fits")
        assert len(before) - len(after) == (10 if exposure.stem == name else 0)
    capsys.readouterr()
    changes = {name: {"imagefindpars": {"fluxmax": limit + 1.0}}}
    copy_tiny(tiny_exposures, tmp_path, images=changes, **LEAN)
    assert main(["plan", str(path)]) == 0
    said = capsys.readouterr().out
    assert f"find_sources {name}: imagefindpars.fluxmax {limit} → {limit + 1.0}" in said
    assert sum(line.startswith("find_sources ") for line in said.splitlines()) == 1


def test_a_key_that_is_no_image_stops_before_any_job(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy_tiny(tiny_exposures, tmp_path, images={"nothing": THRESHOLD})
    for command in ("validate", "plan", "run"):
        assert main([command, str(path)]) == 2
        assert "images.nothing: is none of the images" in capsys.readouterr().err
