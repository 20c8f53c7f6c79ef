"""From TEAL's .cfg files to a recipe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from configobj import ConfigObj

from tweakreg_steps.cli import main
from tweakreg_steps.recipes.schema import Parameter, parameters, value_at
from tweakreg_steps.teal.naming import FINDING_SECTIONS
from tweakreg_steps.yaml_source import read_yaml

THEIRS = [p for p in parameters() if p.tweakreg != "none" and p.name != "updatewcs"]
"""What a .cfg file can hold."""


def other_value(parameter: Parameter) -> Any:  # noqa: ANN401  any value of the schema
    """Return a value that is not the default."""
    schema = parameter.schema
    if "enum" in schema:
        return next(value for value in schema["enum"] if value != parameter.default)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {"boolean": not parameter.default, "string": "other", "integer": 7, "number": 0.375}[
        next(kind for kind in kinds if kind != "null")
    ]


def cfg_of(folder: Path, task: str, chosen: list[Parameter]) -> Path:
    """Write a .cfg file in TEAL's form, with the headings that the schema names."""
    cfg = ConfigObj(encoding="utf-8")
    cfg["_task_name_"] = task
    for parameter in chosen:
        in_section = len(parameter.path) > 1 and task == "tweakreg"
        if in_section and parameter.tweakreg not in cfg:
            cfg[parameter.tweakreg] = {}
        section = cfg[parameter.tweakreg] if in_section else cfg
        section[parameter.path[-1]] = other_value(parameter)
    cfg["_RULES_"] = {}
    cfg.filename = str(folder / f"{task}.cfg")
    cfg.write()
    return folder / f"{task}.cfg"


def test_every_parameter_arrives_at_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = [p for p in THEIRS if other_value(p) != p.tweakreg_default]
    for task in FINDING_SECTIONS:
        cfg_of(tmp_path, task, [p for p in chosen if p.path[0] == task])
    cfg_of(tmp_path, "tweakreg", [p for p in chosen if p.path[0] not in FINDING_SECTIONS])
    assert main(["import", "tweakreg.cfg"]) == 0
    recipe = read_yaml(Path("recipe.yaml")).value
    assert {p.name: value_at(recipe, p.path) for p in chosen} == {
        p.name: other_value(p) for p in chosen
    }
    said = capsys.readouterr().err.replace("_task_name_, _RULES_: left out", "")
    assert "left out" not in said
    assert said.splitlines()[-1] == (
        "wrote recipe.yaml from tweakreg.cfg, imagefindpars.cfg, refimagefindpars.cfg"
    )


CFG = """\
_task_name_ = tweakreg
input = j8bt06nyq_flt.fits[sci,1], j8bt06nzq_flt.fits
refimage = ""
ascend = True
updatewcs = True
interactive = yes
verbose = No
[UPDATE HEADER]
wcsname = 1e3    # a text, whatever it looks like
[COORDINATE FILE DESCRIPTION]
xcol = "3"
fluxcol = INDEF
maxflux = None
[REFERENCE CATALOG DESCRIPTION]
refxcol = 1-3
rmaxflux = 21
[OBJECT MATCHING PARAMETERS]
separation = 0.5
tolerance = wide
[CATALOG FITTING PARAMETERS]
residplot = NoPlot
sigmas = 2
[_RULES_]
_rule1_ = 3
[PLOTS]
colour = red
"""


def test_what_a_file_says_is_spelt_as_a_recipe_spells_it_and_losses_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.cfg").write_text(CFG)
    Path("refimagefindpars.cfg").write_text("dqbits = 2, 4\nuse_sharp_round = yes\n")
    assert main(["import", "mine.cfg"]) == 0
    assert read_yaml(Path("recipe.yaml")).value == {
        "input": "j8bt06nyq_flt.fits[sci,1],j8bt06nzq_flt.fits",
        "refimagefindpars": {"dqbits": "2, 4", "use_sharp_round": True},
        "coordinate_file": {"xcol": 3},
        "reference_catalog": {"refxcol": "1-3", "rmaxflux": 21},
        "catalog_fitting": {"residplot": "No plot"},
        "update_header": {"wcsname": "1e3"},
    }
    said = capsys.readouterr().err
    for part in (
        "ascend: is not a known name",
        "updatewcs: TweakReg takes it from a Python call only",
        "interactive: true is TweakReg's default, which TEAL writes into every file: left out",
        "object_matching.separation: 0.5 is TweakReg's default, which TEAL writes into every file",
        'object_matching.tolerance: "wide" is not allowed; allowed: number > 0; left out',
        "catalog_fitting.sigmas: is not a known name; the nearest is sigma; left out",
        "PLOTS: is not a known name",
        "_RULES_: left out",
    ):
        assert part in said


