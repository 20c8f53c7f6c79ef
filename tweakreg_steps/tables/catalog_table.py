"""Tables of cells from catalog files: text, CSV, ECSV, FITS tables and VOTables alike.

Text is read here (``astropy.io.ascii`` needs a second to start and guesses what the columns are);
FITS, ECSV and VOTable are read by astropy, so that their units and missing values are honoured.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.errors import InputError

Floats = NDArray[np.float64]

_SKY_PAIRS = (
    ("ra", "dec"),
    ("raj2000", "dej2000"),
    ("raj2000", "decj2000"),
    ("_raj2000", "_dej2000"),
    ("ra_icrs", "de_icrs"),
    ("ra_icrs", "dec_icrs"),
    ("ra_j2000", "dec_j2000"),
    ("ramean", "decmean"),
    ("alpha_j2000", "delta_j2000"),
    ("alphawin_j2000", "deltawin_j2000"),
    ("ra_deg", "dec_deg"),
    ("radeg", "decdeg"),
    ("radeg", "dedeg"),
    ("right_ascension", "declination"),
    ("alpha", "delta"),
)
_PIXEL_PAIRS = (
    ("x", "y"),
    ("x_image", "y_image"),
    ("xwin_image", "ywin_image"),
    ("xcentroid", "ycentroid"),
)
_MISSING = frozenset({"", "nan", "indef", "null", "none", "--", "-", "n/a", "masked"})
_RANGE = re.compile(r"c?(\d+)\s*[-:]\s*c?(\d+)")
_LISTED = re.compile(r"c?\d+(?:[\s,]+c?\d+)*")
_SEXAGESIMAL = re.compile(r"([-+]?)\s*(\d+)[:hd\s]\s*(\d+\.?\d*)(?:m?|[:m\s]\s*(\d+\.?\d*)s?)")
_NUMBERED = re.compile(r"\s*(\d+)\s+([A-Za-z_]\S*)")  # SExtractor's way of naming columns
_SHOWN = 5  # entries named in a message


@dataclass(frozen=True)
class CatalogTable:
    """Cells of a catalog.

    Attributes
    ----------
    path
        Its file.
    columns
        For each column its cells: an array of floats, or a list of texts.
    headings
        Lists of words that may name the columns: one for a file that names them formally, for text
        each comment line with as many words as there are columns.
    is_named
        Whether the file names its columns formally.
    units
        Unit of each column, '' without one.
    lines
        Line of each entry, for text; empty where entries have no lines.
    narrowest
        Line with the fewest columns, for text whose lines differ: only the columns that all lines
        have can be read.
    """

    path: Path
    columns: Sequence[Sequence[str] | Floats]
    headings: Sequence[Sequence[str]]
    is_named: bool
    units: Sequence[str]
    lines: Sequence[int] = ()
    narrowest: int | None = None

    def __len__(self) -> int:
        return len(self.columns[0]) if len(self.columns) else 0

    def where(self, chosen: NDArray[np.bool_]) -> str:
        """Name the chosen entries: how many, and the first few lines or rows."""
        index = np.nonzero(chosen)[0]
        word = "line" if self.lines else "row"
        numbers = [self.lines[i] if self.lines else i + 1 for i in index[:_SHOWN]]
        more = ", ..." if len(index) > _SHOWN else ""
        entries = "1 entry" if len(index) == 1 else f"{len(index)} entries"
        return f"{entries}, {word} {', '.join(map(str, numbers))}{more}"


def read_catalog_table(path: Path) -> CatalogTable:
    """Read a catalog of any of the formats.

    Raises
    ------
    InputError
        The file cannot be read, or its lines differ in their number of columns.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError as error:
        raise InputError(f"{path}: the catalog cannot be read: {error.strerror}") from error
    if start.startswith(b"SIMPLE  =") or re.search(r"\.fits?(\.gz)?$", path.name, re.IGNORECASE):
        table = _from_astropy(path, "fits")
    elif b"<VOTABLE" in start.upper():
        table = _from_astropy(path, "votable")
    elif start.startswith(b"# %ECSV"):
        table = _from_astropy(path, "ascii.ecsv")
    else:
        table = _from_text(path)
    return table


