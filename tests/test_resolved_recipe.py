"""The complete recipe that stands beside the results."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from forked_run import execute
from rich_runs import make_association
from test_workplan import image

from tweakreg_steps import __version__
from tweakreg_steps.recipes.recipe import Recipe, complete, load_recipe
from tweakreg_steps.recipes.schema import parameters, value_at
from tweakreg_steps.records.outdir_files import INPUT_LIST, RESOLVED_RECIPE
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.workflow.resolved_recipe import resolved_text
from tweakreg_steps.yaml_source import parse_yaml


@pytest.mark.parametrize("text", ["1e3", "no", "012", "1:30", "null"])
def test_a_text_that_looks_like_something_else_stays_a_text(text: str) -> None:
    given = {"input": "a.fits", "headerlet_creation": {"headerlet": True, "author": text}}
    recipe = complete(given, source=None, file=Path("/data/recipe.yaml"))
    resolved = resolved_text(recipe, Findings(images=(image("a"),)))
    read = parse_yaml(resolved, name="resolved").value
    assert read["headerlet_creation"]["author"] == text


NOT_COMPARED = {
    ".tweakreg",
    ".snakemake",
    ".tweakreg.lock",
    "digests",
    "logs",
    "tweakreg.log",
    "manifest.json",
}
"""What holds times, the name of the recipe's file, or where reference files are."""


def results(outdir: Path) -> dict[str, bytes]:
    """Return the content of every product, and of what stands beside them."""
    return {
        str(name): (outdir / name).read_bytes()
        for name in (path.relative_to(outdir) for path in outdir.rglob("*") if path.is_file())
        if name.parts[0] not in NOT_COMPARED
    }


def named_paths(recipe: Recipe) -> list[str]:
    """Return every path in a recipe."""
    values = [value_at(recipe.values, p.path) for p in parameters() if p.file]
    given = recipe.values["input"]
    values += [given] if isinstance(given, str) else given
    return [value.removeprefix("@") for value in values if value]


def run_elsewhere(
    folder: Path, outdir: str, copy: Path, jref: Path, *, forked: bool = True
) -> Path:
    """Run the complete recipe of a run from copies of its inputs alone; return its outdir.

    Neither the recipe nor the lists that it names are there, nor anything of the environment.
    Where it is not forked, nothing of this process is there either.
    """
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("out", "results", "*.list"))
    (copy / "recipe.yaml").unlink()
    there = copy / outdir
    there.mkdir(parents=True)
    for name in (RESOLVED_RECIPE, INPUT_LIST):
        if (folder / outdir / name).is_file():
            shutil.copyfile(folder / outdir / name, there / name)
    working = copy / "elsewhere"
    working.mkdir()
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment |= {"HOME": str(working), "jref": f"{jref}/", "LC_ALL": "C"}
    words = ["run", str(there / RESOLVED_RECIPE), "-j1"]
    if forked:
        execute(words, working, environment).check_returncode()
    else:
        command = [sys.executable, "-P", "-m", "tweakreg_steps", *words]
        subprocess.run(command, cwd=working, env=environment, check=True, capture_output=True)
    return there


@pytest.mark.parametrize("kind", ["updated", "sequence", "association"])
def test_the_complete_recipe_makes_every_product_again_byte_for_byte(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, jref: Path
) -> None:
    if kind == "association":
        folder, outdir = tmp_path / "association", "out"
        folder.mkdir()
        make_association(folder, request.getfixturevalue("small_scene"))
    else:
        folder = request.getfixturevalue(f"{kind}_run")
        outdir = {"updated": "out", "sequence": "results/sequence"}[kind]
    recipe = load_recipe(folder / outdir / RESOLVED_RECIPE)
    assert not [path for path in named_paths(recipe) if Path(path).is_absolute()]
    forked = kind != "association"
    there = run_elsewhere(folder, outdir, tmp_path / "copy", jref, forked=forked)
    before, after = results(folder / outdir), results(there)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []
    assert len(before) > 10


def test_the_head_says_how_to_use_it() -> None:
    recipe = complete({"input": "a.fits"}, source=None, file=Path("/data/recipe.yaml"))
    text = resolved_text(recipe, Findings(images=(image("a"),)))
    assert text.startswith(f"# The complete recipe of a run of tweakreg-steps {__version__}: ")
    assert f"#     tweakreg run {RESOLVED_RECIPE}\n" in text


@pytest.mark.parametrize("path", ["sky.cat", "/data/sky.cat"])
def test_a_file_is_named_from_the_output_folder_however_it_was_given(path: str) -> None:
    given = {"input": "a.fits", "outdir": "results/one", "reference_catalog": {"refcat": path}}
    recipe = complete(given, source=None, file=Path("/data/recipe.yaml"))
    resolved = resolved_text(recipe, Findings(images=(image("a"),)))
    read = parse_yaml(resolved, name="resolved").value
    assert read["reference_catalog"]["refcat"] == "../../sky.cat"


@pytest.mark.parametrize("method", ["single", "simultaneous"])
def test_its_own_defaults_invite_no_trouble(tmp_path: Path, method: str) -> None:
    given = {"input": "a.fits", "solution": {"method": method}}
    recipe = complete(given, source=None, file=tmp_path / "recipe.yaml")
    assert not recipe.warnings
    resolved = resolved_text(recipe, Findings(images=(image("a"),)))
    read = parse_yaml(resolved, name="resolved").value
    assert not complete(read, source=None, file=tmp_path / RESOLVED_RECIPE).warnings
    read["headerlet_creation"]["author"] = "somebody"
    (said,) = complete(read, source=None, file=tmp_path / RESOLVED_RECIPE).warnings
    assert said.startswith("headerlet_creation: author have no effect while")
