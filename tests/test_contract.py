"""What must not drift apart: schema, steps, rules, recipes, documentation, manual."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import jsonschema
import pytest
from effect_names import PREFIX

from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.recipes.schema import Parameter, load_schema, parameters
from tweakreg_steps.resources import workflow_folder
from tweakreg_steps.steps import all_steps
from tweakreg_steps.steps.declaration import Read, Step
from tweakreg_steps.workflow.consumption import consumers
from tweakreg_steps.yaml_source import read_yaml

ROOT = Path(__file__).resolve().parent.parent
RULES = {
    name
    for path in (workflow_folder() / "rules").glob("*.smk")
    for name in re.findall(
        r"^use rule step as (\w+) with:", path.read_text(encoding="utf-8"), re.MULTILINE
    )
}
SHAPES = {"use_sharp_round", "sharplo", "sharphi", "roundlo", "roundhi"}
CONSUMERS = {
    "find_sources": ("tweakreg_steps.finding.daofind", "find_sources_on_chip", "imagefindpars"),
    "find_sources by SExtractor": (
        "tweakreg_steps.finding.sextractor",
        "extract_sources_on_chip",
        "imagefindpars",
    ),
    "find_sources by IRAF": (
        "tweakreg_steps.finding.irafstarfind",
        "find_iraf_sources",
        "imagefindpars",
    ),
    "find_sources by segmentation": (
        "tweakreg_steps.finding.segmentation",
        "find_segments",
        "imagefindpars",
    ),
    "find_sources on a map": (
        "tweakreg_steps.finding.background",
        "subtract_background",
        "imagefindpars",
    ),
    "read_catalogs": (
        "tweakreg_steps.tables.coordinate_catalog",
        "read_coordinate_catalog",
        "coordinate_file",
    ),
    "match_sources": ("tweakreg_steps.matching.matching", "match_sources", "object_matching"),
    "fit_alignment": ("tweakreg_steps.matching.fitting", "fit_pairs", "catalog_fitting"),
    "fit_alignment judged": ("tweakreg_steps.matching.acceptance", "judge_fit", "acceptance"),
    "build_reference": (
        "tweakreg_steps.tables.reference_catalog",
        "read_reference_catalog",
        "reference_catalog",
    ),
}
"""The pure function that each rule hands its section to."""
MAP = {"background", "backsize", "backfiltersize"}
SEGMENTS = {"minarea", "deblend_levels", "deblend_contrast"}
NOT_TAKEN = {
    "find_sources": {"finder", "sextractor", *MAP, *SEGMENTS},
    "find_sources by SExtractor": {"finder", *SHAPES, *MAP, *SEGMENTS},
    "find_sources by IRAF": {"finder", "sextractor", "ratio", "theta", *MAP, *SEGMENTS},
    "find_sources by segmentation": {"finder", "sextractor", *SHAPES, *MAP},
    "find_sources on a map": {
        p.path[-1] for p in parameters() if p.path[0] == "imagefindpars" and p.path[-1] not in MAP
    }
    | {"background"},
}
"""What is for another finder."""


def test_every_finder_of_the_schema_is_there() -> None:
    from tweakreg_steps.finding.finders import FINDERS

    (finder,) = [p for p in parameters() if p.name == "imagefindpars.finder"]
    assert list(FINDERS) == finder.schema["enum"]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(load_schema())


@pytest.mark.parametrize("parameter", parameters(), ids=lambda p: p.name)
def test_a_parameter_has_all_its_facts(parameter: Parameter) -> None:
    assert parameter.description.endswith((".", ")"))
    assert "default" in parameter.schema or parameter.path == ("input",)
    if "default" in parameter.schema:
        jsonschema.validate(parameter.default, parameter.schema)


@pytest.mark.parametrize("parameter", parameters(), ids=lambda p: p.name)
def test_a_parameter_is_consumed_by_a_step_or_is_none_of_theirs(parameter: Parameter) -> None:
    is_theirs = not (parameter.switch or parameter.file or parameter.of_run)
    if parameter.path[0] == "refimagefindpars":
        used = ("imagefindpars", *parameter.path[1:])
    else:
        used = parameter.path
    planned = {("updatewcs",)}  # decides whether there are jobs at all
    assert bool(consumers().get(used)) == (is_theirs and used not in planned)


def test_every_rule_is_that_of_a_step_and_the_other_way_round() -> None:
    assert set(all_steps()) == RULES


@pytest.mark.parametrize("step", all_steps().values(), ids=lambda step: step.rule)
def test_a_step_runs_before_those_that_read_what_it_writes(step: Step) -> None:
    order = list(all_steps())
    for read in step.reads.values():
        product = read.product if isinstance(read, Read) else read
        makers = [
            other.rule
            for other in all_steps().values()
            if not callable(other.writes) and product in other.writes.values()
        ]
        assert makers, product
        assert all(order.index(maker) < order.index(step.rule) for maker in makers)


@pytest.mark.parametrize("rule", CONSUMERS)
def test_a_section_arrives_as_keywords_without_defaults(rule: str) -> None:
    module, function, section = CONSUMERS[rule]
    signature = inspect.signature(getattr(import_module(module), function))
    keywords = {name: p for name, p in signature.parameters.items() if p.kind is p.KEYWORD_ONLY}
    names = {
        p.path[-1]
        for p in parameters()
        if p.path[0] == section and rule.partition(" ")[0] in consumers().get(p.path, ())
    } - NOT_TAKEN.get(rule, set())
    assert names
    assert names <= set(keywords)
    assert not [name for name in names if keywords[name].default is not inspect.Parameter.empty]


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda p: p.name)
def test_a_shipped_recipe_is_valid_and_holds_no_default(path: Path) -> None:
    load_recipe(path)
    given = read_yaml(path).value
    for parameter in parameters():
        value = given
        for key in parameter.path:
            value = value.get(key, {}) if isinstance(value, dict) else {}
        if value not in ({}, None) and parameter.path != ("input",):
            allowed_default = path.name != "minimal.yaml" and parameter.path[-1] in (
                "conv_width",
                "searchrad",
            )
            assert value != parameter.default or allowed_default, parameter.name


@pytest.mark.slow
def test_the_effect_of_every_parameter_is_shown_on_a_product() -> None:
    arguments = ["-c", "pyproject.toml", "--rootdir", ".", "-p", "effect_names", "--collect-only"]
    arguments += ["-q", "-p", "no:cacheprovider"]
    modules = sorted((ROOT / "tests").glob("test_*.py"))
    some = [str(path) for path in modules if "mark.effect" in path.read_text(encoding="utf-8")]
    listed = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", *arguments, *some],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shown = {line.removeprefix(PREFIX) for line in listed.splitlines() if line.startswith(PREFIX)}
    assert shown == {parameter.name for parameter in parameters()}


def test_the_reference_pages_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("make", ROOT / "docs" / "make_reference.py")
    assert spec
    assert spec.loader
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    for path, text in make.pages().items():
        assert path.read_text(encoding="utf-8") == text, "run: python docs/make_reference.py"
