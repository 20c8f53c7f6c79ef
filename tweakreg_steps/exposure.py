"""Reading an exposure: which chips it has, their pixels, their data quality and their WCS.

An exposure is a FITS file with one image (in PRIMARY or in one extension) or with the chips
``SCI,1`` to ``SCI,n``; plain, gzipped or Rice-compressed (``.fits.fz``).
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_blocks import Hdu, open_stream, scan_hdus
from tweakreg_steps.wcs_cards import primary_wcs_header

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

FloatImage = NDArray[np.float32] | NDArray[np.float64]

_LONGITUDE = re.compile(r"^(RA--|[A-Z]LON|[A-Z]{2}LN)")
_LATITUDE = re.compile(r"^(DEC-|[A-Z]LAT|[A-Z]{2}LT)")
_SELECTION = re.compile(r"^\s*(?:(?P<index>\d+)|(?P<name>[^,\s]+)(?:\s*,\s*(?P<version>\d+))?)\s*$")
_AUXILIARY = frozenset({"WHT", "CTX", "ERR", "DQ", "WCSDVARR", "D2IMARR", "SAMP", "TIME"})
_DTYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


@dataclass(frozen=True)
class Chip:
    """One image of an exposure.

    Attributes
    ----------
    number : int
        From 1, in the order of ``SCI,n``.
    extension : int
        Index of the HDU in the file, 0 = primary.
    label : str
        How messages call it: ``SCI,1``, ``PRIMARY``, ...
    shape : tuple of int
        (ny, nx) in pixels.
    """

    number: int
    extension: int
    label: str
    shape: tuple[int, int]


def list_chips(path: Path, selection: str | None) -> tuple[Chip, ...]:
    """Find the chips of an exposure, without reading pixels.

    Parameters
    ----------
    path : Path
        The file.
    selection : str or None
        ``sci,1`` (EXTNAME and EXTVER) or ``1`` (index of the HDU) for one image; None for all.

    Raises
    ------
    InputError
        Missing, unreadable or truncated file, no image, no celestial WCS.
    """
    return find_chips(path, selection, scan_hdus(path))


def find_chips(path: Path, selection: str | None, hdus: Sequence[Hdu]) -> tuple[Chip, ...]:
    """Find the chips in the layout of a file; else as `list_chips`.

    Parameters
    ----------
    path : Path
        The file, for messages.
    selection : str or None
        As for `list_chips`.
    hdus : sequence of Hdu
        The layout of the file.
    """
    images = [hdu for hdu in hdus if image_shape(hdu) is not None]
    if not images:
        raise InputError(_explain_no_image(path, hdus))
    science = [hdu for hdu in images if hdu.name == "SCI" and hdu.index > 0]
    science.sort(key=lambda hdu: hdu.version)
    if selection is not None:
        chosen = [_select(path, selection, hdus)]
    elif science:
        chosen = science
    else:
        chosen = [_only_image(path, images)]
    for hdu in chosen:
        _require_celestial(path, hdu)
    return tuple(_make_chip(hdu, science) for hdu in chosen)


def image_shape(hdu: Hdu) -> tuple[int, int] | None:
    """Return (ny, nx) of a two-dimensional image, None for every other HDU.

    Further axes of length one are allowed.
    """
    prefix = "Z" if hdu.values.get("ZIMAGE") is True else ""
    if hdu.values.get("XTENSION", "IMAGE") != "IMAGE" and not prefix:
        return None
    axes = [
        int(hdu.values[f"{prefix}NAXIS{i + 1}"]) for i in range(int(hdu.values[f"{prefix}NAXIS"]))
    ]
    if len(axes) < 2 or min(axes) < 1 or max(axes[2:], default=1) > 1:  # noqa: PLR2004  x and y
        return None
    return axes[1], axes[0]


def _explain_no_image(path: Path, hdus: Sequence[Hdu]) -> str:
    """Say why a file has no image that can be used."""
    axes = hdus[0].values.get("NAXIS", 0)
    if isinstance(axes, int) and axes > 2:  # noqa: PLR2004  x and y
        return (
            f"{path}: PRIMARY holds a cube of {axes} axes, not an image; give two-dimensional "
            "images (a waivered HST file: convert it with stsci.tools.convertwaiveredfits)"
        )
    return f"{path}: holds no two-dimensional image; take it out of `input`"


def _select(path: Path, selection: str, hdus: Sequence[Hdu]) -> Hdu:
    """Find the HDU that a selection names."""
    match = _SELECTION.match(selection)
    if match is None:
        raise InputError(
            f"{path}[{selection}]: is not a selection; write [sci,1] (name, version) or [1] (index)"
        )
    if match["index"] is not None:
        found = [hdu for hdu in hdus if hdu.index == int(match["index"])]
    else:
        name, version = match["name"].upper(), int(match["version"] or 1)
        found = [hdu for hdu in hdus if (_name(hdu), hdu.version) == (name, version)]
    if not found:
        known = "; ".join(f"{hdu.index}: {_label(hdu)}" for hdu in hdus)
        raise InputError(f"{path}[{selection}]: no such extension; the file holds {known}")
    if image_shape(found[0]) is None:
        raise InputError(
            f"{path}[{selection}]: is not a two-dimensional image; choose another extension"
        )
    return found[0]


def _only_image(path: Path, images: Sequence[Hdu]) -> Hdu:
    """Return the one image of a file without SCI extensions."""
    plain = [hdu for hdu in images if hdu.name not in _AUXILIARY] or list(images)
    celestial = [hdu for hdu in plain if _is_celestial(hdu)] or plain
    if len(celestial) > 1:
        known = ", ".join(_label(hdu) for hdu in celestial)
        raise InputError(
            f"{path}: holds several images and none is called SCI ({known}); choose one, "
            f"such as {path.name}[{celestial[0].index}]"
        )
    return celestial[0]


def _name(hdu: Hdu) -> str:
    """Return the name by which a selection finds an HDU."""
    return hdu.name or ("PRIMARY" if hdu.index == 0 else "")


def _label(hdu: Hdu) -> str:
    """Return how messages call an HDU."""
    if hdu.index == 0:
        return "PRIMARY"
    return f"{hdu.name},{hdu.version}" if hdu.name else f"extension {hdu.index}"


def _make_chip(hdu: Hdu, science: Sequence[Hdu]) -> Chip:
    """Describe one chip; its number is its rank among the SCI extensions."""
    shape = image_shape(hdu)
    assert shape is not None  # noqa: S101  chosen among images
    number = science.index(hdu) + 1 if hdu in science else 1
    return Chip(number=number, extension=hdu.index, label=_label(hdu), shape=shape)


def _is_celestial(hdu: Hdu) -> bool:
    """Tell whether the first two axes are celestial."""
    first, second = (str(hdu.values.get(key, "")).upper() for key in ("CTYPE1", "CTYPE2"))
    return bool(
        (_LONGITUDE.match(first) and _LATITUDE.match(second))
        or (_LATITUDE.match(first) and _LONGITUDE.match(second))
    )


def _require_celestial(path: Path, hdu: Hdu) -> None:
    """Refuse an image whose axes are not on the sky."""
    if not _is_celestial(hdu):
        kinds = " and ".join(repr(hdu.values.get(key)) for key in ("CTYPE1", "CTYPE2"))
        raise InputError(
            f"{path}: {_label(hdu)} has no celestial WCS (CTYPE1 and CTYPE2 are {kinds}); "
            "solve the image first (for example with astrometry.net) or take it out of `input`"
        )


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
        float32 (float64 where the file holds float64), native byte order, C contiguous, scaled by
        BSCALE and BZERO; nan where an integer image is BLANK.

    Raises
    ------
    InputError
        The file ends early or is not the one the chip was found in.
    """
    hdu = _chip_hdu(path, chip.extension, chip.shape)
    if hdu.values.get("ZIMAGE") is True:
        data = _read_compressed(path, chip.extension, chip.shape)
        kind = np.float64 if data.dtype == np.float64 else np.float32
        return np.ascontiguousarray(data, dtype=kind)
    raw = _read_array(path, hdu, chip.shape)
    scale, zero = (float(hdu.values.get(key, d)) for key, d in (("BSCALE", 1.0), ("BZERO", 0.0)))
    if raw.dtype.kind == "f":
        return raw if (scale, zero) == (1.0, 0.0) else raw * raw.dtype.type(scale) + zero
    pixels = raw.astype(np.float32)
    if (scale, zero) != (1.0, 0.0):
        pixels *= np.float32(scale)
        pixels += np.float32(zero)
    blank = hdu.values.get("BLANK")
    if isinstance(blank, int):
        pixels[raw == blank] = np.nan
    return pixels


