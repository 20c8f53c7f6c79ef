"""What the documentation names is there: commands, options, keys, files, columns."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tweakreg_steps.cli import build_parser
from tweakreg_steps.recipes.deprecated import REMOVED, RENAMED
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.recipes.schema import load_schema, parameters
from tweakreg_steps.tables.table_file import read_table

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    path
    for where in ("*.md", "docs/**/*.md", "examples/**/*.md", "config/*.md")
    for path in sorted(ROOT.glob(where))
]
SECTIONS = {p.path[0] for p in parameters() if len(p.path) > 1}
KEYS = {".".join(p.path) for p in parameters()}
OLD = {".".join(path) for path in (*RENAMED, *REMOVED)}


def page_id(path: Path) -> str:
    """Return the name of a page."""
    return str(path.relative_to(ROOT))


def blocks(text: str, *languages: str) -> Iterator[str]:
    """Yield the code blocks of a page in some languages, without their indentation."""
    names = "|".join(languages)
    for match in re.finditer(rf"^( *)```(?:{names})\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
        yield textwrap.dedent(match[2])


def spans(text: str) -> list[str]:
    """Return the pieces of code in the running text of a page."""
    return re.findall(
        r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    )


def recipes() -> Iterator[Any]:
    """Yield every block of YAML that holds keys of a recipe, as a parameter of a test."""
    for page in PAGES:
        for number, block in enumerate(blocks(page.read_text(encoding="utf-8"), "yaml")):
            tree = yaml.safe_load(block)
            if isinstance(tree, dict) and set(tree) & set(load_schema()["properties"]):
                yield pytest.param(tree, id=f"{page_id(page)}-{number}")


@pytest.mark.parametrize("tree", list(recipes()))
def test_the_recipes_of_the_pages_are_valid(tree: dict[str, Any]) -> None:
    tree.pop("extends", None)  # of a file that is not there
    complete({"input": "a.fits", **tree}, source=None, file=Path("recipe.yaml"))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_the_commands_of_the_pages_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = [line for block in blocks(text, "sh", "console") for line in block.splitlines()]
    for said in [*spans(text), *lines]:
        found = re.match(r"(?:\$ )?tweakreg ([a-z]+)\b([^#|]*)", said)
        if found:
            wrong = unknown_words(found[1], found[2])
            assert not wrong, f"{said!r}: the command line does not know {', '.join(wrong)}"


def unknown_words(command: str, rest: str) -> list[str]:
    """Return what the command line does not know of a command and its options."""
    parser: Any = build_parser([command])
    commands = next(a for a in parser._actions if hasattr(a, "choices") and a.choices).choices
    if command not in commands:
        return [command]
    known = set(options(commands[command]))
    return [word for word in re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest) if word not in known]


def options(parser: Any) -> Iterator[str]:  # noqa: ANN401  argparse has no public way
    """Yield the options of a command, and of commands below it."""
    yield from parser._option_string_actions
    for action in parser._actions:
        if isinstance(action.choices, dict):
            for below in action.choices.values():
                yield from options(below)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_the_keys_of_the_pages_are_there(page: Path) -> None:
    for said in spans(page.read_text(encoding="utf-8")):
        section, dot, key = said.partition(":")[0].partition(".")
        if dot and section in SECTIONS and re.fullmatch(r"(?!(?:cfg|json|yaml)$)[a-z0-9_]+", key):
            assert f"{section}.{key}" in KEYS | OLD, f"{said!r} is no parameter"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_the_files_of_the_pages_are_there(page: Path) -> None:
    folders = ("docs", "tests", "benchmarks", "tweakreg_steps", "schemas", "rules", "recipes")
    for said in spans(page.read_text(encoding="utf-8")):
        if said.startswith(tuple(f"{folder}/" for folder in folders)) and "*" not in said:
            places = [folder / said.split()[0] for folder in (ROOT, ROOT / "tweakreg_steps")]
            assert "{" in said or any(p.exists() for p in places), f"{said!r} is not there"


def test_the_page_of_products_has_every_column(tiny_run: Path) -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import make_products  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    out = tiny_run / "out"
    tables = {
        "CATALOG": out / "catalogs" / "paint02q_flc.fits",
        "SKY": out / "sky" / "paint02q_flc.fits",
        "REFERENCE_SOURCES": out / "reference" / "sources.fits",
        "MATCHES": out / "matches" / "paint02q_flc.ecsv",
        "PAIRS": out / "fits" / "paint02q_flc.ecsv",
        "SUMMARY_TABLE": out / "summary.ecsv",
    }
    for name, path in tables.items():
        declared = {column: unit for column, unit, text in make_products.columns_of(name) if text}
        table = read_table(path)
        units = {column: table.units.get(column, "") for column in table.columns}
        assert {c: declared.get(c, "not declared") for c in units} == units, name
