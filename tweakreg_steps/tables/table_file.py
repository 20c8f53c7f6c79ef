"""Tables of the workflow in files: FITS where the name ends with ``.fits``, else ECSV.

CPU of writing and reading a source list of eleven columns (ms; astropy 8.0, one core):

======= ============ ============ =========== ============= ===============
rows    FITS         own ECSV     astropy's   VOTable       CSV, no units
                                  ECSV        (binary2)
======= ============ ============ =========== ============= ===============
300     10 + 4.2     2.7 + 1.2    7.0 + 6.1   18 + 6.5      3.5 + 1.4
6,000   12 + 6.2     28 + 18      81 + 46     324 + 90      42 + 11
60,000  21 + 9.3     293 + 169    788 + 438   3186 + 845    391 + 98
======= ============ ============ =========== ============= ===============

The metadata are JSON, the bytes of an image of its own, ``META``: FITS cards hold neither nested
values nor other letters than ASCII. ``astropy.table.Table.read`` reads the columns and their units;
their descriptions are the cards TCOMMn, as TOPCAT reads them.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.atomic import write_bytes_atomically
from tweakreg_steps.errors import InputError
from tweakreg_steps.tables import ecsv
from tweakreg_steps.tables.binary_tables import require_sane
from tweakreg_steps.tables.ecsv import ColumnTable

__all__ = ["TABLE_HDUS", "ColumnTable", "format_fits", "read_meta", "read_table", "write_table"]

TABLE_HDUS = _DATA, _META = "TABLE", "META"
"""The extensions of a file that `write_table` wrote, in their order."""

_SUFFIX = ".fits"
_CODES = {
    "bool": "L",
    "uint8": "B",
    "int16": "I",
    "int32": "J",
    "int64": "K",
    "float32": "E",
    "float64": "D",
}
_OFFSETS = {"uint16": ("I", 2**15), "uint32": ("J", 2**31)}
"""Types that FITS has only with an offset (TZERO)."""


def write_table(path: Path, table: ColumnTable) -> None:
    """Write a table; equal tables give the same bytes, and numbers lose nothing.

    Raises
    ------
    ValueError
        The format cannot hold a column.
    JobFailedError
        The file cannot be written.
    """
    if path.suffix == _SUFFIX:
        write_bytes_atomically(path, format_fits(table))
    else:
        ecsv.write_table(path, table)


def read_table(path: Path) -> ColumnTable:
    """Read a table that `write_table` wrote.

    Raises
    ------
    InputError
        The file cannot be read or is none of these.
    """
    if path.suffix != _SUFFIX:
        return ecsv.read_table(path)
    return _read_fits(path, with_columns=True)


def read_meta(path: Path) -> dict[str, Any]:
    """Read the metadata of a table alone.

    Raises
    ------
    InputError
        The file cannot be read or is none of `write_table`'s.
    """
    table = (
        ecsv.read_table(path) if path.suffix != _SUFFIX else _read_fits(path, with_columns=False)
    )
    return dict(table.meta)


def format_fits(table: ColumnTable) -> bytes:
    """Return the bytes of the FITS file that `write_table` writes."""
    from astropy.io import fits

    columns = [
        _to_column(name, column, table.units.get(name)) for name, column in table.columns.items()
    ]
    data = fits.BinTableHDU.from_columns(columns, nrows=len(table), name=_DATA)
    for number, name in enumerate(table.columns, start=1):
        if name in table.descriptions:
            data.header[f"TCOMM{number}"] = table.descriptions[name]
    content = json.dumps(dict(table.meta)).encode("ascii")
    meta = fits.ImageHDU(np.frombuffer(content, dtype=np.uint8), name=_META)
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), data, meta]).writeto(stream)
    return stream.getvalue()


def _to_column(name: str, column: NDArray[Any], unit: str | None) -> Any:  # noqa: ANN401  of astropy
    """Return a column as FITS has it."""
    from astropy.io import fits

    if column.dtype.kind == "U":
        column = _encode(name, column)
        return fits.Column(name, f"{column.dtype.itemsize}A", array=column, unit=unit)
    code, offset = _OFFSETS.get(column.dtype.name, (_CODES.get(column.dtype.name), None))
    if code is None:
        raise ValueError(f"column {name!r}: a table cannot hold the type {column.dtype}")
    shape = column.shape[1:]
    count = int(np.prod(shape)) if shape else ""
    options: dict[str, Any] = {"dim": str(shape[::-1])} if len(shape) > 1 else {}
    return fits.Column(name, f"{count}{code}", array=column, unit=unit, bzero=offset, **options)


def _encode(name: str, column: NDArray[Any]) -> NDArray[Any]:
    """Return texts as UTF-8; those that FITS would cut are refused."""
    if column.ndim > 1:
        raise ValueError(f"column {name!r}: a table cannot hold several texts a row")
    for value in column.tolist():
        if value != value.rstrip(" ") or "\0" in value:
            raise ValueError(f"column {name!r}: a table cannot hold the blank end of {value!r}")
    encoded: NDArray[Any] = np.char.encode(column, "utf-8")
    return encoded.astype(f"S{max(encoded.dtype.itemsize, 1)}")


def _read_fits(path: Path, *, with_columns: bool) -> ColumnTable:
    """Read a table, or its metadata with no columns to speak of."""
    from astropy.io import fits

    try:
        content = path.read_bytes()
        with fits.open(io.BytesIO(content), character_as_bytes=True, uint=True) as hdus:
            meta = _decode_meta(hdus[_META], len(content))
            if with_columns:
                require_sane(path, hdus[_DATA], f", {_DATA}", len(content))
            columns = _columns(hdus[_DATA]) if with_columns else {"": np.zeros(0)}
            descriptions = {
                column.name: hdus[_DATA].header[f"TCOMM{number}"]
                for number, column in enumerate(hdus[_DATA].columns, start=1)
                if with_columns and f"TCOMM{number}" in hdus[_DATA].header
            }
            units = {c.name: c.unit for c in hdus[_DATA].columns if with_columns and c.unit}
    except InputError:
        raise
    except Exception as error:
        cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(
            f"{path} is not a table this program can read: {cause:.300}; run the recipe again"
        ) from error
    return ColumnTable(columns, units, descriptions, meta)


def _decode_meta(hdu: Any, size: int) -> dict[str, Any]:  # noqa: ANN401  an HDU of astropy
    """Return the metadata."""
    if hdu.header["NAXIS"] != 1 or not 0 < hdu.header["NAXIS1"] <= size:
        raise ValueError("its metadata are cut short")
    meta = json.loads(bytes(hdu.data))
    if not isinstance(meta, dict):
        raise ValueError("its metadata are no mapping")  # noqa: TRY004  of the file
    return meta


def _columns(hdu: Any) -> dict[str, NDArray[Any]]:  # noqa: ANN401  an HDU of astropy
    """Return the columns in the order of bytes of this machine."""
    return {name: _native(np.asarray(hdu.data[name])) for name in hdu.columns.names}


def _native(values: NDArray[Any]) -> NDArray[Any]:
    """Return a column as `write_table` was given it."""
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8")
    return np.ascontiguousarray(values.astype(values.dtype.newbyteorder("=")))
