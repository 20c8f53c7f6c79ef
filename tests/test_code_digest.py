"""A step's digest follows the code it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tweakreg_steps.workflow import code_digest


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small package in which one step imports one module."""
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "find.py").write_text("from tweakreg_steps.core import f\n")
    (tmp_path / "core.py").write_text('def f():\n    """Say."""\n    return 1\n')
    (tmp_path / "other.py").write_text("x = 1\n")
    monkeypatch.setattr(code_digest, "_PACKAGE", tmp_path)
    return tmp_path


def digest(package: Path) -> str:
    """Return the step's digest."""
    return code_digest.code_digests(["find"], cache=package / "cache.json")["find"]


def test_only_code_that_the_step_runs_counts(package: Path) -> None:
    before = digest(package)
    (package / "other.py").write_text("x = 2\n")
    (package / "core.py").write_text('def f():\n    """Tell."""\n    # why\n    return 1\n')
    assert digest(package) == before
    (package / "core.py").write_text("def f():\n    return 2\n")
    assert digest(package) != before


@pytest.mark.parametrize("left", [None, "", "{", "{}"])
def test_the_cache_changes_nothing(package: Path, left: str | None) -> None:
    before = digest(package)
    if left is not None:
        (package / "cache.json").write_text(left)
    assert digest(package) == before


def test_what_a_version_that_reads_code_in_another_way_has_left_is_not_believed(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(package)
    with monkeypatch.context() as patch:
        patch.setattr(code_digest, "_WAY", b"1\n")
        patch.setattr(code_digest, "_read_syntax", lambda text: (f"{len(text)}", []))
        (package / "cache.json").unlink()
        assert digest(package) != before
    assert digest(package) == before


@pytest.mark.parametrize(
    "changed",
    [
        "def f():\n    return 1, ()\n",
        "def f():\n    return '1'\n",
        "def f():\n    return +1\n",
        "def f(x=1):\n    return 1\n",
        "async def f():\n    return 1\n",
        "def f():\n    'Say.'\n    'more'\n    return 1\n",
        "def f():\n    return 1\n\n\nf.x = f[1], f[1:]\n",
        "def f():\n    del f\n    return 1\n",
    ],
)
def test_whatever_code_does_counts(package: Path, changed: str) -> None:
    before = digest(package)
    (package / "core.py").write_text(changed)
    assert digest(package) != before


@pytest.mark.parametrize("statement", ["from tweakreg_steps import {}", "import tweakreg_steps.{}"])
def test_an_import_inside_a_function_is_followed(package: Path, statement: str) -> None:
    (package / "core.py").write_text(f"def f():\n    {statement.format('other')}\n    return 1\n")
    before = digest(package)
    (package / "other.py").write_text("x = 2\n")
    assert digest(package) != before
