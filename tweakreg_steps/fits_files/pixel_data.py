"""The numbers of an image as astropy gives them, whatever BITPIX, BSCALE, BZERO and BLANK say.

Plain arrays are read here, in one piece and without a copy; what is scaled, blank or compressed is
made into numbers by astropy.
"""

from __future__ import annotations

import sys
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import DamagedFileError, InputError
from tweakreg_steps.fits_files.damage import damage_named
from tweakreg_steps.fits_files.fits_blocks import Hdu, open_stream
from tweakreg_steps.fits_files.opening import open_quietly

FloatImage = NDArray[np.float32] | FloatArray

_DTYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_EXACT_IN_FLOAT32 = 1 << 24
_TILE_MAGIC, _TILE_HEAD = b"\xdd\x99", 10
_SHORT = 2
"""Bytes of an integer that float32 holds whatever its value."""


def read_values(path: Path, hdu: Hdu, shape: tuple[int, int]) -> NDArray[Any]:
    """Read the numbers of an image.

    Parameters
    ----------
    path : Path
        The file.
    hdu : Hdu
        The image in its layout.
    shape : tuple of int
        (ny, nx) in pixels.

    Returns
    -------
    ndarray, shape (ny, nx)
        Native byte order, C contiguous; the values are those of ``astropy.io.fits.getdata``, nan
        where an integer is BLANK (but for unsigned integers and a BLANK of 0, as there).

    Raises
    ------
    InputError
        The file ends early, or what it holds is damaged.
    """
    if hdu.values.get("ZIMAGE") is True:
        with damage_named(f"{path}: the pixels of HDU {hdu.index}"):
            if hdu.values.get("ZCMPTYPE") == "HCOMPRESS_1":
                _require_sound_tiles(path, hdu)
            return _native(_read_compressed(path, hdu), shape)
    raw = _read_array(path, hdu, shape)
    if _is_plain(hdu):
        return _native(raw, shape)
    with damage_named(f"{path}: the pixels of HDU {hdu.index}"):
        return _native(_scale(hdu, raw), shape)


def as_float(values: NDArray[Any]) -> FloatImage:
    """Return numbers as float32 where that holds each of them exactly, else as float64."""
    if values.dtype.kind == "f":
        return values if values.dtype.itemsize >= 4 else values.astype(np.float32)  # noqa: PLR2004
    if values.dtype.itemsize <= _SHORT or _are_small(values):
        return values.astype(np.float32)
    return values.astype(np.float64)


def _are_small(values: NDArray[Any]) -> bool:
    """Tell whether float32 holds all of these integers."""
    return max(-int(values.min()), int(values.max())) <= _EXACT_IN_FLOAT32


def _is_plain(hdu: Hdu) -> bool:
    """Tell whether the numbers are those in the file."""
    values = hdu.values
    scaled = (values.get("BSCALE", 1), values.get("BZERO", 0)) != (1, 0)
    return not scaled and "BLANK" not in values


def _read_array(path: Path, hdu: Hdu, shape: tuple[int, int]) -> NDArray[Any]:
    """Read an uncompressed image into one array, as it is in the file."""
    try:
        array = np.empty(shape, dtype=_DTYPES[int(hdu.values["BITPIX"])])
    except (KeyError, ValueError, MemoryError) as error:
        raise InputError(
            f"{path}: HDU {hdu.index}: {shape[1]} x {shape[0]} pixels of BITPIX "
            f"{hdu.values.get('BITPIX')} cannot be read ({error}); fetch the file again, or give "
            "a part of the image"
        ) from error
    with damage_named(f"{path}: the data of HDU {hdu.index}"), open_stream(path) as stream:
        stream.seek(hdu.data_offset)
        if cast("Any", stream).readinto(array) != array.nbytes:
            raise DamagedFileError(path, f"truncated in the data of HDU {hdu.index}")
    return array


def _scale(hdu: Hdu, raw: NDArray[Any]) -> NDArray[Any]:
    """Have astropy apply BSCALE, BZERO and BLANK."""
    from astropy.io import fits

    kind = fits.PrimaryHDU if hdu.index == 0 else fits.ImageHDU
    content = hdu.header + raw.tobytes()
    try:
        return np.asarray(kind.fromstring(content).data)
    except ValueError:  # signed bytes (BZERO -128) with BLANK, which astropy takes for integers
        return np.asarray(kind.fromstring(content, uint=False).data)


def _read_compressed(path: Path, hdu: Hdu) -> NDArray[Any]:
    """Have astropy read a tile-compressed image."""
    with open_quietly(path) as hdus:
        return np.asarray(hdus[hdu.index].data)


def _require_sound_tiles(path: Path, hdu: Hdu) -> None:
    """Refuse HCOMPRESS tiles that say they are larger than the header does.

    The decoder believes them, and writes behind its array (seen with astropy 8.0). A tile begins
    with two bytes of magic and its two lengths (White, Postman & Lattanzi 1992; cfitsio).
    """
    from astropy.io import fits

    largest = prod(int(hdu.values.get(f"ZTILE{i}", hdu.values[f"ZNAXIS{i}"])) for i in (1, 2))
    with open_quietly(path, as_tables=True) as hdus:
        table = hdus[hdu.index]
        if not isinstance(table, fits.BinTableHDU):
            raise TypeError("ZIMAGE in an HDU that is no table")
        for row, tile in enumerate(table.data["COMPRESSED_DATA"]):
            head = np.asarray(tile[:_TILE_HEAD], dtype=np.uint8).tobytes()
            sides = np.frombuffer(head[2:], ">u4").astype(object)
            if len(head) and (head[:2] != _TILE_MAGIC or prod(sides) > largest):
                raise ValueError(f"tile {row + 1} is no HCOMPRESS tile of this image")


def _native(values: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Return an array of this shape in native byte order, one row behind the other."""
    values = values.reshape(shape)
    if values.dtype.itemsize > 1 and values.dtype.byteorder == _foreign():
        if values.flags.writeable and values.flags.c_contiguous:
            values = values.byteswap(inplace=True).view(values.dtype.newbyteorder("="))
        else:
            values = values.astype(values.dtype.newbyteorder("="))
    return np.ascontiguousarray(values)


def _foreign() -> str:
    """Return numpy's sign of the other byte order."""
    return ">" if sys.byteorder == "little" else "<"