def known_pair(table: CatalogTable, xyunits: str) -> tuple[str, str] | None:
    """Names of the columns that hold positions, when the file names a well-known pair."""
    pairs = _SKY_PAIRS if xyunits == "degrees" else _PIXEL_PAIRS
    for words in table.headings:
        lower = {word.lower(): word for word in reversed(words)}
        for pair in pairs:
            if set(pair) <= set(lower):
                return lower[pair[0]], lower[pair[1]]
    return None


def columns_of(table: CatalogTable, column: int | str, parameter: str) -> list[int]:
    """Give the indices (from 0) of the column, or the columns, that a parameter asks for.

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
    for words in table.headings:
        if text in words:
            return [list(words).index(text)]
    if found := _RANGE.fullmatch(text):
        numbers = list(range(int(found[1]), int(found[2]) + 1))
    elif _LISTED.fullmatch(text):
        numbers = [int(word) for word in re.findall(r"\d+", text)]
    else:
        names = ", ".join(table.headings[0]) if table.headings else "no names at all"
        raise InputError(
            f"{table.path}: there is no column {column!r} ({parameter}); the file has {names}"
        )
    if not numbers or min(numbers) < 1 or max(numbers) > len(table.columns):
        where = "the file" if table.narrowest is None else f"line {table.narrowest}"
        raise InputError(
            f"{table.path}: there is no column {column} ({parameter}); {where} "
            f"has {len(table.columns)} columns"
        )
    return [number - 1 for number in numbers]


def column_values(table: CatalogTable, columns: Sequence[int], *, unit: str, hours: bool) -> Floats:
    """Values of a column; nan where a cell says that there is none.

    Parameters
    ----------
    table
        The catalog.
    columns
        Its index from 0, or the indices of columns with hours (degrees), minutes and seconds.
    unit
        Unit wanted, for columns that have one; '' leaves values as they are.
    hours
        Whether ``12:34:56`` are hours (else degrees), and become degrees.

    Raises
    ------
    InputError
        Cells that are no numbers, naming their lines; a unit that is none of an angle.
    """
    cells = table.columns[columns[0]]
    if len(columns) > 1:
        parts = (map(_plain, table.columns[i]) for i in columns)
        cells = [" ".join(words) for words in zip(*parts, strict=True)]
    if isinstance(cells, np.ndarray):
        return _to_unit(table, cells, columns[0], unit)
    values = np.array([_value(cell, hours=hours) for cell in cells], dtype=object)
    wrong = np.array([value is None for value in values])
    if wrong.any():
        cell = cells[int(np.argmax(wrong))]
        raise InputError(
            f"{table.path}: {cell!r} is neither a number nor hh:mm:ss ({table.where(wrong)}); name "
            "the right column, or correct the catalog"
        )
    return values.astype(float)


def _value(cell: str, *, hours: bool) -> float | None:
    """Read a cell: a number, nan for a missing one, None for what is no number."""
    try:
        return float(cell)
    except ValueError:
        pass
    if cell.strip().lower() in _MISSING or _MISSING & set(cell.lower().split()):
        return float("nan")
    found = _SEXAGESIMAL.fullmatch(cell.strip())
    if found is None:
        return None
    sign, whole, minutes, seconds = found.groups()
    parts = float(minutes), float(seconds or 0)
    if max(parts) >= 60.0001:  # noqa: PLR2004  some catalogs round up to 60 seconds
        return None
    value = float(whole) + parts[0] / 60 + parts[1] / 3600
    in_hours = hours and "d" not in cell
    return (-value if sign == "-" else value) * (15.0 if in_hours else 1.0)


def _plain(cell: object) -> str:
    """Text of a cell, whole numbers without a fraction."""
    return f"{cell:g}" if isinstance(cell, float) and cell == int(cell) else str(cell)


def _to_unit(table: CatalogTable, values: Floats, column: int, unit: str) -> Floats:
    """Values of a numeric column in the wanted unit."""
    own = table.units[column]
    if not own or not unit or own == unit:
        return values
    from astropy.units import Unit, UnitConversionError

    try:
        return np.asarray(Unit(own).to(Unit(unit), values), dtype=float)
    except (UnitConversionError, ValueError) as error:
        raise InputError(
            f"{table.path}: column {column + 1} is in {own}, not an angle; name the right column "
            "of RA or Dec"
        ) from error


def _from_astropy(path: Path, form: str) -> CatalogTable:
    """Read a table with astropy."""
    import warnings

    from astropy.table import Table

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd units and names do not matter here
            options = {"character_as_bytes": False} if form == "fits" else {}
            table = Table.read(path, format=form, **options)
    except (OSError, ValueError, TypeError, IndexError, KeyError) as error:
        raise InputError(f"{path}: the catalog cannot be read: {error}") from error
    return CatalogTable(
        path=path,
        columns=[_cells(table[name]) for name in table.colnames],
        headings=[table.colnames],
        is_named=True,
        units=[str(table[name].unit or "") for name in table.colnames],
    )


def _cells(column: Any) -> Floats | list[str]:  # noqa: ANN401  an astropy column of any kind
    """Numbers of a column with nan for what is missing, or its texts."""
    if column.dtype.kind in "iufb" and column.ndim == 1:
        masked: Any = np.ma.asarray(column).astype(float)
        return np.asarray(masked.filled(np.nan))
    return [str(cell) for cell in column]


def _from_text(path: Path) -> CatalogTable:
    """Read whitespace-separated text or CSV."""
    comments: list[str] = []
    lines: list[int] = []
    rows: list[list[str]] = []
    is_csv = path.suffix.lower() == ".csv"
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        body, separator, comment = line.strip().partition("#")
        if not body and separator:
            comments.append(comment.lstrip("# "))
        elif body:
            is_csv = is_csv or (not rows and "," in body)
            lines.append(number)
            rows.append(next(csv.reader([body], skipinitialspace=True)) if is_csv else body.split())
    is_named = bool(rows) and _names_columns(rows[0])
    if is_csv or is_named:
        _require_even(path, lines, rows)
    headings = [rows.pop(0)] if is_named else list(_headings(comments, rows, is_csv=is_csv))
    lines = lines[1:] if is_named else lines
    widths = [len(row) for row in rows] or [0]
    return CatalogTable(
        path=path,
        columns=[list(column) for column in zip(*rows, strict=False)],  # up to the narrowest row
        headings=headings,
        is_named=is_named,
        units=[""] * min(widths),
        lines=lines,
        narrowest=lines[int(np.argmin(widths))] if min(widths) < max(widths) else None,
    )


def _names_columns(words: Sequence[str]) -> bool:
    """Whether the first line holds names: no word is a number, and some begin like a name."""
    numbers = [_value(word, hours=False) for word in words]
    return all(n is None for n in numbers) and any(re.match(r"[A-Za-z_]", word) for word in words)


def _headings(
    comments: Sequence[str], rows: Sequence[Sequence[str]], *, is_csv: bool
) -> Iterator[list[str]]:
    """Give each list of words in the comments that may name the columns."""
    count = min((len(row) for row in rows), default=0)
    numbered = {found[1]: found[2] for c in comments if (found := _NUMBERED.match(c))}
    numbers = [str(i + 1) for i in range(count)]
    if count and set(numbered) == set(numbers):
        yield [numbered[number] for number in numbers]
    for comment in comments:
        words = [word.strip() for word in comment.split(",")] if is_csv else comment.split()
        if len(words) == count:
            yield words


def _require_even(path: Path, lines: Sequence[int], rows: Sequence[Sequence[str]]) -> None:
    """Refuse rows with another number of columns than the first."""
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(rows[0]):
            raise InputError(
                f"{path}, line {line}: {len(row)} columns where the first line has {len(rows[0])}: "
                f"{' '.join(row)[:60]!r}; correct the catalog"
            )
