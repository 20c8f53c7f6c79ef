"""Catalogs in FITS files and VOTables, read by astropy: each table that a file holds."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.catalog_columns import CatalogTable
from tweakreg_steps.tables.cell_values import printable

log = logging.getLogger(__name__)

MOST_ROWS = 5_000_000
"""Rows of the largest table that is read; a header may promise any number."""

_MOST_COLUMNS = 999
"""The FITS standard's own limit of TFIELDS."""

_LINK = re.compile(rb"<(?:[\w.-]{1,64}:)?STREAM\b([^<>]*)", re.IGNORECASE)
_SHOWN = 200  # characters of another program's message


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a foreign reader raises on foreign bytes into an error that names the file.

    Its warnings, of odd units and names, do not matter here.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:
        cause = printable(" ".join(str(error).split())[:_SHOWN]) or type(error).__name__
        raise InputError(
            f"{path}: the catalog cannot be read: as {what}, {cause}; write it again, or in "
            "another format, such as ECSV"
        ) from error


def fits_tables(path: Path, data: bytes) -> list[CatalogTable]:
    """Return the tables of a FITS file, in their order; those that are damaged are passed over.

    Raises
    ------
    InputError
        The file is damaged, or none of its tables can be read.
    """
    problems: list[str] = []
    found: list[CatalogTable] = []
    with reading(path, "a FITS file"):
        for number, hdu in _table_hdus(data):
            label = f", extension {number}" + (f" ({printable(hdu.name)})" if hdu.name else "")
            try:
                found.append(_fits_table(path, hdu, label, len(data)))
            except InputError as error:
                problems.append(str(error))
    if problems and not found:
        raise InputError(problems[0])
    for problem in problems:
        log.warning("left out: %s", problem)
    return found


def _table_hdus(data: bytes) -> list[tuple[int, Any]]:
    """Return the extensions that are tables, with their numbers."""
    from astropy.io import fits

    hdus = fits.open(io.BytesIO(data), ignore_missing_end=False)
    return [
        (number, hdu)
        for number, hdu in enumerate(hdus)
        if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)
        and not isinstance(hdu, fits.CompImageHDU)
    ]


def _fits_table(path: Path, hdu: Any, label: str, size: int) -> CatalogTable:  # noqa: ANN401  an HDU of astropy
    """Read one table of a FITS file."""
    from astropy.table import Table

    with reading(path, "a FITS table"):
        require_sane(path, hdu, label, size)
        table = Table.read(hdu, format="fits", character_as_bytes=False)
    return from_astropy(path, table, label=label)


def require_sane(path: Path, hdu: Any, label: str, size: int) -> None:  # noqa: ANN401  an HDU of astropy
    """Refuse a header that promises more than the file holds, before memory is asked for."""
    header = hdu.header
    width, rows, extra = (int(header.get(key, 0)) for key in ("NAXIS1", "NAXIS2", "PCOUNT"))
    fields = int(header.get("TFIELDS", 0))
    if not 0 < fields <= _MOST_COLUMNS:
        raise InputError(f"{path}{label}: TFIELDS is {fields}; no table has so many columns")
    if rows > MOST_ROWS:
        raise InputError(
            f"{path}{label}: NAXIS2 says {rows} rows; at most {MOST_ROWS} are read: write those "
            "that are needed into a smaller file"
        )
    if min(width, rows, extra) < 0 or hdu.fileinfo()["datLoc"] + width * rows + extra > size:
        raise InputError(
            f"{path}{label}: NAXIS1 {width}, NAXIS2 {rows} and PCOUNT {extra} promise more than "
            f"the {size} bytes of the file hold; it is cut short: copy it again"
        )


def votables(path: Path, data: bytes) -> list[CatalogTable]:
    """Return the tables of a VOTable file, in their order.

    Raises
    ------
    InputError
        The file is damaged, names other files, or holds an error of a service.
    """
    with reading(path, "a VOTable"):
        _refuse_links(path, data)
        document = _parse_votable(path, data)
        elements = list(document.iter_tables())
        _heed_status(path, document, len(elements))
        tables = [element.to_table(use_names_over_ids=True) for element in elements]
    names = [element.name or element.ID for element in elements]
    labels = [
        f", table {number}" + (f" ({printable(name[:_SHOWN])})" if name else "")
        for number, name in enumerate(names, start=1)
    ]
    return [
        from_astropy(path, table, label=label if len(tables) > 1 else "")
        for table, label in zip(tables, labels, strict=True)
    ]


