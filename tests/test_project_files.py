"""What people and services read of the project beside its code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from skies import Scene
from tiny import copy_tiny

from tweakreg_steps import __version__

ROOT = Path(__file__).resolve().parent.parent


def read_yaml(name: str) -> Any:  # noqa: ANN401  a YAML value
    """Read a YAML file of the checkout."""
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_citation_is_valid_and_of_this_version() -> None:
    schema = json.loads((ROOT / "tests" / "data" / "cff-1.2.0.schema.json").read_text())
    citation = read_yaml("CITATION.cff")
    jsonschema.Draft7Validator(schema).validate(citation)
    assert citation["version"] == __version__


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == __version__


def test_the_oldest_snakemake_has_one_value() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bound = next(x for x in project["dependencies"] if x.startswith("snakemake"))
    asked = re.search(r'min_version\("(.*)"\)', (ROOT / "Snakefile").read_text())
    assert asked
    assert bound == f"snakemake>={asked[1]}"


def test_the_matrix_is_that_of_the_classifiers() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = [
        found[1]
        for text in project["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text))
    ]
    jobs = read_yaml(".github/workflows/check.yml")["jobs"]
    assert jobs["fast"]["strategy"]["matrix"]["python"] == versions
    assert project["requires-python"] == f">={versions[0]}"


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yml")), ids=lambda path: path.name
)
def test_issue_templates_ask_something(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.name != "config.yml":
        assert {"name", "description", "body"} <= set(form)
        assert all(field["attributes"]["label"] for field in form["body"])


def test_check_says_what_it_does() -> None:
    done = subprocess.run([ROOT / "check", "--help"], capture_output=True, text=True, check=True)
    assert "minutes" in done.stdout
    wrong = subprocess.run([ROOT / "check", "fats"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "'fats'" in wrong.stderr


@pytest.mark.workflow
def test_the_workflow_is_where_the_catalog_looks(tiny_exposures: Scene, tmp_path: Path) -> None:
    assert read_yaml(".snakemake-workflow-catalog.yml")["usage"]["report"]
    assert (ROOT / "config" / "README.md").is_file()
    copy_tiny(tiny_exposures, tmp_path / "config", number=2)
    (tmp_path / "config" / "config.yaml").write_text((ROOT / "config" / "config.yaml").read_text())
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "Snakefile").write_text(  # what snakedeploy deploy-workflow writes
        'configfile: "config/config.yaml"\n'
        f'module tweakreg:\n    snakefile: "{ROOT / "workflow" / "Snakefile"}"\n'
        "    config: config\n"
        "use rule * from tweakreg\n"
    )
    command = [sys.executable, "-m", "snakemake", "-n", "-c1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^update_header +2$", done.stdout, re.MULTILINE)
