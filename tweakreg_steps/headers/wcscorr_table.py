"""WCSCORR: the table in which HST exposures keep the history of their WCS, by stwcs."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.fits_blocks import BLOCK
from tweakreg_steps.fits_files.wcs_cards import is_alternate_wcs
from tweakreg_steps.headers.wcscorr_rows import add_rows

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, HDUList, Header

log = logging.getLogger(__name__)

# what describes the form of an HDU, its lookup tables or nothing that the table records
_LEFT_OUT = re.compile(
    r"^(?:SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|EXTEND|GROUPS|EXTNAME|EXTVER|CHECKSUM|DATASUM"
    r"|Z[A-Z]+\d*|T(?:FIELDS|FORM\d+|TYPE\d+)|THEAP|CPDIS\d|DP\d|D2IMDIS\d|D2IM\d|AXISCORR"
    r"|HISTORY|COMMENT|)$"
)


def record_wcs(
    *, primary: bytes, science: Sequence[bytes], table: bytes | None, wcsname: str
) -> bytes | None:
    """Record the primary WCS of an HST exposure in its WCSCORR table.

    The rows of a WCS recorded before under the same name are replaced. What is not done by
    `tweakreg_steps.headers.wcscorr_rows`, such as a new table, stwcs does on a sketch of the file,
    its headers without pixels.

    Parameters
    ----------
    primary : bytes
        Header of the primary HDU.
    science : sequence of bytes
        Headers of SCI,1 to SCI,n, the new WCS in them.
    table : bytes or None
        The present WCSCORR extension, header and data; None where there is none.
    wcsname : str
        Name of the new WCS.

    Returns
    -------
    bytes or None
        The extension as it is to be written; None where stwcs keeps no such table, as for
        drizzled images.
    """
    known = table and add_rows(primary=primary, science=science, table=table, wcsname=wcsname)
    return known or record_by_stwcs(primary, science, table, wcsname)


def record_by_stwcs(
    primary: bytes, science: Sequence[bytes], table: bytes | None, wcsname: str
) -> bytes | None:
    """Have stwcs record a WCS, arguments as `record_wcs`; the table as it was where it cannot."""
    from stwcs.wcsutil import wcscorr

    hdus = _sketch_file(primary, science, table)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            wcscorr.init_wcscorr(hdus)
            if "WCSCORR" not in hdus:
                return None
            if table is None:
                # stwcs gives the rows of a new table but OPUS's a name made from IDCTAB
                _keep_rows(hdus, lambda name: name == "OPUS")
            else:
                _keep_rows(hdus, lambda name: name != wcsname.upper())
            wcscorr.update_wcscorr(hdus)
    except (KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
        log.warning(
            "WCSCORR is left as it was: stwcs cannot record this WCS (%s: %s)",
            type(error).__name__,
            error,
        )
        return table
    return _serialise(hdus["WCSCORR"])


def _sketch_file(primary: bytes, science: Sequence[bytes], table: bytes | None) -> HDUList:
    """Return the headers and the table as stwcs wants them: an HDUList."""
    from astropy.io import fits

    class Sketch(fits.HDUList):  # type: ignore[misc]  # astropy is untyped
        """A file that is nowhere to be flushed to, which stwcs tries."""

        def flush(self, *_: object, **__: object) -> None:
            """Do nothing."""

    is_new = table is None
    hdus = Sketch([fits.PrimaryHDU(header=_sketch(primary, with_alternates=True))])
    for version, header in enumerate(science, start=1):
        hdu = fits.ImageHDU(header=_sketch(header, with_alternates=is_new), name="SCI")
        hdu.header["EXTVER"] = version
        hdus.append(hdu)
    if table is not None:
        hdus.append(_parse_table(table))
    return hdus


def _sketch(header: bytes, *, with_alternates: bool) -> Header:
    """Return the cards that the table's rows are made from.

    Without the alternates, only the primary WCS is added to the table.
    """
    from astropy.io.fits import Header

    cards = CardList(header)
    cards.keep(lambda name: not _LEFT_OUT.match(name))
    if not with_alternates:
        cards.keep(lambda name: not is_alternate_wcs(name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Header.fromstring(cards.to_bytes())


def _parse_table(table: bytes) -> BinTableHDU:
    """Read the table from its bytes."""
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_only = fits.BinTableHDU.fromstring(table)
        return fits.BinTableHDU(data=read_only.data.copy(), header=read_only.header)


def _keep_rows(hdus: HDUList, wanted: Callable[[str], bool]) -> None:
    """Take out rows by their WCS_ID in capitals and close the gaps, which stwcs does not expect."""
    rows = hdus["WCSCORR"].data
    names = [str(name).strip().upper() for name in rows["WCS_ID"]]
    kept = [row for row, name in zip(rows.copy(), names, strict=True) if name and wanted(name)]
    blanks = [row for row, name in zip(rows.copy(), names, strict=True) if not name]
    if len(kept) + len(blanks) == len(rows) or not blanks:
        return
    kept += [blanks[0]] * (len(rows) - len(kept))
    for i, row in enumerate(kept):
        rows[i] = row


def _serialise(hdu: BinTableHDU) -> bytes:
    """Write one extension to bytes."""
    from astropy.io import fits

    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(stream)
    return stream.getvalue()[BLOCK:]
