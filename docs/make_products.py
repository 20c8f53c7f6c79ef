"""The page of the products, from the declarations of the steps; part of make_reference.py."""  # noqa: INP001

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import pairwise
from pathlib import Path

from tweakreg_steps.reporting.summary_file import SUMMARY_COLUMNS
from tweakreg_steps.steps import all_steps, products
from tweakreg_steps.steps.declaration import Per, Product, Read, Step

TEXT = """\
Every file that a recipe may make, where it stands in the output folder, which step makes it, and
which steps read it. `{image}` is the name of an exposure without its ending, `{file}` its file
name. *Intermediate* products are read by other steps only; `clean: true` removes them. Tables are
ECSV, long lists of sources FITS: `astropy.table.Table.read` gives columns and units. The
descriptions are those of the columns in ECSV, the cards `TCOMMn` in FITS, whose metadata are JSON,
the bytes of the image `META`. JSON files hold plain values. All of them
[say what made them](../provenance.md).

Pixels are FITS pixels: the centre of the first one is 1. Those of the *reference plane* are the
pixels of `reference/wcs.fits`.
"""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "CATALOG": ("finding.given_catalogs", "finding.image_catalog"),
    "SKY": ("finding.sky_list",),
    "REFERENCE_SOURCES": ("alignment.reference_list",),
    "EXPANDED_SOURCES": ("alignment.reference_list",),
    "MATCHES": ("alignment.match_table",),
    "PAIRS": ("alignment.match_table", "alignment.fitted_image"),
}
"""The modules that declare the columns of a table, in ``UNITS`` and ``DESCRIPTIONS``."""


def lines(note: str) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# Products"
    yield note
    yield TEXT
    makers, readers = _uses()
    texts = _docstrings()
    declared = {name: p for name, p in vars(products).items() if isinstance(p, Product)}
    yield "| file | what | made by | read by |"
    yield "|---|---|---|---|"
    for name, product in declared.items():
        mark = " *Intermediate.*" if product.is_intermediate else ""
        made, read = makers.get(product.pattern, []), readers.get(product.pattern, [])
        cells = (f"`{product.pattern}`", texts[name] + mark, _code(made), _code(read))
        yield f"| {' | '.join(cells)} |"
    for name, product in declared.items():
        rows = list(columns_of(name))
        if rows:
            yield ""
            yield f"## `{product.pattern}`"
            yield ""
            yield texts[name]
            yield ""
            yield "| column | unit | what |"
            yield "|---|---|---|"
            yield from (f"| `{column}` | {unit} | {text} |" for column, unit, text in rows)


def columns_of(name: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, unit and description of each column that a product may have."""
    if name == "SUMMARY_TABLE":
        yield from ((c.name, c.unit, c.description) for c in SUMMARY_COLUMNS)
        return
    units: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    for module in (import_module(f"tweakreg_steps.{path}") for path in COLUMNS.get(name, ())):
        units |= module.UNITS
        descriptions |= module.DESCRIPTIONS
    for column, text in descriptions.items():
        yield column, units.get(column, ""), text


def _uses() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return which rules write, and which read, the products, by pattern."""
    makers: dict[str, list[str]] = {}
    readers: dict[str, list[str]] = {}
    for rule, step in all_steps().items():
        taken = [r.product if isinstance(r, Read) else r for r in step.reads.values()]
        for product in taken:
            readers.setdefault(product.pattern, []).append(rule)
        for product in _written(step, taken):
            makers.setdefault(product.pattern, []).append(rule)
    return makers, readers


def _written(step: Step, taken: list[Product]) -> list[Product]:
    """Return what a step may write.

    Where that follows from the recipe, it is what the module of the step names and does not read.
    """
    if not callable(step.writes):
        return list(step.writes.values())
    named = [p for p in vars(import_module(step.module)).values() if isinstance(p, Product)]
    is_of_all = step.per is Per.ALL
    return [p for p in named if p not in taken and not (is_of_all and "{image}" in p.pattern)]


def _docstrings() -> dict[str, str]:
    """Return the text below each product in its module."""
    body = ast.parse(Path(products.__file__).read_text(encoding="utf-8")).body
    return {
        one.targets[0].id: " ".join(str(ast.literal_eval(other.value)).split()).replace("``", "`")
        for one, other in pairwise(body)
        if isinstance(one, ast.Assign)
        and isinstance(one.targets[0], ast.Name)
        and isinstance(other, ast.Expr)
    }


def _code(names: list[str]) -> str:
    """Return names as code."""
    return ", ".join(f"`{name}`" for name in names)
