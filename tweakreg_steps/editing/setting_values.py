"""Setting single values in the text of a recipe, all else and every comment left as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.yaml_source import parse_yaml, write_yaml

_STEP = 2
"""Columns by which a new section is indented."""


def set_values(text: str, changes: Mapping[str, Any], *, name: str) -> str:
    """Return the text of a recipe in which some values are others.

    Parameters
    ----------
    text
        The recipe, YAML.
    changes
        The new values, nested as in the recipe; what it lacks is added.
    name
        What messages call the recipe.

    Raises
    ------
    RecipeError
        The text is written so that it cannot be done without writing it anew.
    """
    before = parse_yaml(text, name=name).value or {}
    for path, value in _leaves(changes, ()):
        text = _set(text, path, value)
    try:
        after = parse_yaml(text, name=name).value
    except RecipeError:
        after = None
    if after != merge(before, dict(changes)):
        raise RecipeError(
            f"{name}: is written in a way in which values cannot be set one by one; write them "
            "into it with `tweakreg edit`"
        )
    return text


def unset_value(text: str, path: tuple[str, ...], *, name: str) -> str:
    """Return the text of a recipe without one of its keys; a section left empty goes with it.

    Parameters
    ----------
    text
        The recipe, YAML.
    path
        The keys that lead to the one to remove; where it is not there, nothing is changed.
    name
        What messages call the recipe.

    Raises
    ------
    RecipeError
        The text is written so that it cannot be done without writing it anew.
    """
    before = parse_yaml(text, name=name).value
    wanted = _without(before, path)
    if wanted == before:
        return text
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    removed = text
    for depth, key in enumerate(path):
        pair = _pair(node, key)
        if pair is None:
            break
        if depth == len(path) - 1 or len(_reached(wanted, path[: depth + 1])) == 0:
            removed = _cut(text, node, pair)
            break
        node = pair[1]
    if _parsed(removed, name) != wanted:
        raise RecipeError(
            f"{name}: is written in a way in which {'.'.join(path)} cannot be taken out by itself; "
            "take it out of the text"
        )
    return removed


def _without(tree: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401  any YAML value
    """Return a tree without one key, and without the mappings that are empty then."""
    if not isinstance(tree, Mapping) or path[0] not in tree:
        return tree
    kept = {key: child for key, child in tree.items() if key != path[0]}
    if len(path) == 1:
        return kept
    below = _without(tree[path[0]], path[1:])
    return {**tree, path[0]: below} if below or below == tree[path[0]] else kept


def _reached(tree: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401  any YAML value
    """Return what stands at a path; nothing where it leads nowhere."""
    for key in path:
        tree = tree.get(key, {}) if isinstance(tree, Mapping) else {}
    return tree if isinstance(tree, Mapping) else {}


def _cut(text: str, node: yaml.MappingNode, pair: tuple[yaml.Node, yaml.Node]) -> str:
    """Take one key and its value out of a mapping."""
    key, value = pair
    if not node.flow_style:
        lines = text.splitlines(keepends=True)
        start = key.start_mark.line
        return "".join([*lines[:start], *lines[_line_after(lines, key, value) :]])
    place = node.value.index(pair)
    if place + 1 < len(node.value):
        return text[: key.start_mark.index] + text[node.value[place + 1][0].start_mark.index :]
    start = node.value[place - 1][1].end_mark.index if place else key.start_mark.index
    return text[:start] + text[value.end_mark.index :]


def _parsed(text: str, name: str) -> Any:  # noqa: ANN401  any YAML value
    """Return what a text says; an empty one says an empty mapping, and one that is no YAML None."""
    try:
        value = parse_yaml(text, name=name).value
    except RecipeError:
        return None
    return {} if value is None else value


def _leaves(tree: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
    """Yield path and value of everything that is no mapping."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _set(text: str, path: tuple[str, ...], value: object) -> str:
    """Set one value."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None:
        return _ended(text) + _lines(path, value, 0)
    for depth, key in enumerate(path):
        found = _pair(node, key)
        if found is None:
            return _add(text, node, path[depth:], value)
        key_node, child = found
        is_last = depth == len(path) - 1
        if is_last or not isinstance(child, yaml.MappingNode):
            return _replace(text, key_node, child, path[depth + 1 :], value)
        node = child
    return text


def _pair(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return a key of a mapping and what it stands for."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((pair for pair in node.value if pair[0].value == key), None)


def _replace(
    text: str, key: yaml.Node, child: yaml.Node, rest: tuple[str, ...], value: object
) -> str:
    """Put a value, or a mapping that holds it, in the place of what a key stands for."""
    start, end = child.start_mark.index, child.end_mark.index
    if not rest:
        shown = _scalar(value)
        return f"{text[:start]}{' ' if text[start - 1] == ':' else ''}{shown}{text[end:]}"
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    kept = f"{text[:start].rstrip(' ')}{text[end:line_end]}"
    return f"{kept}\n{_lines(rest, value, key.start_mark.column + _STEP)}{text[line_end + 1 :]}"


def _add(text: str, node: yaml.MappingNode, path: tuple[str, ...], value: object) -> str:
    """Add a value at the end of a mapping."""
    if node.flow_style:
        place = node.end_mark.index - 1
        begin = ", " if node.value else ""
        return f"{text[:place]}{begin}{_flow(path, value)}{text[place:]}"
    lines = text.splitlines(keepends=True)
    last_key, last = node.value[-1]
    place = _line_after(lines, last_key, last)
    before, after = "".join(lines[:place]), "".join(lines[place:])
    return _ended(before) + _lines(path, value, node.start_mark.column) + after


def _line_after(lines: list[str], key: yaml.Node, value: yaml.Node) -> int:
    """Return the line behind a value: comments and blank lines behind it are not its own."""
    end: int = value.end_mark.line + (value.end_mark.column > 0)
    start: int = key.start_mark.line
    end = max(end, start + 1)
    while end > start + 1 and (
        not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")
    ):
        end -= 1
    return end


def _lines(path: tuple[str, ...], value: object, column: int) -> str:
    """Write a nested value as lines."""
    nested: Any = value
    for key in reversed(path):
        nested = {key: nested}
    return "".join(f"{' ' * column}{line}\n" for line in write_yaml(nested).splitlines())


def _flow(path: tuple[str, ...], value: object) -> str:
    """Write a nested value within braces."""
    text = _scalar(value)
    for depth, key in enumerate(reversed(path)):
        name = _scalar(key)
        text = f"{name}: {text}" if depth == 0 else f"{name}: {{{text}}}"
    return text


def _scalar(value: object) -> str:
    """Write a value on one line."""
    shown = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=float("inf")
    ).removesuffix("...\n")
    if isinstance(value, float):
        shown = f"{value:.12g}"
    return shown.strip()


def _ended(text: str) -> str:
    """Return a text that ends as a line does."""
    return text if not text or text.endswith("\n") else f"{text}\n"
