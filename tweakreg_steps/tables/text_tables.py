"""Catalogs in texts, read by astropy.io.ascii: each table that a file holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.angle_units import plain_unit
from tweakreg_steps.tables.binary_tables import MOST_ROWS, from_astropy, reading
from tweakreg_steps.tables.catalog_columns import CatalogTable
from tweakreg_steps.tables.cell_values import PLAIN_SIGNS
from tweakreg_steps.tables.text_dialect import (
    BLANK,
    Block,
    find_blocks,
    separate_comments,
    uneven_rows,
    words_of_comments,
)

_HEAD = 65536  # characters in which a format makes itself known
_FORMATS = (
    (re.compile(r"Byte-by-byte Description of file", re.IGNORECASE), "cds", "a CDS table"),
    (re.compile(r"\A\s{0,99}\\begin\{deluxetable"), "aastex", "a LaTeX table"),
    (re.compile(r"\A\s{0,99}\\(?:begin|documentclass)\b"), "latex", "a LaTeX table"),
    (re.compile(r"\A(?:\\[^\n]*\n)*(?:\|[^\n]*\|[ \t]*\n){1,4}[^|\n+-]"), "ipac", "an IPAC table"),
    (re.compile(r"\A#K "), "daophot", "a DAOPHOT table"),
    (re.compile(r"\A=+(?: +=+)+[ \r]*\n"), "rst", "a reStructuredText table"),
    (re.compile(r"\A\s{0,99}<HEADER>"), "tdat", "a TDAT table"),
)
"""Formats that say what they are; astropy reads them as a whole."""

_NUMBERED = re.compile(r"\d{1,6}[ \t]+[A-Za-z_]")
_BRACKETS = {"[": "]", "(": ")"}
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_MOST_COLUMNS = 4096  # SDSS has 800; astropy takes 0.1 ms for each
_SHOWN = 5  # lines named in a message
_LONGEST = 60  # characters of a line shown


class UnevenRowsError(InputError):
    """Rows are no grid; carries the line with the fewest columns, and how many those are."""

    def __init__(self, message: str, line: int, count: int) -> None:
        super().__init__(message)
        self.line = line
        self.count = count


def decode(path: Path, data: bytes) -> str:
    """Return the text that bytes hold, its lines ending as on Unix.

    Raises
    ------
    InputError
        They hold no text.
    """
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    text = data.decode(encoding, errors="replace")
    if "\0" in text:
        raise InputError(
            f"{path}: the catalog cannot be read: it is neither text nor a FITS file or VOTable; "
            "write it as one of these"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def text_tables(path: Path, text: str, *, suffix: str) -> list[CatalogTable]:
    """Return the tables of a text.

    Parameters
    ----------
    path
        Its file, for messages.
    text
        What it holds.
    suffix
        The ending of its name.

    Raises
    ------
    InputError
        It holds more lines than are read, or rows that differ in their number of columns.
    """
    if text.count("\n") > MOST_ROWS:
        raise InputError(
            f"{path}: holds more than {MOST_ROWS} lines; write the entries that are needed into a "
            "smaller file"
        )
    for pattern, form, what in _FORMATS:
        if pattern.search(text[:_HEAD]):
            return [_of_format(path, text, form, what)]
    comments, lines = separate_comments(text)
    blocks = find_blocks(lines, is_csv=suffix == ".csv")
    return [read_block(path, block, comments, is_one=len(blocks) == 1) for block in blocks]


def _of_format(path: Path, text: str, form: str, what: str) -> CatalogTable:
    """Read a text in a format that says what it is."""
    from astropy.io import ascii as astropy_ascii

    with reading(path, what):
        return from_astropy(
            path, astropy_ascii.read(text.rstrip().split("\n"), format=form, guess=False)
        )


def read_block(
    path: Path, block: Block, comments: Sequence[str], *, is_one: bool = True
) -> CatalogTable:
    """Read the cells of one table of a text.

    Parameters
    ----------
    path
        The file.
    block
        How its lines are to be read.
    comments
        Of the file: they may name its columns.
    is_one
        Whether it is the only table of the file.

    Raises
    ------
    InputError
        Rows differ in their number of columns.
    """
    if block.width > _MOST_COLUMNS:
        raise InputError(
            f"{path}, line {block.first_line}: {block.width} columns, more than {_MOST_COLUMNS}; "
            "write one entry a line"
        )
    label = "" if is_one else f", table from line {block.first_line}"
    headings, units = [list(block.names)], list(block.units)
    is_named = bool(block.names)
    if not is_named:
        headings, units = _named_by_numbers(comments, block)
        is_named = bool(headings)
        headings = headings or list(words_of_comments(comments, block))
        units = units or _units_of_comments(comments, block)
    columns = _read_cells(path, block, as_texts=False)
    return CatalogTable(
        path=path,
        columns=columns,
        headings=headings,
        is_named=is_named,
        units=units if len(units) == block.width else [""] * block.width,
        lines=[line.number for line in block.rows],
        label=label,
        texts=partial(_read_cells, path, block, as_texts=True),
    )


def _read_cells(path: Path, block: Block, *, as_texts: bool) -> list[Any]:
    """Return the columns of a table: numbers where all cells are, else texts."""
    if not block.rows:
        return []
    from astropy.io import ascii as astropy_ascii
    from astropy.io.ascii import InconsistentTableError

    names = [f"c{i}" for i in range(block.width)]
    lines = [block.delimiter.join(names), *(_ascii(line.text, block) for line in block.rows)]
    form = "tab" if block.delimiter == "\t" else "basic"
    as_they_are = {name: [astropy_ascii.convert_numpy(str)] for name in names} if as_texts else {}
    with reading(path, "a text"):
        try:
            table = astropy_ascii.read(
                lines,
                format=form if as_texts else f"fast_{form}",
                delimiter=block.delimiter,
                guess=False,
                **({"converters": as_they_are} if as_texts else {}),
            )
        except InconsistentTableError as error:
            raise _uneven(path, block) from error
    return [table[name] for name in names]


def _ascii(text: str, block: Block) -> str:
    """Return a row as the fast reader of astropy takes it, which reads ASCII only."""
    if block.delimiter == BLANK:
        text = text.replace("\t", BLANK)
    if text.isascii():
        return text
    return text.translate(PLAIN_SIGNS).encode("ascii", errors="replace").decode("ascii")


def _uneven(path: Path, block: Block) -> UnevenRowsError:
    """Say which rows have another number of columns than the table."""
    uneven = uneven_rows(block)
    if not uneven:
        return UnevenRowsError(f"{path}: its rows are no table; correct it", 0, block.width)
    first, count = uneven[0]
    is_first = block.names or block.rows[0] is not first
    others = ", ".join(str(line.number) for line, _ in uneven[:_SHOWN])
    more = ", ..." if len(uneven) > _SHOWN else ""
    lines = "" if len(uneven) == 1 else f" ({len(uneven)} such lines: {others}{more})"
    narrowest, fewest = min(uneven, key=itemgetter(1))
    return UnevenRowsError(
        f"{path}, line {first.number}: {count} columns where "
        f"{'the first line has' if is_first else 'most lines have'} {block.width}: "
        f"{first.text[:_LONGEST]!r}{lines}; write nan where a value is missing, or separate the "
        "cells by tabs or commas",
        narrowest.number,
        fewest,
    )


def _named_by_numbers(comments: Sequence[str], block: Block) -> tuple[list[list[str]], list[str]]:
    """Return names and units where comments give each column its number, as SExtractor does."""
    numbered = [comment for comment in comments[: block.width + 99] if _NUMBERED.match(comment)]
    if not numbered or not block.rows:
        return [], []
    from astropy.io import ascii as astropy_ascii

    head = [f"# {comment[:200]}" for comment in numbered]
    try:
        with reading(Path(), "a head of SExtractor's"):
            first = BLANK.join(["0"] * block.width)
            table = astropy_ascii.read([*head, first], format="sextractor", guess=False)
    except InputError:
        return [], []
    if len(table.colnames) != block.width:
        return [], []
    return [table.colnames], [str(table[name].unit or "") for name in table.colnames]


def _units_of_comments(comments: Sequence[str], block: Block) -> list[str]:
    """Return the units of a comment that has one in brackets for each column."""
    for words in words_of_comments(comments, block):
        if all(_BRACKETS.get(word[:1]) == word[-1:] for word in words):
            return [plain_unit(word) for word in words]
    return []
