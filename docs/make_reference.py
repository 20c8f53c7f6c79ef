"""Write the reference pages from the schema and the code, so that no fact has two homes.

usage: python docs/make_reference.py
"""  # noqa: INP001  a script beside the documentation, not a package

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from tweakreg_steps.curing.reason_help import REASON_HELP
from tweakreg_steps.errors import REASON_TEXTS
from tweakreg_steps.recipes.schema import Parameter, allowed, load_schema, parameters
from tweakreg_steps.reporting.summary_file import SUMMARY_COLUMNS
from tweakreg_steps.workflow.consumption import consumers

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import make_commands  # noqa: E402  beside this script
import make_products  # noqa: E402

NOTE = "<!-- written by docs/make_reference.py; change the source it names, not this page -->\n"

PARAMETERS_TEXT = """\
All parameters of a recipe, from `schemas/recipe.schema.yaml`. The names are those of TweakReg;
parameters marked *ours* do not exist there. The rules that use a value, and those that depend on
them, run again when it changes."""
SUMMARY_TEXT = """\
One row per image, in the order of the input. Read it with `astropy.table.Table.read`. The metadata
give the package version, the digest of the parameters on which the table depends, and the
reference."""

REASONS_TEXT = """\
For each image that is not aligned, `summary.ecsv` gives a `reason`, in `detail` what was found,
and in `cure` what to change. The cure is computed for the particular image. If its sources could
not be matched, larger search radii, triangles and larger tolerances are tried; if there are few
sources, lower thresholds; if a fit was refused, simpler geometries, other weights and stricter
clipping. The cure is the first of these that works. It is never applied automatically. A run ends
with the lines for the recipe:

```yaml
images:
  paint03q_flc:
    object_matching:
      searchrad: 15
```

`tweakreg suggest RECIPE` goes further: it searches the images for sources again and repeats
matching and fit with other parameters. `tweakreg why IMAGE` begins with the verdict, and
`tweakreg params REASON` prints the section of this page."""


def pages() -> dict[Path, str]:
    """Return the text of each page by its path."""
    return {
        HERE / "parameters.md": "\n".join(_parameters_page()) + "\n",
        HERE / "summary.md": "\n".join(_summary_page()) + "\n",
        HERE / "reasons.md": "\n".join(_reasons_page()) + "\n",
        HERE / "reference" / "products.md": "\n".join(make_products.lines(NOTE)) + "\n",
        HERE / "reference" / "commands.md": "\n".join(make_commands.lines(NOTE)) + "\n",
    }


def _parameters_page() -> Iterator[str]:
    """Yield the lines of the parameter reference."""
    yield "# Parameters"
    yield NOTE
    yield PARAMETERS_TEXT
    for section, group in groupby(parameters(), key=lambda p: p.path[:-1]):
        yield ""
        yield f"## {'.'.join(section) or 'Top level'}"
        if section:
            schema = load_schema()
            for name in section:
                schema = schema["properties"][name]
            yield ""
            yield schema["description"]
        yield ""
        yield from _parameter_rows(group)


def _parameter_rows(group: Iterable[Parameter]) -> Iterator[str]:
    """Yield the table of one section."""
    yield "| name | meaning |"
    yield "|---|---|"
    for p in group:
        default = json.dumps(p.default, ensure_ascii=False) if "default" in p.schema else ""
        rules = ", ".join(f"`{rule}`" for rule in sorted(consumers().get(p.path, ())))
        facts = (
            f"Default: `{default}`" if default else "Required",
            f"unit: {p.unit}" if p.unit else "",
            f"allowed: {_escaped(allowed(p.schema))}",
            f"used by {rules}" if rules else "",
            "*ours*" if p.tweakreg == "none" else "",
        )
        line = "; ".join(fact for fact in facts if fact)
        yield f"| `{p.path[-1]}` | {_escaped(p.description)}<br>{line} |"


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
    yield "Why an image is `not_aligned`. Its WCS is unchanged and its numbers are nan."
    yield ""
    yield "| reason | what it means |"
    yield "|---|---|"
    for reason, text in REASON_TEXTS.items():
        yield f"| [`{reason.value}`](reasons.md#{reason.value}) | {text} |"


def _reasons_page() -> Iterator[str]:
    """Yield the lines of the page about the reasons."""
    yield "# Why an image is not aligned"
    yield NOTE
    yield REASONS_TEXT
    for reason, text in REASON_TEXTS.items():
        given = REASON_HELP[reason]
        yield ""
        yield f"## {reason.value}"
        yield ""
        yield f"{text[0].upper()}{text[1:]}."
        yield ""
        yield f"**Causes.** {_escaped(given.causes)}"
        yield ""
        yield f"**Remedies.** {_escaped(given.cures)}"


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
