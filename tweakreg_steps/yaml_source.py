"""YAML files: read with the line of each key and with numbers as YAML 1.2 has them, and written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.error import MarkedYAMLError
from yaml.resolver import Resolver

from tweakreg_steps.errors import NotYamlError, RecipeError
from tweakreg_steps.text_file import read_small_file

KeyPath = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_BYTES = 4 << 20
"""The largest YAML file: a list of 20,000 exposures takes 1 MiB."""
_NODES = 60_000
"""The largest number of values and names; they are read and checked in a second."""
_DEPTH = 20
"""The deepest nesting; a recipe has 5 levels."""
_DIGITS = 20
_SHOWN = 40


@dataclass(frozen=True)
class YamlSource:
    """A parsed YAML file.

    Attributes
    ----------
    value
        The document.
    lines
        The line (from 1) of each key or list item, by its path from the root.
    columns
        The column (from 1) of each, likewise.
    duplicates
        Keys that stand twice in one mapping: path and line of the later one.
    """

    value: Any
    lines: dict[KeyPath, int]
    columns: dict[KeyPath, int]
    duplicates: tuple[tuple[KeyPath, int], ...]


def _loader_base() -> type[yaml.SafeLoader]:
    """Return the safe loader that composes in Python what libyaml, where it is there, has read."""
    if not yaml.__with_libyaml__:
        return yaml.SafeLoader
    parser: Any = import_module("yaml.cyaml").CParser

    class Loader(Composer, parser, SafeConstructor, Resolver):  # type: ignore[misc]
        def __init__(self, text: str) -> None:
            parser.__init__(self, text)
            for base in (Composer, SafeConstructor, Resolver):
                base.__init__(self)

    return cast("type[yaml.SafeLoader]", Loader)


if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = _loader_base()


class _Yaml12Loader(_Base):
    """YAML with the core schema of version 1.2: ``1e-3`` is a number and ``no`` is a string.

    What is larger or deeper than anybody writes is refused while it is read: an anchor counts
    each time that it is named, for each of them is a copy in the end.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._open: list[str | None] = []
        self._size = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node, and what is below it."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self._allow_alias(str(event.anchor), event.start_mark)
            return super().compose_node(parent, index)
        if len(self._open) >= _DEPTH:
            raise _problem(f"it is nested more than {_DEPTH} times", event.start_mark)
        before = self._size
        self._count(1, event.start_mark)
        self._open.append(event.anchor)
        node = super().compose_node(parent, index)
        self._open.pop()
        if event.anchor is not None:
            self._sizes[event.anchor] = self._size - before
        return node

    def _allow_alias(self, anchor: str, mark: Any) -> None:  # noqa: ANN401  either kind of a mark
        """Refuse an alias inside of what it names, and count what it stands for."""
        if anchor in self._open:
            raise _problem(f"*{anchor} stands inside of what it names", mark)
        self._count(self._sizes.get(anchor, 1), mark)

    def _count(self, number: int, mark: Any) -> None:  # noqa: ANN401  as above
        """Count values and names."""
        self._size += number
        if self._size > _NODES:
            raise _problem(f"it holds more than {_NODES} values and names", mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Read a mapping, all names in which are texts."""
        for key, _ in node.value:
            is_text = isinstance(key, yaml.ScalarNode) and key.tag in (_TAG + "str", _TAG + "merge")
            if not is_text:
                shown = repr(str(key.value)[:40]) if isinstance(key, yaml.ScalarNode) else "this"
                raise _problem(f"{shown} is a name, but no text; quote it", key.start_mark)
        return super().construct_mapping(node, deep)


def _problem(text: str, mark: Any) -> MarkedYAMLError:  # noqa: ANN401  either kind of a mark
    """Return the error that says what is wrong, and where."""
    return MarkedYAMLError(problem=text, problem_mark=mark)


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
            f"{_TAG}{_tag}",
            re.compile(f"^(?:{_pattern})$"),
            [*_first, ""] if _tag == "null" else list(_first),
        )


def _construct_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    """Read an integer without YAML 1.1's octal and base-60 forms."""
    text = str(loader.construct_scalar(node))
    try:
        if len(text) > _DIGITS:
            raise ValueError
        return int(text, 0 if text[:2].lower() in ("0x", "0o") else 10)
    except ValueError as error:
        raise _problem(f"{_short(text)} is no integer", node.start_mark) from error


def _construct_float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    """Read a number."""
    text = str(loader.construct_scalar(node))
    try:
        return float(re.sub(r"^([-+]?)\.(inf|nan)$", r"\1\2", text.lower()))
    except ValueError as error:
        raise _problem(f"{_short(text)} is no number", node.start_mark) from error


def _construct_bool(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bool:
    """Read a truth value."""
    text = str(loader.construct_scalar(node)).lower()
    if text not in ("true", "false"):
        raise _problem(f"{_short(text)} is neither true nor false", node.start_mark)
    return text == "true"


def _short(text: str) -> str:
    """Show the beginning of a text."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


_Yaml12Loader.yaml_constructors = {
    tag: function
    for tag, function in SafeConstructor.yaml_constructors.items()
    if tag is None or tag.removeprefix(_TAG) in ("str", "null", "map", "seq")
}
_Yaml12Loader.add_constructor(f"{_TAG}int", _construct_int)
_Yaml12Loader.add_constructor(f"{_TAG}float", _construct_float)
_Yaml12Loader.add_constructor(f"{_TAG}bool", _construct_bool)


def read_yaml(path: Path) -> YamlSource:
    """Read the YAML file at `path`.

    Raises
    ------
    RecipeError
        If the file cannot be read or is not YAML.
    """
    try:
        text = read_small_file(path, limit=_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"{path}: cannot be read (byte {error.start} is not UTF-8); save it as UTF-8"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecipeError(
            f"{path}: cannot be read ({reason}); name an existing YAML file"
        ) from error
    return parse_yaml(text, name=str(path))


def parse_yaml(text: str, *, name: str) -> YamlSource:
    """Parse the YAML document `text`; `name` is what error messages call it."""
    try:
        loader = _Yaml12Loader(text)
        node = loader.get_single_node()
        value = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error)
        raise NotYamlError(
            f"{place}: not valid YAML: {problem}", text=text, line=mark.line if mark else -1
        ) from error
    collected = _Places({}, {}, [])
    if node is not None:
        collected.collect(node, ())
    return YamlSource(value, collected.lines, collected.columns, tuple(collected.duplicates))


def write_yaml(tree: Mapping[str, Any]) -> str:
    """Return a mapping as YAML that says the same to readers of version 1.1 and 1.2."""
    return yaml.dump(
        dict(tree), Dumper=_AnyYamlDumper, sort_keys=False, allow_unicode=True, width=100
    )


@dataclass(frozen=True)
class _Places:
    """Where each key stands, and which stand twice."""

    lines: dict[KeyPath, int]
    columns: dict[KeyPath, int]
    duplicates: list[tuple[KeyPath, int]]

    def collect(self, node: yaml.Node, path: KeyPath) -> None:
        """Record line and column of every key below `node`."""
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                key_path = (*path, str(key_node.value))
                mark = key_node.start_mark
                if key_path in self.lines:
                    self.duplicates.append((key_path, mark.line + 1))
                self._put(key_path, mark)
                self.collect(value_node, key_path)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._put((*path, index), item.start_mark)
                self.collect(item, (*path, index))

    def _put(self, path: KeyPath, mark: Any) -> None:  # noqa: ANN401  either kind of a mark
        """Record one place."""
        self.lines[path] = mark.line + 1
        self.columns[path] = mark.column + 1
