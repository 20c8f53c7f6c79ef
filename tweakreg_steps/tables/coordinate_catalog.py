"""The sources of one chip from a catalog made elsewhere."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.tables.catalog_columns import Column
from tweakreg_steps.tables.catalog_entries import CatalogEntries, Selection, read_entries


def read_coordinate_catalog(
    path: Path,
    *,
    xcol: Column,
    ycol: Column,
    xyunits: str,
    fluxcol: Column | None,
    maxflux: float | None,
    minflux: float | None,
    fluxunits: str,
    nbright: int | None,
) -> CatalogEntries:
    """Read the entries of a chip's catalog that are to be used.

    Parameters
    ----------
    path
        The catalog.
    xcol, ycol
        Columns of x and y, or of RA and Dec.
    xyunits
        ``pixels`` (1-based, of the chip) or ``degrees``.
    fluxcol
        Column of the flux or magnitude, or None.
    maxflux, minflux
        Bright and faint limit, inclusive; with ``fluxunits`` ``mag`` the faint limit is the larger
        number.
    fluxunits
        ``counts``, ``cps`` or ``mag``.
    nbright
        Keep so many of the brightest entries that pass the limits.

    Returns
    -------
    CatalogEntries
        In the order of the file, perhaps none; entries without a position and repeated positions
        left out.

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, a cell cannot be understood, a position is
        impossible.
    """
    wanted = Selection(
        section="coordinate_file",
        position="",
        flux="",
        xcol=xcol,
        ycol=ycol,
        xyunits=xyunits,
        fluxcol=fluxcol,
        maxflux=maxflux,
        minflux=minflux,
        fluxunits=fluxunits,
        nbright=nbright,
        errors=None,
        may_be_empty=True,
    )
    return read_entries(path, wanted)
