"""Headerlets: a solution as a small FITS file that stwcs applies to an exposure, or attaches to it.

stwcs makes them, from a sketch of the exposure: the headers with the solution in them and the
lookup tables, without pixels.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.atomic import write_bytes_atomically
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.chips import Chip, image_shape
from tweakreg_steps.fits_files.copying import read_hdu
from tweakreg_steps.fits_files.fits_blocks import BLOCK, Hdu, scan_hdus
from tweakreg_steps.headers.solution import Solution, edit_headers

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header

EXTENSION = "HDRLET"
"""EXTNAME of an attached headerlet."""

_LOOKUP_TABLES = frozenset({"WCSDVARR", "D2IMARR"})
# what describes the bytes of an image, which the sketch does not have
_BYTES = re.compile(
    r"^(?:XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|CHECKSUM|DATASUM|BSCALE|BZERO|BLANK|PIXVALUE|NPIX\d"
    r"|Z[A-Z]+\d*|T(?:FIELDS|FORM\d+|TYPE\d+)|THEAP)$"
)


@dataclass(frozen=True)
class Attachment:
    """A headerlet as an extension of the exposure that it belongs to.

    Attributes
    ----------
    hdrname : str
        Its name.
    content : bytes
        The extension, header and data, padded.
    replaces : int or None
        Index of the HDU with a former headerlet of that name; None where it comes to the end.
    """

    hdrname: str
    content: bytes
    replaces: int | None


def headerlet_name(exposure: str, hdrfile: str) -> str:
    """Return the file name of an exposure's headerlet, as TweakReg has it.

    It is the root name of the exposure's file name, where ``hdrfile`` is not blank that behind it,
    and ``hlet.fits``; or ``hdrfile`` as it is where it ends in ``.fits``.
    """
    from stsci.tools.fileutil import buildNewRootname

    name = hdrfile.strip()
    if name.endswith(".fits"):
        return name
    return "_".join([buildNewRootname(exposure), *([name] if name else []), "hlet.fits"])


def write_headerlet(
    source: Path,
    destination: Path,
    *,
    chips: Sequence[Chip],
    solution: Solution,
    reusename: bool,
    hdrname: str,
    author: str,
    descrip: str,
    catalog: str,
    history: Path | None,
    provenance: Sequence[str],
) -> None:
    """Write a solution as a headerlet, the same whenever it is made: its DATE is the exposure's.

    Parameters
    ----------
    source, destination : Path
        The HST exposure and the headerlet file.
    chips : sequence of Chip
        All chips of the exposure.
    solution : Solution
        The new WCS of the chips.
    reusename : bool
        The exposure may have a WCS of the solution's name.
    hdrname : str
        Unique name of the headerlet; blank stands for the solution's.
    author, descrip, catalog : str
        Who made it, one line about it, the name of the reference catalog.
    history : Path or None
        A text file that becomes its HISTORY.
    provenance : sequence of str
        Lines for its HISTORY, behind that text.

    Raises
    ------
    InputError
        The WCS's name is taken or no alternate key is free, as for an aligned copy; or stwcs
        cannot make a headerlet of this exposure.
    JobFailedError
        The file cannot be written.
    """
    hdus = scan_hdus(source)
    edited = edit_headers(
        source, hdus, chips=chips, solution=solution, reusename=reusename, hdrname=None
    )
    texts = {
        "hdrname": hdrname.strip() or solution.wcsname,
        "author": author,
        "descrip": descrip,
        "catalog": catalog,
        "history": str(history) if history else None,
    }
    content = _make_headerlet(source, hdus, edited.headers, texts, provenance)
    write_bytes_atomically(destination, content)


def prepare_attachment(
    source: Path, hdus: Sequence[Hdu], headerlet: Path, *, reusename: bool
) -> Attachment:
    """Return a headerlet file as an extension.

    Parameters
    ----------
    source : Path
        The exposure, for messages.
    hdus : sequence of Hdu
        Its layout.
    headerlet : Path
        The headerlet file.
    reusename : bool
        It may take the place of one of the same name.

    Raises
    ------
    InputError
        The exposure has a headerlet of that name, and it may not be replaced.
    """
    attached = [hdu for hdu in hdus if hdu.name == EXTENSION]
    with _quiet_stwcs():
        from stwcs.wcsutil.headerlet import Headerlet, HeaderletHDU

        with Headerlet.fromfile(str(headerlet), logging=False) as content:
            hdrname = str(content.hdrname)
            extension = HeaderletHDU.fromheaderlet(content)
    names = [CardList(hdu.header).text("HDRNAME").upper() for hdu in attached]
    same = [hdu for hdu, name in zip(attached, names, strict=True) if name == hdrname.upper()]
    if same and not reusename:
        raise InputError(
            f"{source}: has a headerlet named {hdrname} already ({EXTENSION},{same[0].version}); "
            "choose another headerlet_creation.hdrname or set update_header.reusename to true"
        )
    number = same[0].version if same else 1 + max((hdu.version for hdu in attached), default=0)
    extension.header["EXTVER"] = number
    return Attachment(hdrname, _serialise(extension), same[0].index if same else None)


def _make_headerlet(
    source: Path,
    hdus: Sequence[Hdu],
    headers: Mapping[int, CardList],
    texts: Mapping[str, str | None],
    provenance: Sequence[str],
) -> bytes:
    """Have stwcs make the headerlet."""
    sketch = _sketch(source, hdus, headers)
    science = [("SCI", hdu.version) for hdu in hdus if hdu.name == "SCI"]
    try:
        with _quiet_stwcs():
            from stwcs.wcsutil.headerlet import create_headerlet

            made = create_headerlet(
                sketch,
                sciext=science,
                destim=None if "ROOTNAME" in sketch[0].header else source.name.split(".fits")[0],
                logging=False,
                **texts,
            )
            _date_like(made, sketch[0].header)
            for line in provenance:
                made[0].header.add_history(line)
            return _to_bytes(made)
    # stwcs raises many kinds here; all mean that these headers are not what it expects
    except (KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
        raise InputError(
            f"{source}: stwcs cannot make a headerlet of it ({type(error).__name__}: {error}); "
            "run stwcs.updatewcs on it, or set headerlet_creation.headerlet to false"
        ) from error


def _sketch(source: Path, hdus: Sequence[Hdu], headers: Mapping[int, CardList]) -> HDUList:
    """Return what stwcs reads of an exposure: headers and lookup tables."""
    from astropy.io import fits

    sketch = fits.HDUList([fits.PrimaryHDU(header=_described(headers[0].to_bytes()))])
    for hdu in hdus:
        if hdu.name == "SCI":
            shape = image_shape(hdu)
            # a strided zero has the shape without the memory
            pixels = None if shape is None else np.broadcast_to(np.float32(0.0), shape)
            cards = headers.get(hdu.index) or CardList(hdu.header)
            sketch.append(fits.ImageHDU(pixels, _described(cards.to_bytes())))
        elif hdu.name in _LOOKUP_TABLES:
            sketch.append(fits.ImageHDU.fromstring(read_hdu(source, hdu)))
    return sketch


def _described(header: bytes) -> Header:
    """Return the cards of a header but for those about its bytes."""
    from astropy.io.fits import Header

    full = Header.fromstring(header)
    return Header([card for card in full.cards if not _BYTES.match(card.keyword.partition(".")[0])])


def _date_like(headerlet: HDUList, primary: Header) -> None:
    """Date the headerlet by the exposure, so that making it again changes nothing."""
    date = primary.get("DATE") or primary.get("DATE-OBS") or ""
    headerlet[0].header["DATE"] = (date, "Date of the exposure's file")


def _to_bytes(hdus: HDUList) -> bytes:
    """Write a file to bytes."""
    stream = io.BytesIO()
    hdus.writeto(stream)
    return stream.getvalue()


def _serialise(extension: object) -> bytes:
    """Write one extension to bytes."""
    from astropy.io import fits

    return _to_bytes(fits.HDUList([fits.PrimaryHDU(), extension]))[BLOCK:]


@contextlib.contextmanager
def _quiet_stwcs() -> Iterator[None]:
    """Send what stwcs prints to the log, and leave out astropy's notes on odd cards."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        yield