def _refuse_links(path: Path, data: bytes) -> None:
    """Refuse a VOTable that has other files read, or text made by its own rules."""
    if any(b"href" in found[1].lower() for found in _LINK.finditer(data)):
        raise InputError(
            f"{path}: its data lie in another file (STREAM with href), which is not read; write a "
            "VOTable that holds them"
        )
    if b"<!ENTITY" in data or b"<!ATTLIST" in data:
        raise InputError(
            f"{path}: declares entities or attributes of its own, as no catalog needs to; write it "
            "again without"
        )


def _parse_votable(path: Path, data: bytes) -> Any:  # noqa: ANN401  a document of astropy
    """Parse a VOTable; cells that do not fit their column count as missing, with a word."""
    from astropy.io.votable import parse

    try:
        return parse(io.BytesIO(data), verify="ignore")
    except Exception as error:  # noqa: BLE001  astropy's own errors are of many kinds
        document = parse(io.BytesIO(data), verify="ignore", invalid="mask")
        log.warning(
            "%s: cells that do not fit their column count as missing: %s",
            path,
            printable(" ".join(str(error).split())[:_SHOWN]),
        )
        return document


def _heed_status(path: Path, document: Any, n_tables: int) -> None:  # noqa: ANN401  of astropy
    """Say what a service says of its answer: an error, or that it is cut short."""
    infos = [
        info
        for holder in (document, *document.resources)
        for info in holder.infos
        if info.name == "QUERY_STATUS"
    ]
    for info in infos:
        if info.value == "ERROR" or not n_tables:
            text = printable(str(info.content or info.value or "")[:_SHOWN])
            raise InputError(
                f"{path}: holds no table but an error of the service: {text}; query again"
            )
        if info.value == "OVERFLOW":
            log.warning("%s: the service cut its answer short (OVERFLOW); query for all rows", path)


def from_astropy(
    path: Path,
    table: Any,  # noqa: ANN401  of astropy
    *,
    label: str = "",
) -> CatalogTable:
    """Return a table of astropy with its sky coordinates as two columns, ``name.ra``, ``name.dec``.

    They are in degrees and ICRS, whatever frame the file has them in.
    """
    from astropy.coordinates import SkyCoord

    if len(table) > MOST_ROWS:
        raise InputError(
            f"{path}{label}: {len(table)} rows; at most {MOST_ROWS} are read: write those that are "
            "needed into a smaller file"
        )
    names: list[str] = []
    units: list[str] = []
    columns: list[Any] = []
    for name in table.colnames:
        column = table[name]
        if isinstance(column, SkyCoord):
            names += [f"{name}.ra", f"{name}.dec"]
            units += ["deg", "deg"]
            columns += _icrs(column)
        else:
            names.append(name)
            units.append(str(getattr(column, "unit", None) or ""))
            columns.append(_plain_column(column))
    return CatalogTable(
        path=path,
        columns=columns,
        headings=[names],
        is_named=True,
        units=units,
        label=label,
    )


def _icrs(column: Any) -> list[Any]:  # noqa: ANN401  a SkyCoord
    """Return right ascension and declination of sky coordinates, nan where one is masked."""
    import numpy as np

    icrs = column.icrs
    return [
        np.ma.asarray(getattr(angle, "unmasked", angle).to_value("deg"))
        if not np.any(getattr(angle, "mask", False))
        else np.ma.array(angle.unmasked.to_value("deg"), mask=angle.mask)
        for angle in (icrs.ra, icrs.dec)
    ]


def _plain_column(column: Any) -> Any:  # noqa: ANN401  of any kind
    """Return a quantity as its numbers; another column as it is."""
    from astropy.units import Quantity

    if not isinstance(column, Quantity):
        return column
    import numpy as np

    plain = getattr(column, "unmasked", column).value
    return np.ma.array(plain, mask=getattr(column, "mask", False))
