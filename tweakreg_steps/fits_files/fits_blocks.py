"""The layout of a FITS file: where its headers and its data lie, byte for byte.

Reading a layout costs about a millisecond and no import of astropy, which is what planning a run
over hundreds of exposures needs; and it gives the raw bytes that digests and copies are made of.
What a header promises is checked before it is followed.
Source of the layout: FITS standard 4.0, sections 3, 4.4.1 and 6.1.1.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import isfinite
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

from tweakreg_steps.errors import DamagedFileError, InputError
from tweakreg_steps.fits_files.header_cards import CARD, HeaderValues, end_of_cards
from tweakreg_steps.fits_files.sizes import (
    GIB,
    LARGEST_FILE,
    LARGEST_UNPACKED,
    LONGEST_HEADER,
    MOST_HDUS,
    data_size,
)

BLOCK = 2880
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20
_SEARCHED_BEHIND = 64 << 20  # bytes behind the last HDU in which another one is looked for
_SHOWN = 100  # bytes of its beginning that tell what a file is that is no FITS file


@dataclass(frozen=True)
class Hdu:
    """One header and data unit of a file.

    Attributes
    ----------
    index : int
        Position in the file, 0 = primary.
    header : bytes
        All cards with END and padding, as they stand in the file.
    data_offset : int
        Bytes from the start of the (decompressed) file to the data.
    data_size : int
        Bytes of data, without the padding to a full block.
    """

    index: int
    header: bytes
    data_offset: int
    data_size: int

    @property
    def end(self) -> int:
        """Offset of the next HDU."""
        return self.data_offset + padded(self.data_size)

    @cached_property
    def values(self) -> HeaderValues:
        """Keyword values of the header; the first of a repeated keyword."""
        return _header_values(self.header)

    def cards_of(self, wanted: Callable[[str], bool]) -> list[bytes]:
        """Return the cards of wanted keywords, in order; a function asked for often."""
        places = self.values.order.places(wanted)
        return [self.header[start : start + CARD] for start in places]

    @cached_property
    def name(self) -> str:
        """EXTNAME in capitals, or an empty text."""
        return str(self.values.get("EXTNAME", "")).strip().upper()

    @cached_property
    def version(self) -> int:
        """EXTVER, 1 when absent."""
        value = self.values.get("EXTVER", 1)
        return int(value) if isinstance(value, (int, float)) and isfinite(value) else 1


def padded(size: int) -> int:
    """Round a number of bytes up to full blocks."""
    return -(-size // BLOCK) * BLOCK


@lru_cache(100)
def _header_values(header: bytes) -> HeaderValues:
    """Return the values of a header; those of the same header, the same."""
    return HeaderValues(header)


@contextmanager
def open_stream(path: Path) -> Iterator[BinaryIO]:
    """Open a FITS file for reading; a gzipped one gives its decompressed bytes.

    Raises
    ------
    InputError
        The file is missing or may not be read.
    """
    try:
        if not path.is_file() and path.exists():
            raise InputError(
                f"{path}: cannot be opened (a folder, pipe or device); give a FITS file"
            )
        raw = path.open("rb")
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such file; correct the name in the recipe's `input`"
        ) from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be opened ({error.strerror}); make it a readable file"
        ) from error
    with raw:
        if raw.read(2) == _GZIP_MAGIC:
            raw.seek(0)
            with gzip.open(raw) as stream:
                yield cast("BinaryIO", stream)
        else:
            raw.seek(0)
            yield raw


def scan_hdus(path: Path) -> tuple[Hdu, ...]:
    """Read the layout of a FITS file, without its data.

    A plain file is compared with the sizes its headers promise; a gzipped one is read to its end.

    Raises
    ------
    InputError
        Missing, unreadable, not FITS, shorter than its headers promise, larger than the limits of
        `tweakreg_steps.fits_files.sizes`, or with a header that gives no size.
    """
    try:
        with open_stream(path) as stream:
            return tuple(_iter_hdus(path, stream))
    except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
        what = f"cannot be read to its end ({error})"
        raise DamagedFileError(path, what, "fetch or write the file again") from error


def _iter_hdus(path: Path, stream: BinaryIO) -> Iterator[Hdu]:
    """Yield the HDUs of an opened file."""
    offset = 0
    for index in range(MOST_HDUS):
        header = _read_header(path, stream, index)
        if header is None:
            return
        offset += len(header)
        hdu = Hdu(index, header, offset, data_size(path, index, _header_values(header)))
        _go_to_end(path, stream, hdu)
        yield hdu
        offset = hdu.end
    raise InputError(
        f"{path}: has more than {MOST_HDUS} HDUs; split the file, or write the images apart"
    )


def _read_header(path: Path, stream: BinaryIO, index: int) -> bytes | None:
    """Read the header that starts here; None at the end of the file."""
    header = bytearray()
    for _ in range(LONGEST_HEADER):
        block = stream.read(BLOCK)
        if not header and not _starts_hdu(block, index):
            if index == 0:
                _refuse_start(path, block)
            _require_nothing_behind(path, stream, index)
            return None
        if len(block) < BLOCK:
            where = f"inside the header of HDU {index}"
            raise DamagedFileError(path, f"truncated {where}: the file ends at {stream.tell()}")
        header += block
        if end_of_cards(block) < BLOCK:
            return bytes(header)
    what = f"the header of HDU {index} has no END within {LONGEST_HEADER} blocks"
    raise DamagedFileError(path, what)


def _starts_hdu(block: bytes, index: int) -> bool:
    """Tell whether a block begins a header; what follows the last HDU is nobody's."""
    return block.startswith(b"SIMPLE  =" if index == 0 else b"XTENSION=")


