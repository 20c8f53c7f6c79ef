"""How large a FITS file says it is, and how large it may be.

A header can promise anything. Beyond these limits no exposure goes, and a memory or a disk would be
full before anything was aligned.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path

from tweakreg_steps.errors import DamagedFileError, InputError

Values = Mapping[str, bool | int | float | str]

GIB = 1 << 30
LARGEST_FILE = 12 * GIB
"""Bytes of a plain file; the largest mosaics of HST with weights and context have 10 GiB."""
LARGEST_UNPACKED = 2 * GIB
"""Bytes of a gzipped file once it is unpacked, which is done in passing, several times a run."""
LARGEST_IMAGE = 4 * GIB
"""Bytes of the pixels of an image that is searched or measured: a square of 32,768 float32."""
MOST_HDUS = 10_000
LONGEST_HEADER = 10_000
"""Blocks of 2880 bytes: 360,000 cards."""

_MOST_AXES = _MOST_COLUMNS = 999  # of the standard
_BITPIX = frozenset({8, 16, 32, 64, -32, -64})


def data_size(path: Path, index: int, values: Values) -> int:
    """Return the bytes of data a header promises (FITS standard 4.0, equations 1, 2 and 4).

    Parameters
    ----------
    path : Path
        The file, for messages.
    index : int
        Which of its HDUs it is, for messages.
    values : mapping
        The values of the header.

    Raises
    ------
    DamagedFileError
        A keyword that says how large the data are is missing or says nothing that can be.
    """
    try:
        axes = _axes(values, "NAXIS")
        bits = _bits(values, "BITPIX")
        if values.get("ZIMAGE") is True:
            _axes(values, "ZNAXIS")
            _bits(values, "ZBITPIX")
        if values.get("TFIELDS", 0) and _whole(values, "TFIELDS") > _MOST_COLUMNS:
            raise ValueError(f"TFIELDS is {values['TFIELDS']}, more than {_MOST_COLUMNS}")
        groups, heap = (
            _whole(values, keyword) if keyword in values else absent
            for keyword, absent in (("GCOUNT", 1), ("PCOUNT", 0))
        )
    except ValueError as error:
        what = f"the header of HDU {index} gives no size ({error})"
        raise DamagedFileError(path, what) from error
    if not axes:
        return 0
    if values.get("GROUPS") is True and axes[0] == 0:
        axes = axes[1:]
    return abs(bits) // 8 * groups * (heap + prod(axes))


def check_image_size(where: str, values: Values, shape: tuple[int, int]) -> None:
    """Refuse an image whose pixels no run could hold; a compressed one may be a small file.

    Parameters
    ----------
    where : str
        File and HDU, for messages.
    values : mapping
        The values of its header.
    shape : tuple of int
        (ny, nx) in pixels.

    Raises
    ------
    InputError
        It has more than `LARGEST_IMAGE` bytes.
    """
    bits = _bits(values, "ZBITPIX" if values.get("ZIMAGE") is True else "BITPIX")
    size = prod(shape) * abs(bits) // 8
    if size > LARGEST_IMAGE:
        raise InputError(
            f"{where} is an image of {shape[1]} x {shape[0]} pixels, {size / GIB:.1f} GiB; the "
            f"limit is {LARGEST_IMAGE // GIB} GiB: cut a part out of it, or bin it"
        )


def _axes(values: Values, keyword: str) -> list[int]:
    """Return the lengths of the axes that NAXIS or ZNAXIS counts."""
    number = _whole(values, keyword)
    if number > _MOST_AXES:
        raise ValueError(f"{keyword} is {number}, more than {_MOST_AXES}")
    return [_whole(values, f"{keyword}{i + 1}") for i in range(number)]


def _bits(values: Values, keyword: str) -> int:
    """Return the value of BITPIX or ZBITPIX."""
    value = values.get(keyword)
    if not isinstance(value, int) or value not in _BITPIX:
        raise ValueError(f"{keyword} is {value!r}, not one of {sorted(_BITPIX)}")
    return value


def _whole(values: Values, keyword: str) -> int:
    """Return a whole number from 0."""
    value = values.get(keyword)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{keyword} is {'missing' if value is None else repr(value)}")
    return value
