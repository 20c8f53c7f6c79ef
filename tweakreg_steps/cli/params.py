"""``tweakreg params``: the parameters, from the schema, and the reasons of the summary."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable

from tweakreg_steps.curing.reason_help import explain_code
from tweakreg_steps.errors import Reason, RecipeError
from tweakreg_steps.recipes.parameter_help import explain, overview
from tweakreg_steps.recipes.schema import Parameter, load_schema, parameters
from tweakreg_steps.workflow.consumption import consumers


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="a parameter, a section, or a reason of the summary; all parameters without it",
    )


def run(arguments: Namespace) -> int:
    """Print the parameters asked for."""
    if arguments.name in set(Reason):
        sys.stdout.write(explain_code(Reason(arguments.name)))
        return 0
    wanted = list(_select(arguments.name))
    if not wanted:
        raise RecipeError(_unknown(arguments.name))
    if arguments.name is None:
        sys.stdout.write(overview(wanted))
    else:
        sys.stdout.write("\n".join(explain(p, consumers().get(p.path, ())) for p in wanted))
    return 0


def _select(name: str | None) -> Iterable[Parameter]:
    """Return the parameters that `name` stands for."""
    if name is None:
        return parameters()
    return [p for p in parameters() if name in (p.name, p.path[-1], p.path[0])]


def _unknown(name: str) -> str:
    """Say that there is no such parameter, and which is nearest."""
    import difflib

    names = [*load_schema()["properties"], *(p.path[-1] for p in parameters()), *Reason]
    nearest = difflib.get_close_matches(name, names, n=1)
    return f"params: there is no parameter {name!r}" + (
        f"; the nearest is {nearest[0]}" if nearest else "; `tweakreg params` lists them all"
    )
