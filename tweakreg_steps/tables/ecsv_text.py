"""The text of an ECSV 1.0 file, taken apart: the YAML of its header, and the lines of its rows.

It needs no numpy, whose import takes longer than a run takes to see that there is nothing to do.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tweakreg_steps.errors import InputError

if TYPE_CHECKING:
    from yaml import Node

Made = TypeVar("Made")

SERIALIZED = "__serialized_columns__"
"""The key of the metadata under which astropy keeps how columns were written."""

_BROKEN = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    csv.Error,
)
"""What reading a damaged file may raise."""


@dataclass(frozen=True)
class EcsvText:
    """An ECSV file as text.

    Attributes
    ----------
    specs
        What the header says of each column, by their names in order: ``datatype``, ``unit``,
        ``description``, ``subtype``.
    meta
        The metadata.
    lines
        The lines of the rows.
    delimiter
        What is between the cells of a line.
    """

    specs: Mapping[str, Mapping[str, Any]]
    meta: dict[str, Any]
    lines: list[str]
    delimiter: str

    def cells(self) -> Iterator[list[str]]:
        """Yield the cells of each row.

        Raises
        ------
        ValueError
            A row has more cells than there are columns, or fewer.
        """
        for row in csv.reader(self.lines, delimiter=self.delimiter, strict=True):
            if len(row) != len(self.specs):
                raise ValueError(f"a row has {len(row)} cells for {len(self.specs)} columns")
            yield row


def read_ecsv(path: Path, make: Callable[[EcsvText], Made]) -> Made:
    """Read an ECSV file and make something of it.

    Raises
    ------
    InputError
        If the file cannot be read, is not ECSV, or nothing can be made of it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the table {path}: {error}") from error
    try:
        return make(split_ecsv(text))
    except _BROKEN as error:
        cause = str(error) if isinstance(error, ValueError) else f"its header is damaged: {error!r}"
        raise InputError(f"{path} is not a table this program can read: {cause:.300}") from error


def split_ecsv(text: str) -> EcsvText:
    """Take the text of an ECSV file apart.

    Raises
    ------
    ValueError
        If the text is not ECSV, or the names of its columns are not those of its header.
    """
    lines = text.split("\n")
    n_header = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = _parse_header(lines[:n_header])
    specs = {str(spec["name"]): spec for spec in header["datatype"]}
    delimiter = header.get("delimiter", " ")
    names = next(csv.reader(lines[n_header : n_header + 1], delimiter=delimiter), [])
    if names != list(specs):
        raise ValueError(f"the header describes the columns {list(specs)}, the file has {names}")
    meta = _as_mapping(header.get("meta"))
    meta.pop(SERIALIZED, None)
    return EcsvText(specs, meta, [line for line in lines[n_header + 1 :] if line], delimiter)


def _parse_header(lines: list[str]) -> dict[str, Any]:
    """Read the commented YAML at the start of the file."""
    import yaml

    if not lines or not re.fullmatch(r"# *%ECSV \d+\.\d+(\.\d+)?\s*", lines[0]):
        raise ValueError('its first line is not "# %ECSV 1.0"')
    body = "\n".join(line[1:].removeprefix(" ") for line in lines[1:])
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = type("_HeaderLoader", (base,), {})
    yaml.add_constructor("tag:yaml.org,2002:omap", _construct_omap, Loader=loader)
    yaml.add_multi_constructor("!", _construct_unknown, Loader=loader)
    try:
        header = yaml.load(body, Loader=loader)  # noqa: S506 - derived from the safe loader
    except yaml.YAMLError as error:
        raise ValueError(f"its header is not YAML: {error}") from error
    if not isinstance(header, dict) or not isinstance(header.get("datatype"), list):
        raise ValueError("its header does not describe the columns")  # noqa: TRY004 - of the file
    return header


def _construct_omap(loader: Any, node: Node) -> dict[Any, Any]:  # noqa: ANN401 - yaml's loader
    """Read an ordered map as a dict."""
    items = loader.construct_sequence(node, deep=True)
    return {key: value for item in items for key, value in item.items()}


def _construct_unknown(loader: Any, _suffix: str, node: Node) -> object:  # noqa: ANN401 - yaml's
    """Read a value with a tag of another program as if it had none."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


def _as_mapping(meta: object) -> dict[str, Any]:
    """Accept metadata that is a mapping, or absent."""
    if meta is None:
        return {}
    if not isinstance(meta, dict):
        raise ValueError(f"its metadata is not a mapping but {meta!r}")  # noqa: TRY004 - of the file
    return meta