def read_dq(path: Path, chip: Chip) -> NDArray[np.integer[Any]] | None:
    """Read the data quality flags of a chip, the image ``DQ,n`` of the same EXTVER.

    Returns
    -------
    ndarray of int, shape (ny, nx), or None
        Native byte order; None where the file has no such image.

    Raises
    ------
    InputError
        The flags are not whole numbers or do not have the shape of the chip.
    """
    hdus = scan_hdus(path)
    version = hdus[chip.extension].version
    found = [hdu for hdu in hdus if (hdu.name, hdu.version) == ("DQ", version)]
    if not found:
        return None
    hdu = found[0]
    label = f"{path}: DQ,{version}"
    if image_shape(hdu) is None:
        # HST writes an array of one value as a header alone
        value = hdu.values.get("PIXVALUE")
        return None if value is None else np.full(chip.shape, int(value), dtype=np.int32)
    if image_shape(hdu) != chip.shape:
        raise InputError(
            f"{label} has shape {image_shape(hdu)}, the chip {chip.label} has {chip.shape}; "
            "set dqbits to null or repair the file"
        )
    if hdu.values.get("ZIMAGE") is True:
        flags = _read_compressed(path, hdu.index, chip.shape)
    else:
        flags = _read_array(path, hdu, chip.shape)
        zero = int(hdu.values.get("BZERO", 0))
        if zero:
            flags = flags.astype(np.int64) + zero
    if flags.dtype.kind in "iu":
        return flags
    whole = flags.astype(np.int32)
    if not np.array_equal(whole, flags):
        raise InputError(f"{label} holds values that are no bit flags; set dqbits to null")
    return whole


