"""The columns of a user's catalog, and the values in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.angle_units import (
    conversion_factor,
    plain_unit,
    sexagesimal_unit,
)
from tweakreg_steps.tables.cell_values import MISSING, NotNumbers, parse_cells, printable

Floats = FloatArray
Column = int | str

_RANGE = re.compile(r"c?(\d{1,6})\s*[-:]\s*c?(\d{1,6})")
_LISTED = re.compile(r"c?\d{1,6}(?:[\s,]+c?\d{1,6})*")
_ELEMENT = re.compile(r"(.+)\[(\d{1,6})\]")
_SIGNS = frozenset({"", "+", "-"})
_SHOWN = 5  # entries named in a message
_NAMES_SHOWN = 40
_LONGEST_NAME = 60


@dataclass(frozen=True, eq=False)
class CatalogTable:
    """Cells of a catalog.

    Attributes
    ----------
    path
        Its file.
    columns
        Numbers or texts, perhaps masked, perhaps several a row: columns of an astropy table.
    headings
        Lists of words that may name the columns: one for a file that names them formally, for text
        each comment line with as many words as there are columns.
    is_named
        Whether the file names its columns formally.
    units
        Unit of each column as the file spells it, '' without one.
    lines
        Line of each entry, for text; empty where entries have no lines.
    label
        What the table is called within a file of several, with a comma before it; else ''.
    texts
        Gives the columns of a text as texts: the -00 of -00 30 00 is no number.
    """

    path: Path
    columns: Sequence[Any]
    headings: Sequence[Sequence[str]]
    is_named: bool
    units: Sequence[str]
    lines: Sequence[int] = ()
    label: str = ""
    texts: Callable[[], Sequence[Any]] | None = None

    def __len__(self) -> int:
        return len(self.columns[0]) if len(self.columns) else 0

    @property
    def name(self) -> str:
        """The file, and which of its tables."""
        return f"{self.path}{printable(self.label)}"

    def where(self, chosen: BoolArray) -> str:
        """Name the chosen entries: how many, and the first few lines or rows."""
        index = np.nonzero(chosen)[0]
        word = "line" if len(self.lines) else "row"
        numbers = [self.lines[i] if len(self.lines) else i + 1 for i in index[:_SHOWN]]
        more = ", ..." if len(index) > _SHOWN else ""
        entries = "1 entry" if len(index) == 1 else f"{len(index)} entries"
        return f"{entries}, {word} {', '.join(map(str, numbers))}{more}"

    def heading(self, column: int) -> str:
        """Name a column (from 0) as users know it."""
        name = show_names(self.headings[0][column : column + 1]) if self.is_named else ""
        return f"column {column + 1} ({name})" if name else f"column {column + 1}"


@dataclass(frozen=True)
class ColumnRole:
    """What a column is wanted for.

    Attributes
    ----------
    parameter
        The parameter that names it, with its section.
    column
        What that says: a number (from 1), a name, or ``1-3`` for hours, minutes and seconds.
    unit
        Unit that the values are wanted in, as astropy spells it; '' for values as they are.
    assumed
        Unit of a column that tells none.
    is_hours
        Whether ``12:34:56`` are hours (else degrees), and become degrees.
    """

    parameter: str
    column: Column
    unit: str = ""
    assumed: str = ""
    is_hours: bool = False


def read_role(table: CatalogTable, role: ColumnRole) -> Floats:
    """Return the values of the column that a role names, shape (n,); nan where there is none.

    Raises
    ------
    InputError
        The table has no such column, its unit is not known or another kind of unit, or cells are
        no numbers, naming their lines.
    """
    columns = columns_of(table, role.column, role.parameter)
    element = _element(table, role.column)
    return _values(table, columns, role, element)


def columns_of(table: CatalogTable, column: Column, parameter: str) -> list[int]:
    """Return the indices (from 0) of the column, or the columns, that a parameter asks for.

    Parameters
    ----------
    table
        The catalog.
    column
        The value of the parameter.
    parameter
        Its name with its section, for messages.

    Raises
    ------
    InputError
        The table has no such column.
    """
    text = str(column).strip()
    element = _ELEMENT.fullmatch(text)
    for words in table.headings:
        if text in words:
            return [list(words).index(text)]
        if element and element[1] in words:
            return [list(words).index(element[1])]
    numbers: Sequence[int] = ()
    if found := _RANGE.fullmatch(text):
        numbers = range(int(found[1]), int(found[2]) + 1)
    elif _LISTED.fullmatch(text):
        numbers = [int(word) for word in re.findall(r"\d+", text)]
    else:
        raise _no_such_name(table, column, parameter)
    if not numbers or min(numbers) < 1 or max(numbers) > len(table.columns):
        raise InputError(
            f"{table.name}: there is no column {column} ({parameter}); the file "
            f"has {len(table.columns)} columns"
        )
    return [number - 1 for number in numbers]


def _no_such_name(table: CatalogTable, column: Column, parameter: str) -> InputError:
    """Say that no column has a name, which there are, and which is the nearest."""
    words = list(table.headings[0]) if table.headings else []
    near = difflib.get_close_matches(
        str(column).lower(), [word.lower()[:_LONGEST_NAME] for word in words[:1000]], n=1
    )
    meant = next((word for word in words if near and word.lower() == near[0]), None)
    hint = f"; do you mean {show_names([meant])}?" if meant else ""
    names = show_names(words) if words else "no names at all"
    return InputError(
        f"{table.name}: there is no column {column!r} ({parameter}); the file has {names}{hint}"
    )


def show_names(words: Sequence[str]) -> str:
    """List names for a message, which does not grow beyond reading."""
    shown = [printable(word[:_LONGEST_NAME]) for word in words[:_NAMES_SHOWN]]
    return ", ".join(shown) + (", ..." if len(words) > _NAMES_SHOWN else "")


def _element(table: CatalogTable, column: Column) -> int | None:
    """Return which value (from 1) of a column of several a row is asked for, or None."""
    text = str(column).strip()
    found = _ELEMENT.fullmatch(text)
    if found is None or any(text in words for words in table.headings):
        return None
    return int(found[2])


def _values(
    table: CatalogTable, columns: Sequence[int], role: ColumnRole, element: int | None
) -> Floats:
    """Return the values of a column, or of those with hours, minutes and seconds."""
    first = columns[0]
    own = table.units[first]
    if len(columns) == 1:
        cells = _one_a_row(table, first, role.parameter, element)
        if not isinstance(cells, list):
            return cells * _factor(table, first, own or role.assumed, role)
    else:
        cells = _joined(table, columns, role.parameter)
        own = ""
    letter = sexagesimal_unit(own)
    is_hours = role.is_hours if letter is None else letter == "h"
    try:
        values, in_degrees = parse_cells(cells, hours=is_hours)
    except NotNumbers as error:
        cell = cells[int(np.argmax(error.wrong))][:_LONGEST_NAME]
        raise InputError(
            f"{table.name}: {cell!r} is neither a number nor hh:mm:ss "
            f"({table.where(error.wrong)}); set {role.parameter} to the right column, or correct "
            "the catalog"
        ) from error
    unit = "" if letter else own or role.assumed
    values[~in_degrees] *= _factor(table, first, unit, role)
    values[in_degrees] *= _factor(table, first, "deg", role) if in_degrees.any() else 1.0
    return values


def _one_a_row(
    table: CatalogTable, column: int, parameter: str, element: int | None
) -> Floats | list[str]:
    """Return the cells of a column: numbers, nan for what is missing, or texts."""
    cells = table.columns[column]
    shape: tuple[int, ...] = getattr(cells, "shape", ())
    if len(shape) > 1:
        each = int(np.prod(shape[1:]))
        if element is None or not 1 <= element <= each:
            name = show_names(table.headings[0][column : column + 1]) if table.headings else ""
            raise InputError(
                f"{table.name}: {table.heading(column)} ({parameter}) holds {each} values a row; "
                f"write {name}[1] to {name}[{each}] for one of them"
            )
        cells = cells.reshape(shape[0], each)[:, element - 1]
    if getattr(cells, "dtype", np.dtype(object)).kind in "iufb":
        masked: Any = np.ma.asarray(cells).astype(float)
        return np.asarray(masked.filled(np.nan))
    return [_text(cell) for cell in cells]


def _text(cell: object) -> str:
    """Return the text of a cell, '' of a missing one."""
    if cell is np.ma.masked or cell is None:
        return ""
    return cell.decode("latin-1") if isinstance(cell, bytes) else str(cell)


def _joined(table: CatalogTable, columns: Sequence[int], parameter: str) -> list[str]:
    """Return hours (degrees), minutes and seconds of each entry in one text."""
    source = replace(table, columns=table.texts(), texts=None) if table.texts else table
    parts = [_parts(_one_a_row(source, i, parameter, None)) for i in columns]
    return [" ".join(words) for words in zip(*parts, strict=True)]


def _parts(cells: Floats | list[str]) -> list[str]:
    """Return the texts of a column that holds part of an angle; a sign may be left out."""
    if not isinstance(cells, list):
        return [f"{cell:.0f}" if cell.is_integer() else str(cell) for cell in cells.tolist()]
    plain = [cell.strip() for cell in cells]
    if _SIGNS.issuperset(plain):
        return plain
    return ["nan" if cell.lower() in MISSING else cell for cell in plain]


def _factor(table: CatalogTable, column: int, own: str, role: ColumnRole) -> float:
    """Return by what the values of a column are multiplied to be in the unit wanted."""
    if not own or not role.unit or plain_unit(own) == role.unit:
        return 1.0
    try:
        factor = conversion_factor(own, role.unit)
    except ValueError as error:
        raise InputError(
            f"{table.name}: {table.heading(column)} ({role.parameter}): {error}; write a known "
            f"one, such as {role.unit}, into the catalog, or none"
        ) from error
    if factor is None:
        kind = "an angle" if "/" not in role.unit else role.unit
        raise InputError(
            f"{table.name}: column {column + 1} is in {printable(own)}, not {kind}; set "
            f"{role.parameter} to the right column"
        )
    return factor
