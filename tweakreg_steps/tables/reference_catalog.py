"""Reference catalogs: positions on the sky (or the reference plane), perhaps with fluxes.

Whitespace-separated text, CSV, ECSV, FITS tables and VOTables are read (`catalog_table`); this
module decides which columns are meant and which entries are kept.

Columns are given by number (from 1), by name, or as ``1-3``: three columns with hours (or degrees),
minutes and seconds. 1 and 2, the defaults, mean "not given" where a file names a well-known pair
of position columns (RA and DEC, RAJ2000 and DEJ2000, ...): then that pair is taken, which the log
says. Where the file names no columns they are columns 1 and 2.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.catalog_table import (
    CatalogTable,
    column_values,
    columns_of,
    known_pair,
    read_catalog_table,
)
from tweakreg_steps.tables.position_errors import position_errors

log = logging.getLogger(__name__)

Column = int | str
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ReferenceCatalog:
    """Entries of a reference catalog, in the order of its file.

    Attributes
    ----------
    id
        Number of the entry in the file, from 0.
    x, y
        RA and Dec in degrees, or 1-based pixels of the reference plane (``refxyunits``).
    flux
        Flux or magnitude, nan where there is none.
    error
        Standard error of the position along one axis in mas, nan where there is none.
    """

    id: NDArray[np.int64]
    x: Floats
    y: Floats
    flux: Floats
    error: Floats

    def __len__(self) -> int:
        return len(self.id)

    def select(self, wanted: NDArray[np.bool_]) -> ReferenceCatalog:
        """Return the entries that are wanted, shape (n,)."""
        return ReferenceCatalog(*(column[wanted] for column in vars(self).values()))


def read_reference_catalog(
    path: Path,
    *,
    refxcol: Column,
    refycol: Column,
    refxyunits: str,
    rfluxcol: Column | None,
    rmaxflux: float | None,
    rminflux: float | None,
    rfluxunits: str,
    refnbright: int | None,
    refxerrcol: Column | None,
    refyerrcol: Column | None,
    referrunits: str,
) -> ReferenceCatalog:
    """Read the entries of a reference catalog that are to be used.

    Parameters
    ----------
    path
        The catalog.
    refxcol, refycol
        Columns of RA and Dec, or of x and y.
    refxyunits
        ``degrees`` or ``pixels`` (1-based, of the reference plane).
    rfluxcol
        Column of the flux or magnitude, or None.
    rmaxflux, rminflux
        Bright and faint limit, inclusive; with ``rfluxunits`` ``mag`` the faint limit is the larger
        number.
    rfluxunits
        ``mag``, ``counts`` or ``cps``.
    refnbright
        Keep so many of the brightest entries that pass the limits.
    refxerrcol, refyerrcol, referrunits
        See `position_errors`.

    Returns
    -------
    ReferenceCatalog
        In the order of the file; entries without a position and repeated positions left out.

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, a cell cannot be understood, a position is
        impossible, or no entry is left.
    """
    table = read_catalog_table(path)
    first, second = _position_columns(table, refxcol, refycol, refxyunits)
    unit = "deg" if refxyunits == "degrees" else ""
    x = column_values(table, first, unit=unit, hours=unit == "deg")
    y = column_values(table, second, unit=unit, hours=False)
    errors = position_errors(table, xerrcol=refxerrcol, yerrcol=refyerrcol, errunits=referrunits)
    limits = {"rmaxflux": rmaxflux, "rminflux": rminflux, "refnbright": refnbright}
    flux = _fluxes(table, rfluxcol, limits)
    kept = _usable(table, x, y)
    if refxyunits == "degrees":
        _require_sky(table, x, y, kept)
        x = x % 360.0
    kept = _first_of_each(table, x, y, kept)
    kept &= _within(flux, bright=rmaxflux, faint=rminflux, units=rfluxunits)
    if not kept.any():
        raise InputError(_explain_none_left(table, flux, rfluxunits, limits))
    if refnbright is not None:
        kept = _brightest(flux, kept, refnbright, rfluxunits)
    log.info("%s: %d of %d entries used", path, kept.sum(), len(kept))
    return ReferenceCatalog(np.nonzero(kept)[0], x[kept], y[kept], flux[kept], errors[kept])


def _position_columns(
    table: CatalogTable, refxcol: Column, refycol: Column, refxyunits: str
) -> tuple[Sequence[int], Sequence[int]]:
    """Columns (from 0) of both coordinates: those asked for, or those that the file names."""
    if (refxcol, refycol) == (1, 2):
        if pair := known_pair(table, refxyunits):
            log.info("%s: positions from the columns %s and %s", table.path, *pair)
            refxcol, refycol = pair
        elif table.is_named:
            log.warning(
                "%s: no columns are known as positions in %s; columns 1 and 2 are taken of: %s",
                table.path,
                refxyunits,
                ", ".join(table.headings[0]),
            )
    return columns_of(table, refxcol, "refxcol"), columns_of(table, refycol, "refycol")


def _fluxes(
    table: CatalogTable, rfluxcol: Column | None, limits: Mapping[str, float | None]
) -> Floats:
    """Fluxes of all entries, nan without a column of them."""
    if rfluxcol is not None:
        return column_values(table, columns_of(table, rfluxcol, "rfluxcol"), unit="", hours=False)
    if asked := [name for name, value in limits.items() if value is not None]:
        raise InputError(
            f"{table.path}: {', '.join(asked)} cannot be applied without fluxes; set "
            "reference_catalog.rfluxcol to their column, or leave the limit out"
        )
    return np.full(len(table), np.nan)


def _usable(table: CatalogTable, x: Floats, y: Floats) -> Flags:
    """Entries with a position; the others are noted in the log."""
    usable = np.isfinite(x) & np.isfinite(y)
    if not usable.any():
        raise InputError(f"{table.path}: no entry has a position; correct the catalog")
    if not usable.all():
        log.warning("%s: left out, without a position: %s", table.path, table.where(~usable))
    return np.asarray(usable)


def _require_sky(table: CatalogTable, x: Floats, y: Floats, usable: Flags) -> None:
    """Refuse what is no RA and Dec in degrees."""
    wrong = usable & ((np.abs(y) > 90) | (np.abs(x) > 360))  # noqa: PLR2004  the sky's own limits
    if wrong.any():
        i = int(np.argmax(wrong))
        raise InputError(
            f"{table.path}: RA {x[i]:g}, Dec {y[i]:g} is no position on the sky "
            f"({table.where(wrong)}); set reference_catalog.refxcol and refycol to the columns of "
            "RA and Dec in degrees, or refxyunits: pixels"
        )


def _first_of_each(table: CatalogTable, x: Floats, y: Floats, usable: Flags) -> Flags:
    """Usable entries without those whose position stood before."""
    order = np.nonzero(usable)[0]
    _, first = np.unique(np.column_stack([x[order], y[order]]), axis=0, return_index=True)
    kept = np.zeros_like(usable)
    kept[order[first]] = True
    repeated = usable & ~kept
    if repeated.any():
        log.warning("%s: left out, position repeated: %s", table.path, table.where(repeated))
    return kept


def _within(flux: Floats, *, bright: float | None, faint: float | None, units: str) -> Flags:
    """Entries between the limits, both inclusive; without a limit all, also those without flux."""
    sign = -1.0 if units == "mag" else 1.0
    kept = np.ones(len(flux), dtype=bool)
    if bright is not None:
        kept &= sign * flux <= sign * bright
    if faint is not None:
        kept &= sign * flux >= sign * faint
    return kept


def _brightest(flux: Floats, kept: Flags, count: int, units: str) -> Flags:
    """Choose the brightest of the kept entries; of equals the earlier, those without flux last."""
    order = np.nonzero(kept)[0]
    faintness = flux[order] if units == "mag" else -flux[order]
    chosen = np.zeros_like(kept)
    chosen[order[np.argsort(faintness, kind="stable")[:count]]] = True
    return chosen


def _explain_none_left(
    table: CatalogTable, flux: Floats, units: str, limits: Mapping[str, float | None]
) -> str:
    """Say why no entry is left."""
    known = flux[np.isfinite(flux)]
    span = f"from {known.min():g} to {known.max():g}" if len(known) else "all unknown"
    order = "rmaxflux <= value <= rminflux" if units == "mag" else "rminflux <= value <= rmaxflux"
    return (
        f"{table.path}: no entry is within the limits rmaxflux {limits['rmaxflux']}, rminflux "
        f"{limits['rminflux']}; the catalog's values are {span}. With rfluxunits: {units}, "
        f"{order} is kept"
    )