def _chip_hdu(path: Path, extension: int, shape: tuple[int, int]) -> Hdu:
    """Return the layout of a chip's HDU, still as it was when the chip was found."""
    hdus = scan_hdus(path)
    if extension >= len(hdus) or image_shape(hdus[extension]) != shape:
        raise InputError(f"{path}: HDU {extension} changed while it was in use; run again")
    return hdus[extension]


def _read_array(path: Path, hdu: Hdu, shape: tuple[int, int]) -> NDArray[Any]:
    """Read an uncompressed image into one array, in native byte order."""
    array = np.empty(shape, dtype=_DTYPES[int(hdu.values["BITPIX"])])
    with open_stream(path) as stream:
        stream.seek(hdu.data_offset)
        if stream.readinto(memoryview(array).cast("B")) != array.nbytes:  # type: ignore[attr-defined]
            raise InputError(f"{path}: truncated in the data of HDU {hdu.index}; fetch it again")
    if sys.byteorder == "little":
        array = array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))
    return array


def _read_compressed(path: Path, extension: int, shape: tuple[int, int]) -> NDArray[Any]:
    """Read a tile-compressed image, in native byte order."""
    with open_quietly(path) as hdus:
        data = np.asarray(hdus[extension].data)
    return data.reshape(shape).astype(data.dtype.newbyteorder("="), copy=False)


@contextmanager
def open_quietly(path: Path) -> Iterator[Any]:
    """Open a file with astropy, whose notes on non-standard cards concern nobody here.

    Yields
    ------
    astropy.io.fits.HDUList
        Read as needed, not memory-mapped.
    """
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
            yield hdus


def read_header(path: Path, chip: Chip) -> Header:
    """Read the header of a chip, as that of an image where the chip is compressed."""
    with open_quietly(path) as hdus:
        return hdus[chip.extension].header.copy()


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
    with open_quietly(path) as hdus:
        return make_wcs(hdus[chip.extension].header, hdus, where=f"{path}: {chip.label}")


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
            wcs = WCS(primary_wcs_header(header), fobj=hdus, naxis=2)
            wcs.wcs.set()
    # astropy raises many kinds here; all mean that this header is no usable WCS
    except (ValueError, KeyError, TypeError, AttributeError, MemoryError, AssertionError) as error:
        reason = " ".join(str(error.args[0] if error.args else error).split())
        raise InputError(
            f"{where}: its WCS cannot be used ({reason}); run stwcs.updatewcs or solve the image again"
        ) from error
    if not wcs.has_celestial or wcs.wcs.lng < 0:
        raise InputError(f"{where}: has no celestial WCS; solve the image first")
    wcs.pixel_shape = (header["NAXIS1"], header["NAXIS2"])
    return wcs
