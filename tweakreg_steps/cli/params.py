"""``tweakreg params``: the parameters, from the schema."""

from __future__ import annotations

import json
import sys
import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.schema import Parameter, allowed, load_schema, parameters

_WIDTH = 88


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a parameter or a section; all of them without it"
    )


def run(arguments: Namespace) -> int:
    """Print the parameters asked for."""
    wanted = list(_select(arguments.name))
    if not wanted:
        raise RecipeError(_unknown(arguments.name))
    if arguments.name is None:
        sys.stdout.write(_overview(wanted))
    else:
        sys.stdout.write("\n".join(_explain(parameter) for parameter in wanted))
    return 0


def _select(name: str | None) -> Iterable[Parameter]:
    """Return the parameters that `name` stands for."""
    if name is None:
        return parameters()
    return [p for p in parameters() if name in (p.name, p.path[-1], p.path[0])]


def _unknown(name: str) -> str:
    """Say that there is no such parameter, and which is nearest."""
    import difflib

    names = [*load_schema()["properties"], *(p.path[-1] for p in parameters())]
    nearest = difflib.get_close_matches(name, names, n=1)
    return f"params: there is no parameter {name!r}" + (
        f"; the nearest is {nearest[0]}" if nearest else "; `tweakreg params` lists them all"
    )


def _overview(wanted: Iterable[Parameter]) -> str:
    """One line for each parameter."""
    rows = [(p.name, _default(p), p.unit) for p in wanted]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return "".join(f"{n:{widths[0]}}  {d:{widths[1]}}  {u}".rstrip() + "\n" for n, d, u in rows)


def _default(parameter: Parameter) -> str:
    """Show a parameter's default as a recipe would write it."""
    if "default" not in parameter.schema:
        return "(required)"
    return json.dumps(parameter.default, ensure_ascii=False)


def _explain(parameter: Parameter) -> str:
    """Explain one parameter."""
    lines = [
        parameter.name,
        *textwrap.wrap(
            parameter.description, _WIDTH, initial_indent="    ", subsequent_indent="    "
        ),
        f"    allowed:  {allowed(parameter.schema)}",
        f"    default:  {_default(parameter)}",
        *([f"    unit:     {parameter.unit}"] if parameter.unit else []),
        f"    rule:     {parameter.rule}",
        f"    TweakReg: {parameter.tweakreg}",
        *([f"    not built yet; {parameter.pending}"] if parameter.pending else []),
    ]
    return "\n".join(lines) + "\n"
