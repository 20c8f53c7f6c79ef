"""YAML files: read with the line of each key and with numbers as YAML 1.2 has them, and written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tweakreg_steps.errors import RecipeError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlSource:
    """A parsed YAML file.

    Attributes
    ----------
    value
        The document.
    lines
        The line (from 1) of each key or list item, by its path from the root.
    duplicates
        Keys that stand twice in one mapping: path and line of the later one.
    """

    value: Any
    lines: dict[KeyPath, int]
    duplicates: tuple[tuple[KeyPath, int], ...]


class _Yaml12Loader(yaml.SafeLoader):
    """YAML with the core schema of version 1.2: ``1e-3`` is a number and ``no`` is a string."""


class _AnyYamlDumper(yaml.SafeDumper):
    """Quotes every string that YAML 1.1 or 1.2 would read as something else."""


_AnyYamlDumper.yaml_implicit_resolvers = {
    first: list(found) for first, found in yaml.SafeDumper.yaml_implicit_resolvers.items()
}
_Yaml12Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"null|Null|NULL|~|", "nN~"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
):
    for _class in (_Yaml12Loader, _AnyYamlDumper):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}",
            re.compile(f"^(?:{_pattern})$"),
            [*_first, ""] if _tag == "null" else list(_first),
        )


def _construct_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    """Read an integer without YAML 1.1's octal and base-60 forms."""
    text = str(loader.construct_scalar(node))
    return int(text, 0 if text[:2].lower() in ("0x", "0o") else 10)


_Yaml12Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


def read_yaml(path: Path) -> YamlSource:
    """Read the YAML file at `path`.

    Raises
    ------
    RecipeError
        If the file cannot be read or is not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"{path}: cannot be read ({error}); name an existing YAML file"
        ) from error
    return parse_yaml(text, name=str(path))


def parse_yaml(text: str, *, name: str) -> YamlSource:
    """Parse the YAML document `text`; `name` is what error messages call it."""
    loader = _Yaml12Loader(text)
    try:
        node = loader.get_single_node()
        value = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error)
        raise RecipeError(f"{place}: not valid YAML: {problem}") from error
    finally:
        loader.dispose()
    lines: dict[KeyPath, int] = {}
    duplicates: list[tuple[KeyPath, int]] = []
    if node is not None:
        _collect_lines(node, (), lines, duplicates)
    return YamlSource(value, lines, tuple(duplicates))


def write_yaml(tree: Mapping[str, Any]) -> str:
    """Return a mapping as YAML that says the same to readers of version 1.1 and 1.2."""
    return yaml.dump(
        dict(tree), Dumper=_AnyYamlDumper, sort_keys=False, allow_unicode=True, width=100
    )


def _collect_lines(
    node: yaml.Node,
    path: KeyPath,
    lines: dict[KeyPath, int],
    duplicates: list[tuple[KeyPath, int]],
) -> None:
    """Record the line of every key below `node`."""
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key_path = (*path, str(key_node.value))
            line = key_node.start_mark.line + 1
            if key_path in lines:
                duplicates.append((key_path, line))
            lines[key_path] = line
            _collect_lines(value_node, key_path, lines, duplicates)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            _collect_lines(item, (*path, index), lines, duplicates)
