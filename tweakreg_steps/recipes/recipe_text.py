"""The text of a recipe: what differs from the defaults, or every parameter as a comment."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from typing import Any

from tweakreg_steps.recipes.parameter_help import explain
from tweakreg_steps.recipes.schema import Parameter, allowed, load_schema, parameters
from tweakreg_steps.yaml_source import write_yaml

_WIDTH = 96

_HOW_TO_EDIT = """\
# A recipe; paths are relative to this file. Each line with one # shows a parameter with its
# default: take the # away, and that of its section's first line, to give it another value.
"""


def minimal_text(tree: Mapping[str, Any], *, about: str) -> str:
    """Return a recipe as YAML.

    Parameters
    ----------
    tree
        The recipe, without what has its default.
    about
        A line or more to stand above it as a comment.
    """
    comment = "".join(f"# {line}\n" for line in about.splitlines())
    return comment + write_yaml(tree)


def commented_recipe(inputs: str) -> str:
    """Return a recipe for `inputs` in which every other parameter stands as a comment."""
    sections = groupby(parameters(), key=lambda parameter: parameter.path[:-1])
    blocks = [_block(section, list(group)) for section, group in sections]
    return "\n".join([_HOW_TO_EDIT, write_yaml({"input": inputs}), *blocks])


def commented_section(section: str) -> str:
    """Return one section of a recipe as comments."""
    return _block((section,), [p for p in parameters() if p.path[:-1] == (section,)])


def _block(section: tuple[str, ...], group: list[Parameter]) -> str:
    """Return the parameters of one section, or of the top level, as comments."""
    lines: list[str] = []
    indent = ""
    if section:
        above: dict[str, Any] = load_schema()
        for name in section:
            above = above["properties"][name]
        indent = "  " * (len(section) - 1)  # a section in a section stands below the other's
        lines = [*_comment(above["description"], indent), f"#{indent}{section[-1]}:"]
        indent += "  "
    for parameter in group:
        if "default" not in parameter.schema:
            continue
        unit = f" [{parameter.unit}]" if parameter.unit else ""
        text = f"{parameter.description.rstrip('.')}{unit}: {allowed(parameter.schema)}."
        lines += [*_comment(text, indent), f"#{indent}{_entry(parameter)}"]
    return "\n".join(lines) + "\n"


def _comment(text: str, indent: str) -> Iterator[str]:
    """Yield a text as lines that stay comments when one # is taken away."""
    start = f"#{indent}# "
    yield from textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=start)


def _entry(parameter: Parameter) -> str:
    """Return a parameter with its default as one line of YAML."""
    return write_yaml({parameter.path[-1]: parameter.default}).rstrip("\n")


def comments_about(sections: Collection[str]) -> str:
    """Return the help on the parameters of some sections, or of all, as comments."""
    wanted = [p for p in parameters() if not sections or p.path[0] in sections]
    lines = "\n".join(explain(parameter, ()) for parameter in wanted).splitlines()
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)
