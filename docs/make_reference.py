"""Write the reference pages from the schema and the code, so that no fact has two homes.

usage: python docs/make_reference.py
"""  # noqa: INP001  a script beside the documentation, not a package

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from tweakreg_steps.errors import REASON_TEXTS
from tweakreg_steps.products.summary import SUMMARY_COLUMNS
from tweakreg_steps.recipes.schema import Parameter, allowed, load_schema, parameters
from tweakreg_steps.workflow.consumption import consumers

HERE = Path(__file__).resolve().parent
NOTE = "<!-- written by docs/make_reference.py; change the source it names, not this page -->\n"

PARAMETERS_TEXT = """\
Source: `schemas/recipe.schema.yaml`. Names are TweakReg's, letter for letter; a parameter marked
*ours* is not in TweakReg. The rule is the one that consumes the value: it, and what depends on
it, runs again when the value changes."""
SUMMARY_TEXT = """\
One row an image, in input order. `astropy.table.Table.read` reads it. The metadata names the
package version, the digest of the parameters on which the table depends, and the reference."""


def pages() -> dict[Path, str]:
    """Return the text of each page by its path."""
    return {
        HERE / "parameters.md": "\n".join(_parameters_page()) + "\n",
        HERE / "summary.md": "\n".join(_summary_page()) + "\n",
    }


def _parameters_page() -> Iterator[str]:
    """Yield the lines of the parameter reference."""
    yield "# Parameters"
    yield NOTE
    yield PARAMETERS_TEXT
    for section, group in groupby(parameters(), key=lambda p: p.path[:-1]):
        yield ""
        yield f"## {section[0] if section else 'Top level'}"
        if section:
            yield ""
            yield load_schema()["properties"][section[0]]["description"]
        yield ""
        yield from _parameter_rows(group)


def _parameter_rows(group: Iterable[Parameter]) -> Iterator[str]:
    """Yield the table of one section."""
    yield "| name | allowed | default | unit | used by | what |"
    yield "|---|---|---|---|---|---|"
    for p in group:
        marks = ["*ours*"] if p.tweakreg == "none" else []
        default = (
            json.dumps(p.default, ensure_ascii=False) if "default" in p.schema else "(required)"
        )
        rules = ", ".join(f"`{rule}`" for rule in sorted(consumers().get(p.path, ())))
        what = " ".join([_escaped(p.description), *marks])
        cells = (f"`{p.path[-1]}`", allowed(p.schema), f"`{default}`", p.unit, rules, what)
        yield f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Write a text so that Markdown shows it as it is."""
    for character in "\\*_<>|":
        text = text.replace(character, "\\" + character)
    return text


def _summary_page() -> Iterator[str]:
    """Yield the lines of the page about the summary."""
    yield "# summary.ecsv"
    yield NOTE
    yield SUMMARY_TEXT
    yield ""
    yield "| column | unit | what |"
    yield "|---|---|---|"
    for column in SUMMARY_COLUMNS:
        yield f"| `{column.name}` | {column.unit} | {column.description} |"
    yield ""
    yield "## Reasons"
    yield ""
    yield "Why an image is `not_aligned`. Its WCS stays as it was and its numbers are nan."
    yield ""
    yield "| reason | what it means |"
    yield "|---|---|"
    for reason, text in REASON_TEXTS.items():
        yield f"| `{reason.value}` | {text} |"


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
