"""What one is used to of a command line."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
from skies import Scene
from tiny import copy_tiny

from tweakreg_steps.cli import command_names, main
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.settings import settings_tree
from tweakreg_steps.workflow.outdir import claim, release

Said = pytest.CaptureFixture[str]


@pytest.fixture
def tiny(tiny_run: Path, tmp_path: Path) -> Path:
    """Return a copy of a finished run."""
    shutil.copytree(tiny_run, tmp_path / "run")
    return tmp_path / "run"


def said(capsys: Said, *words: object) -> tuple[int, str, str]:
    """Return exit status, stdout and stderr of a command."""
    capsys.readouterr()
    status = main([str(word) for word in words])
    streams = capsys.readouterr()
    return status, streams.out, streams.err


def test_show_takes_the_recipe_and_gives_json(tiny: Path, capsys: Said) -> None:
    status, table, _ = said(capsys, "show", tiny / "recipe.yaml")
    assert (status, table) == said(capsys, "show", tiny / "out")[:2]
    found = json.loads(said(capsys, "show", tiny / "out", "--json")[1])
    assert [row["status"] for row in found["images"]] == ["reference", "aligned", "aligned"]
    assert found["images"][1]["dx"] != 0.0
    assert found["images"][0]["changes"] == {}


def test_show_says_that_a_run_was_broken_off(tiny: Path, capsys: Said) -> None:
    out = tiny / "out"
    claim(out, ["summary.ecsv"])
    status, table, warning = said(capsys, "show", out)
    assert "was broken off; this table is from before it" in warning
    release(out)
    assert said(capsys, "show", out) == (status, table, "")


def test_what_there_is_not_is_said_with_the_way_on(
    tiny: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny)
    Path("new.yaml").write_text("input: '*_flc.fits'\noutdir: other\n")
    for words, text in (
        (("show", "new.yaml"), "new.yaml: has not been run to its end yet"),
        (("show", "nowhere"), "nowhere: there is no such folder or recipe"),
        (("why", "paint99q_flc"), "paint99q_flc: there is no such file, and no output folder"),
        (("transfer", "recipe.yaml", "paint02q_flc.fits"), "is an input itself"),
    ):
        status, out, problem = said(capsys, *words)
        assert (status, out) == (2, "")
        assert text in problem


def test_a_run_with_other_values_for_once(tiny: Path, capsys: Said) -> None:
    recipe = tiny / "recipe.yaml"
    before = recipe.read_bytes()
    words = (
        "run",
        recipe,
        "--set",
        "catalog_fitting.nclip=1",
        "--set",
        "acceptance.max_shift=0.001",
    )
    status, plan, _ = said(capsys, *words, "-n")
    assert status == 0
    assert "catalog_fitting.nclip 3 → 1" in plan
    assert json.loads(said(capsys, *words, "-n", "--json")[1])[0]["rule"] == "fit_alignment"
    status, table, progress = said(capsys, *words, "-q", "--outdir", tiny / "other")
    assert status == 3
    assert progress == ""
    assert "large_shift" in table
    assert (tiny / "other" / "summary.ecsv").is_file()
    assert recipe.read_bytes() == before
    assert said(capsys, "run", recipe, "-n")[1] == ""


def test_several_recipes_at_once(tiny: Path, capsys: Said) -> None:
    text = (tiny / "recipe.yaml").read_text()
    (tiny / "two.yaml").write_text(text + "acceptance: {max_shift: 0.001}\n")
    both = (tiny / "recipe.yaml", tiny / "two.yaml")
    status, _, problem = said(capsys, "run", *both)
    assert status == 2
    assert "has the outdir of" in problem
    (tiny / "two.yaml").write_text(
        text.replace("outdir: out", "outdir: out2") + "acceptance: {max_shift: 0.001}\n"
    )
    status, table, _ = said(capsys, "run", *both, "--json", "-q")
    assert status == 3
    one, two = json.loads(table)
    assert {row["reason"] for row in one["images"]} == {""}
    assert two["images"][2]["changes"]["acceptance"]["max_shift"] > 0.001
    assert [Path(each["outdir"]).name for each in (one, two)] == ["out", "out2"]
    (tiny / "bad.yaml").write_text("input: missing.fits\noutdir: out3\n")
    status, table, _ = said(capsys, "run", tiny / "bad.yaml", tiny / "two.yaml", "--json", "-q")
    assert status == 2
    bad, _ = json.loads(table)
    assert bad["outdir"] == str(tiny / "out3")
    assert bad["status"] == 2
    assert "missing.fits" in bad["error"]
    _, table, _ = said(capsys, "run", *both, "-q")
    heads = [line for line in table.splitlines() if line.endswith(".yaml:")]
    assert heads == [f"{recipe}:" for recipe in both]
    over_all = table.partition("all recipes:\n")[2].splitlines()
    assert over_all[0].split("  ")[-1] == "status"
    numbers = [line.split()[1:] for line in over_all[1:]]
    assert [each[:3] for each in numbers] == [["3", "3", "0"], ["3", "1", "2"], ["6", "4", "2"]]
    assert [each[4] for each in numbers] == ["0", "3", "3"]
    assert numbers[0][3] == numbers[2][3]
    assert numbers[1][3] == "-"


def test_validate_for_programs(tiny_exposures: Scene, tmp_path: Path, capsys: Said) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2)
    status, text, _ = said(capsys, "validate", recipe, "--json")
    assert (status, json.loads(text)["images"]) == (0, ["paint01q_flc", "paint02q_flc"])
    recipe.write_text(recipe.read_text() + "nclip: 3\n")
    status, text, _ = said(capsys, "validate", recipe, "--json")
    (problem,) = json.loads(text)["problems"]
    assert status == 2
    assert (problem["file"], problem["column"]) == (str(recipe), 1)
    assert problem["text"].startswith("nclip: is not known here")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("nclip", "is not of the form key=value"),
        ("threshold=3", "imagefindpars.threshold or refimagefindpars.threshold"),
        ("object_matching.serchrad=3", "did you mean object_matching.searchrad?"),
    ],
)
def test_settings_that_are_none_are_refused(word: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        settings_tree([word])


def test_settings_are_yaml_and_reach_single_images() -> None:
    words = ["searchrad=1e1", "fluxmax=null", "images.a.b.object_matching.minobj=4"]
    with pytest.raises(RecipeError, match="several"):
        settings_tree(words)
    words[1] = "imagefindpars.dqbits=~4"
    assert settings_tree(words) == {
        "object_matching": {"searchrad": 10.0},
        "imagefindpars": {"dqbits": "~4"},
        "images": {"a.b": {"object_matching": {"minobj": 4}}},
    }


def test_a_command_that_is_none(capsys: Said) -> None:
    status, _, problem = said(capsys, "valdate", "x.yaml")
    assert status == 2
    assert "did you mean validate?" in problem


def test_the_schema_holds_for_recipes_and_for_those_that_extend(capsys: Said) -> None:
    schema = json.loads(said(capsys, "schema")[1])
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for good in ({"input": "a"}, {"extends": "b.yaml", "catalog_fitting": {"nclip": 2}}):
        assert validator.is_valid(good)
    for bad in ({}, {"input": "a", "catalog_fitting": {"nclip": -1}}, {"input": "a", "x": 1}):
        assert not validator.is_valid(bad)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command(shell: str, capsys: Said) -> None:
    status, script, _ = said(capsys, "completion", shell)
    assert status == 0
    assert all(name in script for name in command_names())
    if shell == "bash":
        ask = (
            f"{script}\nCOMP_WORDS=(tweakreg run --dry); COMP_CWORD=2; _tweakreg;"
            'echo "${COMPREPLY[@]}"; COMP_WORDS=(tweakreg sugg); COMP_CWORD=1; _tweakreg;'
            'echo "${COMPREPLY[@]}"'
        )
        done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["--dry-run", "suggest"]
