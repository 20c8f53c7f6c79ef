"""The examples of the documentation run as they stand."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

import pytest
import yaml

from tweakreg_steps.cli import main
from tweakreg_steps.recipes.recipe import complete

DOCS = Path(__file__).resolve().parent.parent / "docs"


def examples(page: str, language: str) -> list[str]:
    """Return the examples of a page, without their indentation."""
    text = (DOCS / page).read_text(encoding="utf-8")
    block = re.compile(rf"^( *)```{language}\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(found[2]) for found in block.finditer(text)]


@pytest.mark.parametrize("example", examples("sources.md", "yaml"))
def test_the_examples_of_sources_are_valid(example: str) -> None:
    complete({"input": "a.fits", **yaml.safe_load(example)}, source=None, file=Path("recipe.yaml"))


def test_the_examples_in_python(flt_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for example in examples("python.md", "python"):
        exec(compile(example, "python.md", "exec"), names)  # noqa: S102  our own text
    said = capsys.readouterr()
    assert "paint02q_flt" in said.out
    assert "nothing to do" in said.err
    assert (flt_copy / "results" / "tweakreg" / "recipe-2.yaml").is_file()


def test_the_example_of_an_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tweakreg.cfg").write_text("input = *flc.fits\n")
    for command in examples("importing.md", "sh"):
        assert main(shlex.split(command)[1:]) == 0
    assert "input: '*flc.fits'" in Path("recipe.yaml").read_text()
