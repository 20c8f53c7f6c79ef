"""Catalogs in ECSV files that others wrote.

astropy.io.ascii reads the cells: as plain columns, so that one that it cannot build, or a word for
a missing value that the format does not know, costs nobody the others; where columns together are
one object, such as sky coordinates, as a whole.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.binary_tables import from_astropy, reading
from tweakreg_steps.tables.catalog_columns import CatalogTable
from tweakreg_steps.tables.text_dialect import Block, Line, split_line, tidy_rows
from tweakreg_steps.tables.text_tables import read_block

log = logging.getLogger(__name__)

_LARGEST_HEAD = 1 << 18
"""Characters of the YAML at the start; that of 150 columns of Gaia has 20,000."""

_MISSING = [("", "0"), ("null", "0"), ("NULL", "0")]


def ecsv_table(path: Path, text: str) -> CatalogTable:
    """Read an ECSV file.

    Raises
    ------
    InputError
        Its head is none, or rows differ in their number of columns.
    """
    lines = [Line(number, line) for number, line in enumerate(text.split("\n"), start=1)]
    n_head = next((i for i, line in enumerate(lines) if not line.text.startswith("#")), len(lines))
    with reading(path, "an ECSV file"):
        header = _header(path, lines[:n_head])
        if _has_objects(header):
            try:
                return _whole(path, text)
            except InputError as error:
                log.warning("%s; its columns are read one by one", error)
        return _by_columns(path, header, lines[n_head:])


def _header(path: Path, lines: list[Line]) -> Mapping[str, Any]:
    """Read the YAML at the start."""
    from astropy.table.meta import get_header_from_yaml

    if sum(len(line.text) for line in lines) > _LARGEST_HEAD:
        raise InputError(
            f"{path}: its head has more than {_LARGEST_HEAD} characters; write the catalog again "
            "without its metadata"
        )
    header: Mapping[str, Any] = get_header_from_yaml(
        [line.text[1:].removeprefix(" ") for line in lines[1:]]
    )
    return header


def _has_objects(header: Mapping[str, Any]) -> bool:
    """Tell whether columns together are an object, or have their missing values elsewhere."""
    meta = header.get("meta")
    objects = meta.get("__serialized_columns__", {}) if isinstance(meta, Mapping) else {}
    return any(
        "mask" in parts or not str(parts.get("__class__", "")).endswith("MaskedColumn")
        for parts in objects.values()
    )


def _whole(path: Path, text: str) -> CatalogTable:
    """Read the file with all that its head says."""
    from astropy.table import Table

    with reading(path, "an ECSV file"):
        table = Table.read(text.split("\n"), format="ascii.ecsv", fill_values=_MISSING)
    return from_astropy(path, table)


def _by_columns(path: Path, header: Mapping[str, Any], body: list[Line]) -> CatalogTable:
    """Read the columns, whatever types the head says."""
    specs = header["datatype"]
    delimiter = str(header.get("delimiter", " "))
    lines = [line for line in body if line.text.strip() and not line.text.startswith("#")]
    names = [str(spec["name"]) for spec in specs]
    rows = tidy_rows(lines, delimiter)
    found = split_line(rows[0].text, delimiter) if rows else []
    if found != names:
        raise InputError(
            f"{path}: its head describes {len(names)} columns, but its line of names has "
            f"{len(found)}, or others; write the catalog again"
        )
    units = [str(spec.get("unit", "")) for spec in specs]
    return read_block(path, Block(delimiter, names, units, rows[1:], len(names)), ())
