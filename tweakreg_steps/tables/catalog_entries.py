"""The entries of a user's catalog that are to be used, whatever the catalog is for.

Columns are given by number (from 1), by name, or as ``1-3``: three columns with hours (or degrees),
minutes and seconds. 1 and 2, the defaults, mean "not given" where a file names a well-known pair
of position columns (RA and DEC, X_IMAGE and Y_IMAGE, ...): then that pair is taken, which the log
says. Where the file names no columns they are columns 1 and 2.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from tweakreg_steps.tables.flux_limits import brightest, explain_none_within, within_limits
from tweakreg_steps.tables.position_errors import ErrorColumns, position_errors

log = logging.getLogger(__name__)

Column = int | str
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CatalogEntries:
    """Entries of a catalog, in the order of its file.

    Attributes
    ----------
    id
        Number of the entry in the file, from 0.
    x, y
        RA and Dec in degrees, or 1-based pixels.
    flux
        Flux or magnitude, nan where there is none.
    error
        Standard error of the position along one axis in mas, nan where there is none.
    n_all
        Number of entries in the file.
    """

    id: NDArray[np.int64]
    x: Floats
    y: Floats
    flux: Floats
    error: Floats
    n_all: int

    def __len__(self) -> int:
        return len(self.id)

    def select(self, wanted: Flags) -> CatalogEntries:
        """Return the entries that are wanted, shape (n,)."""
        columns = ("id", "x", "y", "flux", "error")
        return replace(self, **{name: getattr(self, name)[wanted] for name in columns})


@dataclass(frozen=True)
class Selection:
    """What is wanted of a catalog, and how the recipe calls it.

    Attributes
    ----------
    section
        The recipe's section, for messages.
    position, flux
        What the names of its parameters about positions and about fluxes begin with.
    xcol, ycol
        Columns of RA and Dec, or of x and y.
    xyunits
        ``degrees`` or ``pixels`` (1-based).
    fluxcol
        Column of the flux or magnitude, or None.
    maxflux, minflux, fluxunits
        See `tweakreg_steps.tables.flux_limits.within_limits`.
    nbright
        Keep so many of the brightest entries that pass the limits; None for all.
    errors
        The columns of the positions' errors: see `position_errors`; None where they do not matter.
    may_be_empty
        Whether a catalog may hold no entry, or none that is kept.
    """

    section: str
    position: str
    flux: str
    xcol: Column
    ycol: Column
    xyunits: str
    fluxcol: Column | None
    maxflux: float | None
    minflux: float | None
    fluxunits: str
    nbright: int | None
    errors: ErrorColumns | None
    may_be_empty: bool


def read_entries(path: Path, wanted: Selection) -> CatalogEntries:
    """Read the entries of a catalog that are to be used.

    Entries without a position and repeated positions are left out, with a word in the log.

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, a cell cannot be understood, a position is
        impossible, or no entry is left where some must be.
    """
    table = read_catalog_table(path)
    if not len(table):
        return _no_entries(table, wanted)
    first, second = _position_columns(table, wanted)
    unit = "deg" if wanted.xyunits == "degrees" else ""
    x = column_values(table, first, unit=unit, hours=unit == "deg")
    y = column_values(table, second, unit=unit, hours=False)
    flux = _fluxes(table, wanted)
    none = np.full(len(table), np.nan)
    error = none if wanted.errors is None else position_errors(table, wanted.errors)
    kept = _usable(table, x, y)
    if wanted.xyunits == "degrees":
        _require_sky(table, x, y, kept, wanted)
        x = x % 360.0
    kept = _first_of_each(table, x, y, kept)
    kept &= _bright_enough(table, flux, wanted)
    if wanted.nbright is not None:
        kept = brightest(flux, kept, nbright=wanted.nbright, fluxunits=wanted.fluxunits)
    log.info("%s: %d of %d entries used", path, kept.sum(), len(kept))
    return CatalogEntries(np.nonzero(kept)[0], x[kept], y[kept], flux[kept], error[kept], len(kept))


def _no_entries(table: CatalogTable, wanted: Selection) -> CatalogEntries:
    """Return nothing, where that is allowed."""
    if not wanted.may_be_empty:
        raise InputError(f"{table.path}: the catalog holds no entry")
    log.warning("%s: the catalog holds no entry", table.path)
    empty = np.zeros(0)
    return CatalogEntries(np.zeros(0, dtype=np.int64), empty, empty, empty, empty, 0)


def _position_columns(
    table: CatalogTable, wanted: Selection
) -> tuple[Sequence[int], Sequence[int]]:
    """Columns (from 0) of both coordinates: those asked for, or those that the file names."""
    xcol, ycol = wanted.xcol, wanted.ycol
    if (xcol, ycol) == (1, 2):
        if pair := known_pair(table, wanted.xyunits):
            log.info("%s: positions from the columns %s and %s", table.path, *pair)
            xcol, ycol = pair
        elif table.is_named:
            log.warning(
                "%s: no columns are known as positions in %s; columns 1 and 2 are taken of: %s",
                table.path,
                wanted.xyunits,
                ", ".join(table.headings[0]),
            )
    name = f"{wanted.section}.{wanted.position}"
    return columns_of(table, xcol, f"{name}xcol"), columns_of(table, ycol, f"{name}ycol")


def _fluxes(table: CatalogTable, wanted: Selection) -> Floats:
    """Fluxes of all entries, nan without a column of them."""
    name = f"{wanted.section}.{wanted.flux}fluxcol"
    if wanted.fluxcol is not None:
        columns = columns_of(table, wanted.fluxcol, name)
        return column_values(table, columns, unit="", hours=False)
    limits = {
        f"{wanted.flux}maxflux": wanted.maxflux,
        f"{wanted.flux}minflux": wanted.minflux,
        f"{wanted.position}nbright": wanted.nbright,
    }
    if asked := [name for name, value in limits.items() if value is not None]:
        raise InputError(
            f"{table.path}: {', '.join(asked)} cannot be applied without fluxes; set "
            f"{name} to their column, or leave the limit out"
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


def _require_sky(
    table: CatalogTable, x: Floats, y: Floats, usable: Flags, wanted: Selection
) -> None:
    """Refuse what is no RA and Dec in degrees."""
    wrong = usable & ((np.abs(y) > 90) | (np.abs(x) > 360))  # noqa: PLR2004  the sky's own limits
    if wrong.any():
        i = int(np.argmax(wrong))
        name = wanted.position
        raise InputError(
            f"{table.path}: RA {x[i]:g}, Dec {y[i]:g} is no position on the sky "
            f"({table.where(wrong)}); set {wanted.section}.{name}xcol and {name}ycol to the "
            f"columns of RA and Dec in degrees, or {name}xyunits: pixels"
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


def _bright_enough(table: CatalogTable, flux: Floats, wanted: Selection) -> Flags:
    """Entries within the limits; having none at all is refused or noted in the log."""
    limits = {
        "maxflux": wanted.maxflux,
        "minflux": wanted.minflux,
    }
    kept = within_limits(flux, **limits, fluxunits=wanted.fluxunits)
    if not kept.any():
        text = explain_none_within(flux, **limits, fluxunits=wanted.fluxunits, prefix=wanted.flux)
        if not wanted.may_be_empty:
            raise InputError(f"{table.path}: {text}")
        log.warning("%s: %s", table.path, text)
    return kept
