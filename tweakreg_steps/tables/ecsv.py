"""Tables as ECSV 1.0 files, without the start-up and parsing cost of ``astropy.table``.

``astropy.table.Table.read`` reads these files with the same columns, units, descriptions and
metadata. The format is described in Astropy Proposal for Enhancement 6.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.tables.ecsv_text import SERIALIZED, EcsvText, read_ecsv, split_ecsv

_NUMBERS = frozenset(
    [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
    + ["float16", "float32", "float64"]
)
_SPECIAL = re.compile(r'[\s"#]|^$')


@dataclass(frozen=True, eq=False)
class ColumnTable:
    """A table held by columns.

    Attributes
    ----------
    columns : mapping of str to ndarray
        The columns in order, all of one length; bool, integer, float or str. A column may have
        further axes (a matrix a row).
    units : mapping of str to str
        Units by column name, as astropy spells them (``pix``, ``deg``, ``mas``).
    descriptions : mapping of str to str
        One line a column.
    meta : mapping of str to object
        Whatever JSON can hold.

    Raises
    ------
    ValueError
        If the columns differ in length, or a unit or description belongs to no column.
    """

    columns: Mapping[str, NDArray[Any]]
    units: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"a table needs columns of one length, got {lengths}")
        strangers = sorted({*self.units, *self.descriptions} - set(self.columns))
        if strangers:
            raise ValueError(f"units or descriptions of columns that are not there: {strangers}")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def head(self, number: int) -> ColumnTable:
        """Give the table of the first rows."""
        return replace(self, columns={k: column[:number] for k, column in self.columns.items()})


def write_table(path: Path, table: ColumnTable) -> None:
    """Write a table as ECSV; equal tables give the same bytes, and numbers lose nothing.

    Raises
    ------
    ValueError
        If the table holds something ECSV cannot (a line end in a text, an object column).
    JobFailedError
        If the file cannot be written.
    """
    write_text_atomically(path, format_table(table))


def format_table(table: ColumnTable) -> str:
    """Give the text of the ECSV file that `write_table` writes."""
    cells = [_format_column(name, column) for name, column in table.columns.items()]
    lines = [
        *(f"# {line}" for line in _header_lines(table)),
        " ".join(map(_quote, table.columns)),
        *map(" ".join, zip(*cells, strict=True)),
    ]
    return "\n".join(lines) + "\n"


def read_table(path: Path) -> ColumnTable:
    """Read an ECSV table: those of `write_table`, and astropy's without mixin columns.

    Raises
    ------
    InputError
        If the file cannot be read, is not ECSV, or a row does not fit the header.
    """
    return read_ecsv(path, _make_table)


def parse_table(text: str) -> ColumnTable:
    """Read the text of an ECSV file; the inverse of `format_table`.

    Raises
    ------
    ValueError
        If the text is not ECSV, or a row does not fit the header.
    """
    return _make_table(split_ecsv(text))


def _make_table(text: EcsvText) -> ColumnTable:
    """Turn the text of a table into columns."""
    return ColumnTable(
        columns=_parse_columns(text.lines, text.specs, text.delimiter),
        units=_pick(text.specs, "unit"),
        descriptions=_pick(text.specs, "description"),
        meta=text.meta,
    )


def _header_lines(table: ColumnTable) -> Iterable[str]:
    """Give the YAML header, without the comment signs."""
    yield "%ECSV 1.0"
    yield "---"
    yield "datatype:"
    for name, column in table.columns.items():
        spec = {"name": name, "unit": table.units.get(name), **_datatype(name, column)}
        spec["description"] = table.descriptions.get(name)
        yield f"- {_flow({key: value for key, value in spec.items() if value is not None})}"
    empty_texts = [n for n, c in table.columns.items() if c.dtype.kind == "U" and (c == "").any()]
    if table.meta or empty_texts:
        yield "meta: !!omap"
    for key, value in table.meta.items():
        yield f"- {_flow({key: value})}"
    if empty_texts:
        yield f"- {{{SERIALIZED}: {{{', '.join(map(_keeps_empty_texts, empty_texts))}}}}}"
    yield "schema: astropy-2.0"


def _keeps_empty_texts(name: str) -> str:
    """Mark a text column so that astropy reads ``""`` as a text and not as a missing value."""
    source = f"!astropy.table.SerializedColumn {_flow({'name': name})}"
    return f"{_flow(name)}: {{__class__: astropy.table.column.MaskedColumn, data: {source}}}"


def _flow(value: object) -> str:
    """Give a JSON-able value as YAML on one line."""
    import yaml

    plain = json.loads(json.dumps(value))
    text: str = yaml.dump(
        plain,
        Dumper=_one_line_dumper(),
        default_flow_style=True,
        width=2**30,
        sort_keys=False,
        allow_unicode=True,
    )
    return text.removesuffix("\n").removesuffix("\n...")


@cache
def _one_line_dumper() -> Any:  # noqa: ANN401  a class of yaml's
    """Return a dumper that writes texts with line ends on one line."""
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper = type("_OneLineDumper", (base,), {})
    yaml.add_representer(str, _represent_on_one_line, Dumper=dumper)
    return dumper


def _represent_on_one_line(dumper: Any, text: str) -> Any:  # noqa: ANN401  yaml's
    """Quote a text so that its line ends do not become those of the file."""
    style = '"' if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _datatype(name: str, column: NDArray[Any]) -> dict[str, str]:
    """Give the ECSV datatype of a column, and the subtype where cells are arrays."""
    plain = "string" if column.dtype.kind == "U" else column.dtype.name
    if plain not in {"string", "bool"} and plain not in _NUMBERS:
        raise ValueError(f"column {name!r}: a table cannot hold the type {column.dtype}")
    if column.ndim == 1:
        return {"datatype": plain}
    shape = ",".join(map(str, column.shape[1:]))
    return {"datatype": "string", "subtype": f"{plain}[{shape}]"}


def _format_column(name: str, column: NDArray[Any]) -> list[str]:
    """Give the cells of a column as they stand in the file."""
    values = column.tolist()
    if column.ndim > 1:
        return [_quote(json.dumps(value, separators=(",", ":"))) for value in values]
    if column.dtype.kind != "U":
        return list(map(repr, values))
    broken = next((value for value in values if value and value.splitlines() != [value]), None)
    if broken is not None:
        raise ValueError(f"column {name!r}: a table cannot hold the line end in {broken!r}")
    return list(map(_quote, values))


def _quote(cell: str) -> str:
    """Quote a cell where a reader would otherwise split, drop or misread it."""
    if not _SPECIAL.search(cell):
        return cell
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'


def _pick(specs: Mapping[str, Mapping[str, Any]], key: str) -> dict[str, str]:
    """Collect one attribute of the columns that have it."""
    return {name: str(spec[key]) for name, spec in specs.items() if key in spec}


def _parse_columns(
    rows: list[str], specs: Mapping[str, Mapping[str, Any]], delimiter: str
) -> dict[str, NDArray[Any]]:
    """Turn the data lines into columns of the described types."""
    readers = [_column_reader(name, spec) for name, spec in specs.items()]
    dtype = np.dtype([(f"column{i}", reader.raw) for i, reader in enumerate(readers)])
    raw = np.empty(0, dtype) if not rows else _load(rows, dtype, delimiter)
    return {
        name: reader.finish(raw[f"column{i}"])
        for i, (name, reader) in enumerate(zip(specs, readers, strict=True))
    }


def _load(rows: list[str], dtype: np.dtype[Any], delimiter: str) -> NDArray[Any]:
    """Split and convert the data lines in one pass of compiled code."""
    try:
        return np.loadtxt(
            rows, dtype=dtype, delimiter=delimiter, comments=None, quotechar='"', ndmin=1
        )
    except ValueError as error:
        raise ValueError(f"its data do not fit its header: {error}") from error


@dataclass(frozen=True)
class _ColumnReader:
    """How the cells of one column are read, and what is then made of them."""

    raw: str | np.dtype[Any]
    finish: Callable[[NDArray[Any]], NDArray[Any]]


def _column_reader(name: str, spec: Mapping[str, Any]) -> _ColumnReader:
    """Choose how to read a column from its datatype and subtype."""
    datatype, subtype = str(spec.get("datatype")), str(spec.get("subtype", ""))
    if datatype in _NUMBERS:
        return _ColumnReader(np.dtype(datatype), np.ascontiguousarray)
    if datatype == "bool":
        return _ColumnReader("U6", partial(_finish_flags, name))
    if datatype == "string" and not subtype:
        return _ColumnReader("O", _finish_texts)
    arrays = re.fullmatch(r"(\w+)\[(\d+(?:,\d+)*)\]", subtype)
    if datatype == "string" and arrays and (arrays[1] in _NUMBERS or arrays[1] == "bool"):
        shape = tuple(map(int, arrays[2].split(",")))
        return _ColumnReader("O", partial(_finish_arrays, name, np.dtype(arrays[1]), shape))
    raise ValueError(f"column {name!r}: the type {datatype} {subtype} is not supported")


def _finish_flags(name: str, cells: NDArray[Any]) -> NDArray[Any]:
    """Read True and False."""
    flags: NDArray[Any] = cells == "True"
    wrong = cells[~flags & (cells != "False")]
    if wrong.size:
        raise ValueError(f"column {name!r}: {str(wrong[0])!r} is neither True nor False")
    return flags


def _finish_texts(cells: NDArray[Any]) -> NDArray[Any]:
    """Make an array of texts as wide as the longest."""
    return cells.astype(np.str_)


def _finish_arrays(
    name: str, dtype: np.dtype[Any], shape: tuple[int, ...], cells: NDArray[Any]
) -> NDArray[Any]:
    """Read cells that are arrays, written as JSON."""
    values = np.array([json.loads(cell) for cell in cells], dtype=dtype)
    if values.size and values.shape[1:] != shape:
        raise ValueError(f"column {name!r}: its cells have the shape {values.shape[1:]}")
    return values.reshape(len(cells), *shape)
