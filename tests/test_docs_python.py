"""The examples in Python of the how-to guides, on a finished run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from test_docs import examples

PRODUCT = "out/aligned/j9irw4b1q_flc.fits"


@pytest.fixture
def results(tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory in which a recipe ``night.yaml`` has run."""
    for path in tiny_run.glob("*.fits"):
        shutil.copyfile(path, tmp_path / path.name)
    shutil.copytree(tiny_run / "out", tmp_path / "results" / "night")
    recipe = (tiny_run / "recipe.yaml").read_text()
    (tmp_path / "night.yaml").write_text(recipe.replace("outdir: out\n", ""))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_examples(page: str, *changes: tuple[str, str]) -> dict[str, object]:
    """Run what a page shows, with names of these exposures; return its names."""
    names: dict[str, object] = {}
    for example in examples(page, "python"):
        text = example
        for old, new in changes:
            text = text.replace(old, new)
        exec(compile(text, page, "exec"), names)  # noqa: S102  our own text
    return names


@pytest.mark.usefixtures("results")
def test_a_nightly_run_lists_what_failed() -> None:
    names = run_examples("howto/nightly.md")
    assert names["status"] == 0
    assert len(names["summary"]) == 3  # type: ignore[arg-type]


def test_the_statement_of_an_aligned_file(tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_run)
    assert PRODUCT in "".join(examples("provenance.md", "python"))
    run_examples("provenance.md", (PRODUCT, "out/aligned/paint02q_flc.fits"))


@pytest.mark.usefixtures("flt_copy")
def test_a_notebook_shows_its_table_and_a_plot() -> None:
    changes = ("*_flc.fits", "*_flt.fits"), ("b_flc", "paint02q_flt")
    summary = run_examples("howto/notebooks.md", *changes)["summary"]
    assert list(summary["status"]) == ["reference", "aligned", "aligned", "aligned"]  # type: ignore[index]