COMMENTED = """\
# the globular cluster
_task_name_ = tweakreg
input = *flt.fits  # of June
# as Jay said
updatewcs = no
[UPDATE HEADER]
wcsname = MINE     # a name of our own
[CATALOG FITTING PARAMETERS]
# milder
nclip = 5          # than usual
sigma = 3          # as ever
# and that is all
"""


def test_comments_stand_beside_their_values_or_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tweakreg.cfg").write_text(COMMENTED)
    assert main(["import", "tweakreg.cfg"]) == 0
    lines = Path("recipe.yaml").read_text().splitlines()
    for line in (
        "# the globular cluster",
        "# and that is all",
        "input: '*flt.fits'  # of June",
        "  nclip: 5  # milder than usual",
        "  wcsname: MINE  # a name of our own",
    ):
        assert line in lines
    assert read_yaml(Path("recipe.yaml")).value["catalog_fitting"] == {"nclip": 5}
    assert "comments beside updatewcs, sigma stay in the .cfg file" in capsys.readouterr().err


def test_the_first_run_of_a_file_with_all_of_their_defaults_waits_for_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    theirs = {p.path[-1]: p for p in THEIRS if p.tweakreg_default is not None}
    assert set(theirs) == {"interactive", "separation"}
    Path("tweakreg.cfg").write_text(
        "interactive = True  # \x1b[31m\nrefimage =\n"
        "[OBJECT MATCHING PARAMETERS]\nseparation = 0.5\ntolerance = 2  # wide\x1b[0m\n"
    )
    assert main(["import", "tweakreg.cfg"]) == 0
    text = Path("recipe.yaml").read_text()
    assert read_yaml(Path("recipe.yaml")).value == {
        "input": "*flt.fits",
        "object_matching": {"tolerance": 2},
    }
    assert "#     interactive: true\n#     object_matching.separation: 0.5\ninput" in text
    assert "tolerance: 2  # wide\\x1b[0m\n" in text
    assert "so that the first run writes its results; here it is false" in capsys.readouterr().err


def test_paths_of_the_working_directory_are_written_relative_to_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tweakreg.cfg").write_text(
        "input = @list.txt\nexclusions = /data/masks.txt\n"
        "[REFERENCE CATALOG DESCRIPTION]\nrefcat = gaia.cat\n"
    )
    assert main(["import", "tweakreg.cfg", "-o", "recipes/mine.yaml"]) == 0
    assert read_yaml(Path("recipes/mine.yaml")).value == {
        "input": "@../list.txt",
        "exclusions": "/data/masks.txt",
        "reference_catalog": {"refcat": "../gaia.cat"},
    }


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["no.cfg"], "no.cfg: cannot be read"),
        (["astro.cfg"], "holds the settings of astrodrizzle"),
        (["bad.cfg"], "bad.cfg: is not a TEAL configuration: .*line 2"),
        (["a.cfg", "b.cfg"], "b.cfg: is of imagefindpars as a.cfg is"),
    ],
)
def test_what_is_no_configuration_of_tweakreg_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    files: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("astro.cfg").write_text("_task_name_ = astrodrizzle\n")
    Path("bad.cfg").write_text("a = 1\nno equals sign\n")
    Path("a.cfg").write_text("threshold = 9\n")
    Path("b.cfg").write_text("_task_name_ = imagefindpars\nthreshold = 8\n")
    assert main(["import", *files]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not Path("recipe.yaml").exists()


def test_a_recipe_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tweakreg.cfg").write_text("nothing = 1\n")
    Path("recipe.yaml").write_text("input: mine\n")
    assert main(["import", "tweakreg.cfg"]) == 2
    assert Path("recipe.yaml").read_text() == "input: mine\n"
