"""Reading an exposure: its chips' pixels, their data quality and their WCS.

Files may be plain, gzipped or Rice-compressed (``.fits.fz``).
"""

from __future__ import annotations

import gzip
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import Chip, image_shape, list_chips
from tweakreg_steps.fits_files.fits_blocks import Hdu, iter_chunks, open_stream, scan_hdus
from tweakreg_steps.fits_files.wcs_cards import primary_wcs_header

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

__all__ = [
    "Chip",
    "list_chips",
    "make_wcs",
    "open_quietly",
    "read_dq",
    "read_header",
    "read_pixels",
    "read_wcs",
]

FloatImage = NDArray[np.float32] | NDArray[np.float64]

_SMALL = 1 << 22  # bytes; lookup tables have some thousands, chips tens of millions
_SINGULAR = 1.0e-8  # pixels that much longer than wide are no image
_DTYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


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
        if data.dtype == np.float64:
            return np.ascontiguousarray(data, dtype=np.float64)
        return np.ascontiguousarray(data, dtype=np.float32)
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
        if cast("Any", stream).readinto(array) != array.nbytes:
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
    """Open a file's headers and small arrays with astropy.

    Its notes on non-standard cards concern nobody here. Pixels are read with `read_pixels`.

    Yields
    ------
    astropy.io.fits.HDUList
        Read as needed, not memory-mapped.

    Raises
    ------
    InputError
        The file is missing or is not FITS.
    """
    from astropy.io import fits

    with warnings.catch_warnings(), _without_gzip(path) as plain:
        warnings.simplefilter("ignore")
        try:
            hdus = fits.open(plain, memmap=False, lazy_load_hdus=True)
        except OSError as error:
            raise InputError(f"{path}: cannot be opened ({error}); fetch the file again") from error
        with hdus:
            yield hdus


@contextmanager
def _without_gzip(path: Path) -> Iterator[Path | IO[bytes]]:
    """Give a plain file as it is, for a gzipped one a sketch: its headers and small arrays.

    astropy would decompress from the start again for each lookup table.
    """
    with open_stream(path) as stream:
        if not isinstance(stream, gzip.GzipFile):
            yield path
            return
        descriptor, name = mkstemp()
        with open(descriptor, "wb") as sketch, Path(name).open("rb") as plain:  # noqa: PTH123
            # without a name, it need not be removed
            Path(name).unlink()
            _write_sketch(path, stream, sketch)
            yield plain


def _write_sketch(path: Path, stream: BinaryIO, sketch: IO[bytes]) -> None:
    """Write headers and small arrays at their places, with holes for the rest."""
    layout = scan_hdus(path)
    for hdu in layout:
        sketch.seek(hdu.data_offset - len(hdu.header))
        sketch.write(hdu.header)
        if hdu.data_size <= _SMALL or hdu.values.get("ZIMAGE") is True:
            stream.seek(hdu.data_offset)
            sketch.writelines(iter_chunks(stream, hdu.data_size))
    sketch.truncate(layout[-1].end)
    sketch.flush()


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
            _require_regular(wcs.pixel_scale_matrix)
    # astropy raises many kinds here; all mean that this header is no usable WCS
    except (ValueError, KeyError, TypeError, AttributeError, MemoryError, AssertionError) as error:
        reason = " ".join(str(error.args[0] if error.args else error).split())
        raise InputError(
            f"{where}: its WCS cannot be used ({reason}); run stwcs.updatewcs or solve the image "
            "again"
        ) from error
    if not wcs.has_celestial or wcs.wcs.lng < 0:
        raise InputError(f"{where}: has no celestial WCS; solve the image first")
    wcs.pixel_shape = (header["NAXIS1"], header["NAXIS2"])
    return wcs


def _require_regular(matrix: NDArray[np.float64]) -> None:
    """Refuse a matrix that maps all pixels to one line."""
    if not abs(np.linalg.det(matrix)) > _SINGULAR * np.linalg.norm(matrix) ** 2:
        raise ValueError(f"singular matrix {matrix.tolist()}")
