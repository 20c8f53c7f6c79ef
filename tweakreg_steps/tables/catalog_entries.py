"""The entries of a user's catalog that are to be used, whatever the catalog is for.

Columns are given by number (from 1), by name, or as ``1-3``: three columns with hours (or degrees),
minutes and seconds. 1 and 2, the defaults, mean "not given" where a file names a well-known pair
of position columns (RA and DEC, X_IMAGE and Y_IMAGE, ...): then that pair is taken, which the log
says. Where the file names no columns they are columns 1 and 2.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IntArray
from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.catalog_columns import (
    CatalogTable,
    Column,
    ColumnRole,
    columns_of,
    read_role,
    show_names,
)
from tweakreg_steps.tables.catalog_table import read_catalog_table
from tweakreg_steps.tables.cell_values import printable
from tweakreg_steps.tables.flux_limits import brightest, explain_none_within, within_limits
from tweakreg_steps.tables.position_columns import known_pair
from tweakreg_steps.tables.position_errors import ErrorColumns, position_errors
from tweakreg_steps.tables.text_tables import UnevenRowsError

log = logging.getLogger(__name__)

Floats = FloatArray
Flags = BoolArray


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
    more
        Values of the further columns that were asked for, by what they were asked for as.
    """

    id: IntArray
    x: Floats
    y: Floats
    flux: Floats
    error: Floats
    n_all: int
    more: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.id)

    def select(self, wanted: Flags) -> CatalogEntries:
        """Return the entries that are wanted, shape (n,)."""
        columns = ("id", "x", "y", "flux", "error")
        chosen = {name: getattr(self, name)[wanted] for name in columns}
        more = {name: values[wanted] for name, values in self.more.items()}
        return replace(self, **chosen, more=more)


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
    more
        Further columns, each by the name that `CatalogEntries.more` is to have it under: a
        proper motion, say, with its unit.
    find_more
        Gives such columns that only the file tells of; None for none.
    complete
        Makes of the values of further columns, and the number of entries, those to be kept; None
        to keep them as they are.
    passed
        Tells which entries are to be used, from the name of the catalog, the values of its
        further columns and the number of entries; None for all.
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
    more: Mapping[str, ColumnRole] = field(default_factory=dict)
    find_more: Callable[[CatalogTable], Mapping[str, ColumnRole]] | None = None
    complete: Callable[[Mapping[str, Floats], int], Mapping[str, Floats]] | None = None
    passed: Callable[[str, Mapping[str, Floats], int], Flags] | None = None

    @property
    def x(self) -> ColumnRole:
        """The column of RA or x."""
        unit = "deg" if self.xyunits == "degrees" else ""
        name = f"{self.section}.{self.position}xcol"
        return ColumnRole(name, self.xcol, unit, is_hours=unit == "deg")

    @property
    def y(self) -> ColumnRole:
        """The column of Dec or y."""
        unit = "deg" if self.xyunits == "degrees" else ""
        return ColumnRole(f"{self.section}.{self.position}ycol", self.ycol, unit)

    def others(self) -> Iterator[ColumnRole]:
        """Yield the columns that are named besides those of the positions."""
        if self.fluxcol is not None:
            yield ColumnRole(f"{self.section}.{self.flux}fluxcol", self.fluxcol)
        if self.errors is not None:
            yield from self.errors.roles()
        yield from self.more.values()


def read_entries(path: Path, wanted: Selection) -> CatalogEntries:
    """Read the entries of a catalog that are to be used.

    Entries without a position and repeated positions are left out, with a word in the log.

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, a cell cannot be understood, a position is
        impossible, or no entry is left where some must be.
    """
    table = _read_table(path, wanted)
    if not len(table):
        return _no_entries(table, wanted)
    x, y = (read_role(table, role) for role in _position_roles(table, wanted))
    entries = CatalogEntries(
        id=np.arange(len(table)),
        x=x,
        y=y,
        flux=_fluxes(table, wanted),
        error=_errors(table, wanted),
        n_all=len(table),
        more=_further(table, wanted),
    )
    kept = _kept(table, entries, wanted)
    log.info("%s: %d of %d entries used", path, kept.sum(), len(kept))
    if wanted.xyunits == "degrees":
        entries = replace(entries, x=x % 360.0)
    return entries.select(kept)


