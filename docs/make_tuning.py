"""Write the page of the tuning constants from their module.

usage: python docs/make_tuning.py
"""  # noqa: INP001  a script beside the documentation, not a package

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "tweakreg_steps" / "matching" / "tuning.py"
PAGE = HERE / "tuning.md"
ENTRY = re.compile(r"\[(?P<unit>[^\]]+)\] (?P<what>.*) Settled by: (?P<where>.*)\.$")

TEXT = """\
<!-- written by docs/make_tuning.py; change tweakreg_steps/matching/tuning.py, not this page -->

Matching and fitting need some numbers that do not follow from physics. They are not parameters of
a recipe: the same values are used for all scenes of the [robustness set](robustness.md). *Settled
by* tells how a value was chosen: with a benchmark, by simulations in a test, or with the scenes of
set 0, with which the method was developed before set 1 was run. Ratios have the unit 1."""


class Constant(NamedTuple):
    """A tuning constant: a row of the page."""

    name: str
    value: str
    unit: str
    what: str
    where: str


def sections() -> Iterator[tuple[str, list[Constant]]]:
    """Yield the title and the constants of each section of the module, in its order."""
    text = SOURCE.read_text(encoding="utf-8")
    titles = [(m.start(), m[1]) for m in re.finditer(r"^# (.+)$", text, re.MULTILINE)]
    starts = [(text[:start].count("\n") + 1, title) for start, title in titles]
    found = list(_constants(text))
    for (first, title), (last, _) in pairwise([*starts, (text.count("\n") + 2, "")]):
        yield title, [constant for line, constant in found if first < line < last]


def _constants(text: str) -> Iterator[tuple[int, Constant]]:
    """Yield the line and the content of each constant."""
    for one, other in pairwise(ast.parse(text).body):
        if isinstance(one, ast.Assign | ast.AnnAssign) and isinstance(other, ast.Expr):
            target = one.targets[0] if isinstance(one, ast.Assign) else one.target
            docstring = " ".join(str(ast.literal_eval(other.value)).split())
            entry = ENTRY.match(docstring)
            if entry is None:
                message = f"{ast.unparse(target)}: '[unit] What it is. Settled by: what.' is wanted"
                raise ValueError(message)
            value = ast.unparse(one.value) if one.value else ""
            row = Constant(ast.unparse(target), " ".join(value.split()), **entry.groupdict())
            yield one.lineno, row


def page() -> str:
    """Return the text of the page."""
    lines = ["# Tuning constants", "", TEXT]
    for title, constants in sections():
        lines += ["", f"## {title}", "", "| name | value | unit | what | settled by |"]
        lines += ["|---|---|---|---|---|"]
        lines += [
            f"| `{c.name}` | {c.value} | {c.unit} | {c.what.replace('``', '`')} | {c.where} |"
            for c in constants
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
