"""All tuning constants stand in one place, each with its unit and what settled it."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MATCHING = ROOT / "tweakreg_steps" / "matching"
NO_TUNING = {"MINIMUM_PAIRS", "TWO_SIGMA", "_NORMAL_MEDIAN", "_CHIP_STEP", "_QUARTER_TURN"}
"""What follows from the mathematics, or keeps chips apart."""


def test_the_page_is_that_of_the_module() -> None:
    spec = importlib.util.spec_from_file_location("make", ROOT / "docs" / "make_tuning.py")
    assert spec
    assert spec.loader
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert make.PAGE.read_text(encoding="utf-8") == make.page(), "run: python docs/make_tuning.py"
    constants = [constant for _, some in make.sections() for constant in some]
    assert len(constants) > 60
    assert len({constant.name for constant in constants}) == len(constants)


@pytest.mark.parametrize("module", sorted(MATCHING.glob("*.py")), ids=lambda path: path.stem)
def test_no_number_hides_in_another_module(module: Path) -> None:
    if module.stem == "tuning":
        return
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            numbers = [
                part.value
                for part in ast.walk(node.value)
                if isinstance(part, ast.Constant) and isinstance(part.value, int | float)
            ]
            assert not numbers or ast.unparse(target) in NO_TUNING
