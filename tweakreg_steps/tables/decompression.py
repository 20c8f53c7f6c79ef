"""The bytes of a file that a user brings, decompressed, and never more of them than is sane."""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from tweakreg_steps.errors import InputError

LARGEST_FILE = 512 << 20
"""Bytes (decompressed) of the largest file that is read: a Gaia list of all columns holds about a
million stars in as many. Reading text takes some five times as much memory."""

_CHUNK = 1 << 20
_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".z"})
_OPENERS: tuple[tuple[bytes, Callable[[BinaryIO], object]], ...] = (
    (b"\x1f\x8b", lambda stream: gzip.GzipFile(fileobj=stream)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
)
_ARCHIVES = (
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\x1f\x9d", "compressed with compress"),
)


def read_bytes(path: Path, *, called: str, largest: int | None = None) -> bytes:
    """Return what a file holds, decompressed where its first bytes say gzip, bzip2 or xz.

    Parameters
    ----------
    path
        The file.
    called
        What it is, for messages: ``catalog``.
    largest
        Bytes that it may hold, decompressed; None for `LARGEST_FILE`.

    Raises
    ------
    InputError
        It is no regular file, cannot be read, is damaged, or holds more than `largest`; reading
        stops there.
    """
    try:
        with open_regular(path) as stream:
            start = stream.read(8)
            stream.seek(0)
            _refuse_archives(path, start)
            return _read_bounded(
                path, _decompressing(stream, start), called, largest or LARGEST_FILE
            )
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: the {called} cannot be read: {cause}") from error


def open_regular(path: Path) -> BinaryIO:
    """Open a file, and nothing that only looks like one: a pipe never ends, nor does /dev/zero.

    Raises
    ------
    OSError
        It is none, or cannot be opened.
    """
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # a name with a NUL
        raise OSError(0, "its name holds a NUL character") from error
    if stat.S_ISDIR(mode):
        raise OSError(0, "it is a folder; name a file")
    if not stat.S_ISREG(mode):
        raise OSError(0, "it is no regular file; copy what it holds into one")
    return path.open("rb")


def plain_suffix(path: Path) -> str:
    """Return the ending of a file's name in lower case, that of a compression left aside."""
    name = Path(path.name.lower())
    return Path(name.stem).suffix if name.suffix in _SUFFIXES else name.suffix


def _refuse_archives(path: Path, start: bytes) -> None:
    """Refuse by name what is packed in a way that is not read."""
    for magic, what in _ARCHIVES:
        if start.startswith(magic):
            raise InputError(f"{path}: is {what}; unpack it and name the file in it")


def _decompressing(stream: BinaryIO, start: bytes) -> BinaryIO:
    """Return the stream of what is compressed in another, or that itself."""
    for magic, opener in _OPENERS:
        if start.startswith(magic):
            return cast("BinaryIO", opener(stream))
    return stream


def _read_bounded(path: Path, stream: BinaryIO, called: str, largest: int) -> bytes:
    """Read a stream to its end, but not beyond the largest size."""
    chunks = []
    size = 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > largest:
            raise InputError(
                f"{path}: the {called} holds more than {largest >> 20} MiB; write the entries that "
                "are needed into a smaller file"
            )
        chunks.append(chunk)
    return b"".join(chunks)
