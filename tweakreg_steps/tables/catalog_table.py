"""Tables of cells from the catalogs that users bring, whatever format they have.

What a file is is told by what it holds, never by its name alone; then astropy reads it. What is
packed with gzip, bzip2 or xz is unpacked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.binary_tables import fits_tables, votables
from tweakreg_steps.tables.catalog_columns import CatalogTable
from tweakreg_steps.tables.decompression import plain_suffix, read_bytes
from tweakreg_steps.tables.ecsv_catalogs import ecsv_table
from tweakreg_steps.tables.text_tables import decode, text_tables

log = logging.getLogger(__name__)

_HEAD = 4096  # bytes in which a format makes itself known
_VOTABLE = re.compile(rb"<(?:[\w.-]{1,64}:)?VOTABLE\b", re.IGNORECASE)
_UNREAD = (
    (re.compile(rb"\A\x89HDF\r\n"), "an HDF5 file"),
    (re.compile(rb"\APAR1"), "a Parquet file"),
    (re.compile(rb"\A\xd0\xcf\x11\xe0"), "a spreadsheet"),
    (
        re.compile(rb"\A\s{0,99}<(?:!DOCTYPE html|html)", re.IGNORECASE),
        "a web page, perhaps an error",
    ),
)
_ENDINGS = frozenset({".fits", ".fit", ".fts"})

Fit = Callable[[CatalogTable], int]
"""How well a table goes with what is wanted of it: 0 for not at all."""


def read_catalog_table(path: Path, fit: Fit | None = None) -> CatalogTable:
    """Read a catalog of any of the formats.

    Parameters
    ----------
    path
        Its file.
    fit
        Tells of each table how well it goes with what is wanted; of several in a file the best is
        taken, of equals the first.

    Raises
    ------
    InputError
        The file cannot be read, is damaged, larger than what is read, of another format, or its
        lines differ in their number of columns.
    """
    tables = _read_tables(path)
    if not tables:
        raise InputError(f"{path}: the catalog cannot be read: the file holds no table")
    table = max(tables, key=fit) if fit and len(tables) > 1 else tables[0]
    if len(tables) > 1:
        log.info("%s: one of %d tables of the file is used", table.name, len(tables))
    return table


def _read_tables(path: Path) -> Sequence[CatalogTable]:
    """Read all tables of a file."""
    data = read_bytes(path, called="catalog")
    head = data[:_HEAD]
    suffix = plain_suffix(path)
    if head.startswith(b"SIMPLE  =") or suffix in _ENDINGS:
        return fits_tables(path, data)
    if _VOTABLE.search(head):
        return votables(path, data)
    for pattern, what in _UNREAD:
        if pattern.search(head):
            raise InputError(
                f"{path}: the catalog cannot be read: it is {what}; write it as text, ECSV, FITS "
                "table or VOTable"
            )
    text = decode(path, data)
    del data
    if text.startswith("# %ECSV"):
        return [ecsv_table(path, text)]
    return text_tables(path, text, suffix=suffix)
