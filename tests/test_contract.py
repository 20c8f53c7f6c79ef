"""What must not drift apart: schema, steps, rules, recipes, documentation, manual."""

from __future__ import annotations

import importlib.util
import inspect
import re
from importlib import import_module
from pathlib import Path

import jsonschema
import pytest

from tweakreg_steps.planning.workplan import RULES as PLANNED
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.recipes.schema import Parameter, load_schema, parameters
from tweakreg_steps.recipes.yaml_source import read_yaml
from tweakreg_steps.resources import workflow_folder

ROOT = Path(__file__).resolve().parent.parent
RULES = {
    name
    for path in (workflow_folder() / "rules").glob("*.smk")
    for name in re.findall(r"^rule (\w+):", path.read_text(encoding="utf-8"), re.MULTILINE)
}
CONSUMERS = {
    "imagefindpars": ("find_sources", "finding.daofind", "find_sources_on_chip"),
    "object_matching": ("match_sources", "matching.matching", "match_sources"),
    "catalog_fitting": ("fit_alignment", "matching.fitting", "fit_pairs"),
    "acceptance": ("fit_alignment", "matching.acceptance", "judge_fit"),
    "reference_catalog": ("build_reference", "tables.reference_catalog", "read_reference_catalog"),
}
"""For each section the rule, and the module and name of the pure function that it is handed to."""


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(load_schema())


@pytest.mark.parametrize("parameter", parameters(), ids=lambda p: p.name)
def test_a_parameter_has_all_its_facts(parameter: Parameter) -> None:
    assert parameter.description.endswith((".", ")"))
    assert parameter.rule
    assert "default" in parameter.schema or parameter.path == ("input",)
    if "default" in parameter.schema:
        jsonschema.validate(parameter.default, parameter.schema)


@pytest.mark.parametrize("parameter", parameters(), ids=lambda p: p.name)
def test_a_built_parameter_names_a_rule_that_is_there(parameter: Parameter) -> None:
    if not parameter.pending:
        assert {parameter.rule} <= RULES | {"all", "log"}


def test_every_rule_is_planned_and_has_a_step_of_its_name() -> None:
    assert set(PLANNED) == RULES
    for rule in RULES:
        assert callable(import_module(f"tweakreg_steps.steps.{rule}").run)


@pytest.mark.parametrize("section", CONSUMERS)
def test_a_section_arrives_as_keywords_without_defaults(section: str) -> None:
    rule, module, function = CONSUMERS[section]
    pure = getattr(import_module(f"tweakreg_steps.{module}"), function)
    signature = inspect.signature(pure)
    keywords = {name: p for name, p in signature.parameters.items() if p.kind is p.KEYWORD_ONLY}
    names = {
        p.path[-1]
        for p in parameters()
        if p.path[0] == section and rule == p.rule and not (p.pending or p.switch or p.file)
    }
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


def test_the_reference_pages_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("make", ROOT / "docs" / "make_reference.py")
    assert spec
    assert spec.loader
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    for path, text in make.pages().items():
        assert path.read_text(encoding="utf-8") == text, "run: python docs/make_reference.py"
