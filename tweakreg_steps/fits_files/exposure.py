"""Reading an exposure: its chips' pixels, their data quality and their WCS.

Files may be plain, gzipped or Rice-compressed (``.fits.fz``).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import Chip, image_shape, list_chips
from tweakreg_steps.fits_files.companions import (
    find_quality,
    is_wfpc2,
    missing_quality,
    quality_name,
)
from tweakreg_steps.fits_files.damage import damage_named
from tweakreg_steps.fits_files.fits_blocks import Hdu, scan_hdus
from tweakreg_steps.fits_files.opening import open_quietly
from tweakreg_steps.fits_files.pixel_data import FloatImage, as_float, read_values
from tweakreg_steps.fits_files.wcs_cards import primary_wcs_header

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

__all__ = [
    "Chip",
    "FloatImage",
    "list_chips",
    "make_wcs",
    "read_dq",
    "read_header",
    "read_pixels",
    "read_wcs",
    "wcs_reader",
]

_HIGHEST_ORDER = 20  # the SIP convention has 9
_SINGULAR = 1.0e-8  # pixels that much longer than wide are no image


def read_pixels(path: Path, chip: Chip) -> FloatImage:
    """Read the pixels of a chip.

    Parameters
    ----------
    path : Path
        The file.
    chip : Chip
        The chip, from `list_chips`.

    Returns
    -------
    ndarray, shape (ny, nx)
        The values that ``astropy.io.fits.getdata`` gives: scaled by BSCALE and BZERO, nan where an
        integer image is BLANK. float32 where that holds each of them exactly, else float64; native
        byte order, C contiguous.

    Raises
    ------
    InputError
        The file ends early, is damaged or is not the one the chip was found in.
    """
    hdu = _chip_hdu(path, chip.extension, chip.shape)
    return as_float(read_values(path, hdu, chip.shape))


def read_dq(path: Path, chip: Chip) -> NDArray[np.integer[Any]] | None:
    """Read the data quality flags of a chip.

    They are the image ``DQ,n`` of the same EXTVER or, where that tells nothing, of the same rank;
    for WFPC2 ``SCI,n`` of the file ``_c1m`` beside ``_c0m``.

    Returns
    -------
    ndarray of int, shape (ny, nx), or None
        Native byte order; None where there are no such flags.

    Raises
    ------
    InputError
        The flags are not whole numbers, do not have the shape of the chip, or cannot be told from
        those of other chips; those of WFPC2 are not there.
    """
    hdus = scan_hdus(path)
    found = find_quality(path, hdus, chip.extension)
    if found is None:
        if is_wfpc2(hdus) and (name := quality_name(path)):
            raise InputError(missing_quality(path, name))
        return None
    file, _, hdu = found
    label = f"{file}: {hdu.name},{hdu.version}"
    if image_shape(hdu) is None:
        # HST writes an array of one value as a header alone
        value = hdu.values.get("PIXVALUE")
        return None if value is None else np.full(chip.shape, int(value), dtype=np.int32)
    if image_shape(hdu) != chip.shape:
        raise InputError(
            f"{label} has shape {image_shape(hdu)}, the chip {chip.label} has {chip.shape}; "
            "set dqbits to null or repair the file"
        )
    return _as_flags(read_values(file, hdu, chip.shape), label)


def _as_flags(values: NDArray[Any], label: str) -> NDArray[np.integer[Any]]:
    """Return flags as integers, if they are whole numbers."""
    if values.dtype.kind in "iu":
        return values
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.int64)
    if not np.array_equal(whole, values):
        raise InputError(f"{label} holds values that are no bit flags; set dqbits to null")
    return whole


def _chip_hdu(path: Path, extension: int, shape: tuple[int, int]) -> Hdu:
    """Return the layout of a chip's HDU, still as it was when the chip was found."""
    hdus = scan_hdus(path)
    if extension >= len(hdus) or image_shape(hdus[extension]) != shape:
        raise InputError(f"{path}: HDU {extension} changed while it was in use; run again")
    return hdus[extension]


def read_header(path: Path, chip: Chip) -> Header:
    """Read the header of a chip, as that of an image where the chip is compressed."""
    with open_quietly(path) as hdus:
        return header_of(hdus, chip, where=f"{path}: {chip.label}").copy()


def header_of(hdus: Any, chip: Chip, *, where: str) -> Header:  # noqa: ANN401  HDUList
    """Return the header of a chip in a file opened with `open_quietly`.

    Parameters
    ----------
    hdus : HDUList
        The file.
    chip : Chip
        The chip.
    where : str
        File and chip, for messages.

    Raises
    ------
    InputError
        astropy cannot read it.
    """
    with damage_named(f"{where}: its header"):
        header: Header = hdus[chip.extension].header
        return header


def read_wcs(path: Path, chip: Chip) -> WCS:
    """Read the WCS of a chip with all its distortions.

    Returns
    -------
    astropy.wcs.WCS
        Two celestial axes, `pixel_shape` set; SIP, lookup tables and TPV included.

    Raises
    ------
    InputError
        The WCS cannot be read, or a lookup table it points to is not in the file.
    """
    with wcs_reader(path) as read:
        return read(chip)


@contextmanager
def wcs_reader(path: Path) -> Iterator[Callable[[Chip], WCS]]:
    """Open a file and yield what reads the WCS of its chips, each once; see `read_wcs`."""
    with open_quietly(path) as hdus:

        @cache
        def read(chip: Chip) -> WCS:
            where = f"{path}: {chip.label}"
            return make_wcs(header_of(hdus, chip, where=where), hdus, where=where)

        yield read


def make_wcs(header: Header, hdus: Any, *, where: str) -> WCS:  # noqa: ANN401  HDUList
    """Build the WCS of a header.

    Parameters
    ----------
    header : Header
        Header of an image.
    hdus : HDUList or None
        Holds the lookup tables that the header points to.
    where : str
        File and chip, for messages.

    Raises
    ------
    InputError
        As `read_wcs`.
    """
    from astropy.wcs import WCS

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kept = primary_wcs_header(header)
            _require_order(kept)
            wcs = WCS(kept, fobj=hdus, naxis=2)
            wcs.wcs.set()
            _require_regular(wcs.pixel_scale_matrix)
    # astropy raises many kinds here; all mean that this header is no usable WCS
    except Exception as error:
        reason = " ".join(str(error.args[0] if error.args else error).split())
        raise InputError(
            f"{where}: its WCS cannot be used ({reason}); run stwcs.updatewcs or solve the image "
            "again"
        ) from error
    if not wcs.has_celestial or wcs.wcs.lng < 0:
        raise InputError(f"{where}: has no celestial WCS; solve the image first")
    wcs.pixel_shape = (header["NAXIS1"], header["NAXIS2"])
    return wcs


def _require_order(header: Header) -> None:
    """Refuse a SIP polynomial of an order at which looking for its terms takes seconds."""
    for key in ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER"):
        order = header.get(key, 0)
        if isinstance(order, (int, float)) and order > _HIGHEST_ORDER:
            raise ValueError(f"{key} is {order}, more than {_HIGHEST_ORDER}")


def _require_regular(matrix: FloatArray) -> None:
    """Refuse a matrix that maps all pixels to one line."""
    if not abs(np.linalg.det(matrix)) > _SINGULAR * np.linalg.norm(matrix) ** 2:
        raise ValueError(f"singular matrix {matrix.tolist()}")