def _read_table(path: Path, wanted: Selection) -> CatalogTable:
    """Read the table of a file that has the columns wanted."""
    try:
        return read_catalog_table(path, partial(_fit, wanted=wanted))
    except UnevenRowsError as error:
        for role in (wanted.x, wanted.y, *wanted.others()):
            if str(role.column).isdecimal() and int(role.column) > error.count > 0:
                raise InputError(
                    f"{path}: there is no column {role.column} ({role.parameter}); line "
                    f"{error.line} has {error.count} columns. {error}"
                ) from error
        raise


def _fit(table: CatalogTable, *, wanted: Selection) -> int:
    """Return how well a table goes with what is wanted: 0 not, 1 perhaps, 2 surely."""
    pair = None
    named = list(wanted.others())
    if (wanted.xcol, wanted.ycol) == (1, 2):
        pair = known_pair(table, wanted.xyunits)
    if pair is None:
        named += [wanted.x, wanted.y]
    try:
        for role in named:
            columns_of(table, role.column, role.parameter)
    except InputError:
        return 0
    return 1 if pair is None and (wanted.xcol, wanted.ycol) == (1, 2) else 2


def _kept(table: CatalogTable, entries: CatalogEntries, wanted: Selection) -> Flags:
    """Tell which entries are to be used, shape (n,); why others are not is noted in the log."""
    kept = _usable(table, entries.x, entries.y)
    x = entries.x
    if wanted.xyunits == "degrees":
        _require_sky(table, x, entries.y, kept, wanted)
        x = x % 360.0
    kept = _first_of_each(table, x, entries.y, kept)
    kept &= _bright_enough(table, entries.flux, wanted)
    if wanted.passed is not None:
        kept &= wanted.passed(table.name, entries.more, len(table))
    if wanted.nbright is not None:
        kept = brightest(entries.flux, kept, nbright=wanted.nbright, fluxunits=wanted.fluxunits)
    return kept


def _further(table: CatalogTable, wanted: Selection) -> Mapping[str, Floats]:
    """Return the values of the further columns."""
    found = wanted.find_more(table) if wanted.find_more else {}
    values = {name: read_role(table, role) for name, role in {**found, **wanted.more}.items()}
    return wanted.complete(values, len(table)) if wanted.complete else values


def _errors(table: CatalogTable, wanted: Selection) -> Floats:
    """Return the errors of all positions in mas, nan where there is none."""
    if wanted.errors is None:
        return np.full(len(table), np.nan)
    return position_errors(table, wanted.errors)


def _no_entries(table: CatalogTable, wanted: Selection) -> CatalogEntries:
    """Return nothing, where that is allowed."""
    if not wanted.may_be_empty:
        raise InputError(f"{table.path}: the catalog holds no entry")
    log.warning("%s: the catalog holds no entry", table.path)
    empty = np.zeros(0)
    more = dict.fromkeys(wanted.more, empty)
    return CatalogEntries(np.zeros(0, dtype=np.int64), empty, empty, empty, empty, 0, more)


def _position_roles(table: CatalogTable, wanted: Selection) -> tuple[ColumnRole, ColumnRole]:
    """Return the columns of both coordinates: those asked for, or those that the file names."""
    if (wanted.xcol, wanted.ycol) != (1, 2):
        return wanted.x, wanted.y
    pair = known_pair(table, wanted.xyunits)
    if pair is not None:
        log.info("%s: positions from the columns %s and %s", table.name, *map(printable, pair))
        return replace(wanted.x, column=pair[0]), replace(wanted.y, column=pair[1])
    if table.headings:
        log.warning(
            "%s: no columns are known as positions in %s; columns 1 and 2 are taken of: %s. If "
            "that is wrong, set %s and %s",
            table.name,
            wanted.xyunits,
            show_names(table.headings[0]),
            wanted.x.parameter,
            wanted.y.parameter,
        )
    return wanted.x, wanted.y


def _fluxes(table: CatalogTable, wanted: Selection) -> Floats:
    """Return the fluxes of all entries, nan without a column of them."""
    name = f"{wanted.section}.{wanted.flux}fluxcol"
    if wanted.fluxcol is not None:
        return read_role(table, ColumnRole(name, wanted.fluxcol))
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
