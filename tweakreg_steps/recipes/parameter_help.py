"""The parameters in words, from the schema."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable

from tweakreg_steps.recipes.schema import Parameter, allowed

_WIDTH = 88


def overview(wanted: Iterable[Parameter]) -> str:
    """Return one line for each parameter: name, default, unit."""
    rows = [(p.name, _default(p), p.unit) for p in wanted]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return "".join(f"{n:{widths[0]}}  {d:{widths[1]}}  {u}".rstrip() + "\n" for n, d, u in rows)


def _default(parameter: Parameter) -> str:
    """Show a parameter's default as a recipe would write it."""
    if "default" not in parameter.schema:
        return "(required)"
    return json.dumps(parameter.default, ensure_ascii=False)


def explain(parameter: Parameter, rules: Iterable[str]) -> str:
    """Return some lines that explain one parameter; `rules` are those that consume it."""
    lines = [
        parameter.name,
        *textwrap.wrap(
            parameter.description, _WIDTH, initial_indent="    ", subsequent_indent="    "
        ),
        f"    allowed:  {allowed(parameter.schema)}",
        f"    default:  {_default(parameter)}",
        *([f"    unit:     {parameter.unit}"] if parameter.unit else []),
        *([f"    used by:  {used}"] if (used := ", ".join(sorted(rules))) else []),
        f"    TweakReg: {parameter.tweakreg}",
    ]
    return "\n".join(lines) + "\n"
