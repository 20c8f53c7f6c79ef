"""Imports run one way: headers, astrometry, files; nothing runs back up."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import tweakreg_steps

PACKAGE = Path(tweakreg_steps.__file__).parent
BELOW = {
    "fits_files": {"arrays", "errors", "atomic", "fits_files"},
    "astrometry": {"arrays", "errors", "atomic", "fit_file", "fits_files", "astrometry"},
    "headers": {"arrays", "errors", "atomic", "fit_file", "fits_files", "astrometry", "headers"},
}
"""What each room may import of this package."""


ORDER = (
    *(
        "arrays",
        "errors",
        "atomic",
        "printable",
        "text_file",
        "json_file",
        "fit_file",
        "yaml_source",
        "resources",
        "sections",
    ),
    "quiet",
    *("fits_files", "tables", "astrometry", "headers"),
    *("masking", "finding", "matching", "curing", "alignment", "solving", "psf", "refcat"),
    *("records", "scratch", "applying", "recipes", "reporting", "surveying"),
    *("steps", "provenance", "workflow", "reviewing", "running"),
    *("editing", "teal", "demo", "gui", "cli", "result", "tweakreg"),
)
"""All rooms, from the edge to the command line: each imports what stands before it, only."""


def imported(path: Path) -> set[str]:
    """Return the rooms and modules of this package that a module imports."""
    tree = ast.parse(path.read_text())
    names = [
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for name in (
            [f"{node.module}.{alias.name}" for alias in node.names]
            if node.module == "tweakreg_steps"
            else [node.module]
        )
    ]
    own = [name.split(".")[1] for name in names if name.startswith("tweakreg_steps.")]
    return set(own) - {"__version__"}


@pytest.mark.parametrize("room", sorted(BELOW))
def test_no_room_imports_one_above_it(room: str) -> None:
    files = sorted((PACKAGE / room).glob("*.py"))
    assert len(files) > 3
    found = {path.name: imported(path) - BELOW[room] for path in files}
    assert not {name: rooms for name, rooms in found.items() if rooms}


@pytest.mark.slow
def test_no_import_runs_back_up() -> None:
    rooms = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir()}
    rooms -= {"__init__", "__main__", "__pycache__", "py", "bundled"}
    assert rooms == set(ORDER)
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in ORDER:
            above = imported(path) & set(ORDER[ORDER.index(room) + 1 :])
            found |= {f"{room}/{path.name}": above} if above else {}
    assert found == {}