def _require_nothing_behind(path: Path, stream: BinaryIO, index: int) -> None:
    """Refuse a file in which another HDU follows on what is no header, which would be lost."""
    for _ in range(_SEARCHED_BEHIND // BLOCK):
        block = stream.read(BLOCK)
        if len(block) < BLOCK:
            return
        if _starts_hdu(block, index):
            what = f"is damaged: what stands where HDU {index} should begin is no header"
            raise DamagedFileError(path, f"{what}, and another HDU follows")


def _refuse_start(path: Path, block: bytes) -> NoReturn:
    """Say what a file is that does not begin as FITS does."""
    if block.startswith(b"#ASDF"):
        raise InputError(
            f"{path}: is an ASDF file (Roman), not FITS: its WCS is a gwcs, which is not aligned "
            "here; use tweakwcs, or the tweakreg step of the romancal pipeline"
        )
    way_out = "fetch it again, or give another file"
    if not block:
        raise DamagedFileError(path, "is empty", way_out)
    raise DamagedFileError(path, f"is not a FITS file ({_begins(block)})", way_out)


def _begins(block: bytes) -> str:
    """Say how a file begins that is not FITS: servers send pages in the place of files."""
    start = block[:_SHOWN].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "it is a page of HTML, which a server sends in the place of a file"
    return "it does not begin with SIMPLE"


def _go_to_end(path: Path, stream: BinaryIO, hdu: Hdu) -> None:
    """Go to the next HDU, if the file reaches that far and is not larger than any exposure."""
    end = hdu.data_offset + hdu.data_size
    zipped = isinstance(stream, gzip.GzipFile)
    limit = LARGEST_UNPACKED if zipped else LARGEST_FILE
    size = end if zipped else os.fstat(stream.fileno()).st_size
    if end > size:
        raise _truncated(path, hdu, size)
    if end > limit:
        unpacked = "unpacked, " if zipped else ""
        cure = "unpack it first (gunzip)" if zipped else "cut a part out of it"
        raise InputError(
            f"{path}: {unpacked}the data of {_label(hdu)} end at {end / GIB:.1f} GiB; the limit is "
            f"{limit // GIB} GiB: {cure}"
        )
    reached = stream.seek(hdu.end)
    if reached < end:
        raise _truncated(path, hdu, reached)


def _truncated(path: Path, hdu: Hdu, size: int) -> DamagedFileError:
    """Return the error of a file that ends too early."""
    end = hdu.data_offset + hdu.data_size
    return DamagedFileError(
        path,
        f"truncated: the data of {_label(hdu)} should end at byte {end}, the file ends at {size}",
    )


def _label(hdu: Hdu) -> str:
    """Return how messages call an HDU."""
    return f"{hdu.name},{hdu.version}" if hdu.name else f"HDU {hdu.index}"


def iter_chunks(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the next `size` bytes of a stream in pieces of a megabyte."""
    while size > 0:
        piece = stream.read(min(size, _CHUNK))
        if not piece:
            raise EOFError("the file ends early")
        size -= len(piece)
        yield piece
