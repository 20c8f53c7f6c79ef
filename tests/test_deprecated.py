"""Recipes that use a former name of a parameter."""

from __future__ import annotations

from pathlib import Path

import pytest

from tweakreg_steps.cli import main
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.deprecated import RENAMED
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.recipes.schema import parameters


def test_a_former_name_is_read_and_named() -> None:
    recipe = complete(
        {"input": "x.fits", "acceptance": {"max_chance": 0.01}}, source=None, file=Path("r.yaml")
    )
    assert recipe.values["acceptance"]["max_false_alarm"] == 0.01
    assert "max_chance" not in recipe.values["acceptance"]
    (warning,) = recipe.warnings
    assert "acceptance.max_chance is now called acceptance.max_false_alarm" in warning


def test_a_former_name_is_read_for_single_images() -> None:
    values = {
        "input": "x.fits",
        "images": {"x*": {"acceptance": {"max_chance": 0.5}}},
    }
    recipe = complete(values, source=None, file=Path("r.yaml"))
    assert recipe.values["images"]["x*"]["acceptance"] == {"max_false_alarm": 0.5}
    assert any("images.x*.acceptance.max_chance is now called" in text for text in recipe.warnings)


def test_both_names_at_once_are_an_error() -> None:
    both = {"max_chance": 0.5, "max_false_alarm": 0.5}
    with pytest.raises(RecipeError, match=r"acceptance\.max_chance"):
        complete({"input": "x.fits", "acceptance": both}, source=None, file=Path("r.yaml"))


def test_what_is_no_mapping_is_left_to_the_check() -> None:
    for values in (
        {"input": "x", "acceptance": 3},
        {"input": "x", "images": [1], "acceptance": []},
    ):
        with pytest.raises(RecipeError):
            complete(values, source=None, file=Path("r.yaml"))


def test_a_wrong_value_under_a_former_name_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"max_false_alarm"):
        complete({"input": "x", "acceptance": {"max_chance": 7}}, source=None, file=Path("r.yaml"))


def test_new_names_exist_and_old_ones_do_not() -> None:
    known = {parameter.path for parameter in parameters()}
    for (section, old), new in RENAMED.items():
        assert (section, new) in known
        assert (section, old) not in known


def test_the_warning_is_on_the_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.fits").touch()
    recipe = tmp_path / "r.yaml"
    recipe.write_text("input: x.fits\nacceptance: {max_chance: 0.01}\n")
    main(["validate", str(recipe)])
    assert "max_chance is now called" in "".join(capsys.readouterr())


def test_no_plot_is_read_as_tweakreg_writes_it() -> None:
    values = {
        "input": "x",
        "catalog_fitting": {"residplot": "NoPlot"},
    }
    recipe = complete(values, source=None, file=Path("r.yaml"))
    assert recipe.values["catalog_fitting"]["residplot"] == "No plot"
    assert recipe.warnings == ()
