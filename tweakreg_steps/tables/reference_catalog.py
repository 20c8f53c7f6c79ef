"""Reference catalogs: positions on the sky (or the reference plane), perhaps with fluxes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tweakreg_steps.tables.catalog_columns import Column
from tweakreg_steps.tables.catalog_entries import CatalogEntries, Selection, read_entries
from tweakreg_steps.tables.motion_columns import MotionColumns, MotionLimits, NoMotion
from tweakreg_steps.tables.position_errors import ErrorColumns


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
    ref_epoch: float | str | None,
    columns: Mapping[str, Column | None],
    no_pm: NoMotion,
    ruwe_max: float | None,
    pm_error_max: float | None,
) -> CatalogEntries:
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
    ref_epoch
        Epoch of the positions, a Julian year or the name of a column; None where the file tells.
    columns
        Columns of motions, errors and correlations by Gaia's names; None for one that is not to
        be used. Others are taken where the file has them under Gaia's names, or VizieR's.
    no_pm, ruwe_max, pm_error_max
        See `MotionLimits`.

    Returns
    -------
    CatalogEntries
        In the order of the file; entries without a position and repeated positions left out.
        Its further columns are those of `tweakreg_steps.tables.motion_columns.OPTIONAL`.

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, a cell cannot be understood, a position is
        impossible, or no entry is left.
    """
    errors = ErrorColumns(refxerrcol, refyerrcol, referrunits)
    motions = MotionColumns(ref_epoch, columns, errors)
    wanted = Selection(
        section="reference_catalog",
        position="ref",
        flux="r",
        xcol=refxcol,
        ycol=refycol,
        xyunits=refxyunits,
        fluxcol=rfluxcol,
        maxflux=rmaxflux,
        minflux=rminflux,
        fluxunits=rfluxunits,
        nbright=refnbright,
        errors=errors,
        may_be_empty=False,
        more=motions.asked(),
        find_more=motions.found,
        complete=motions.with_epoch,
        passed=MotionLimits(no_pm, ruwe_max, pm_error_max).passed,
    )
    return read_entries(path, wanted)
