"""Writing a FITS file from new headers and another file's data, in pieces, whole or not at all."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from tweakreg_steps.atomic import atomic_path
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.fits_blocks import BLOCK, Hdu, iter_chunks, open_stream, scan_hdus
from tweakreg_steps.fits_files.fits_checksum import renew_checksum

_GZIP_LEVEL = 2  # a third larger than the usual 6, and five times as fast


@dataclass(frozen=True)
class NewHdu:
    """One HDU of the file to be written.

    Attributes
    ----------
    head : bytes
        Its header, padded; where `data` is None, its data as well.
    data : Hdu or None
        The HDU of the source whose data follow.
    """

    head: bytes
    data: Hdu | None

    @property
    def size(self) -> int:
        """Bytes in the file, with all padding."""
        return len(self.head) + (self.data.end - self.data.data_offset if self.data else 0)


def write_hdus(
    source: Path, destination: Path, content: Sequence[NewHdu], *, same_data: bool
) -> None:
    """Write a file.

    Parameters
    ----------
    source, destination : Path
        Whose data are taken, and the file to write; gzipped like the source, or where its name
        says so.
    content : sequence of NewHdu
        What to write.
    same_data : bool
        The destination is there and holds the data of the same source already: where its layout
        fits, only what differs in it is written. While that lasts it is not there under its name.

    Raises
    ------
    JobFailedError
        It cannot be written.
    """
    with open_stream(source) as stream:
        zipped = isinstance(stream, gzip.GzipFile) or destination.suffix == ".gz"
        if same_data and not zipped and _has_layout(destination, content):
            _patch(destination, content)
        else:
            _write(stream, destination, content, zipped=zipped)


def write_with_history(source: Path, destination: Path, history: Sequence[str]) -> None:
    """Copy a file, with lines added to the HISTORY of its primary header.

    Raises
    ------
    JobFailedError
        It cannot be written.
    """
    first, *others = scan_hdus(source)
    cards = CardList(first.header)
    cards.add_history_lines(history)
    content = [NewHdu(renew_checksum(cards).to_bytes(), first)]
    content += [NewHdu(hdu.header, hdu) for hdu in others]
    write_hdus(source, destination, content, same_data=False)


def padding(hdu: Hdu) -> bytes:
    """Return what fills the last block of an HDU's data."""
    fill = b" " if hdu.values.get("XTENSION") == "TABLE" else b"\0"
    return fill * (-hdu.data_size % BLOCK)


def read_hdu(source: Path, hdu: Hdu) -> bytes:
    """Read a small HDU whole, padded."""
    with open_stream(source) as stream:
        stream.seek(hdu.data_offset)
        return hdu.header + b"".join(iter_chunks(stream, hdu.data_size)) + padding(hdu)


def _has_layout(path: Path, content: Sequence[NewHdu]) -> bool:
    """Tell whether a file's HDUs and their headers have the lengths that `content` has."""
    try:
        hdus = scan_hdus(path)
    except InputError:
        return False
    start = 0
    for hdu, new in zip(hdus, content, strict=False):
        if hdu.end != start + new.size or (new.data and hdu.data_offset != start + len(new.head)):
            return False
        start = hdu.end
    return len(hdus) == len(content) and path.stat().st_size == start


def _patch(path: Path, content: Sequence[NewHdu]) -> None:
    """Write the heads that differ from those in the file."""
    with atomic_path(path) as temporary:
        path.replace(temporary)
        with temporary.open("r+b") as stream:
            start = 0
            for new in content:
                stream.seek(start)
                if stream.read(len(new.head)) != new.head:
                    stream.seek(start)
                    stream.write(new.head)
                start += new.size


def _write(stream: BinaryIO, destination: Path, content: Sequence[NewHdu], *, zipped: bool) -> None:
    """Write the whole file."""
    with atomic_path(destination) as temporary, _open_like(temporary, zipped=zipped) as copy:
        for new in content:
            copy.write(new.head)
            if new.data:
                done = 0 if zipped else _copy_within(stream, copy, new.data)
                stream.seek(new.data.data_offset + done)
                for piece in iter_chunks(stream, new.data.data_size - done):
                    copy.write(piece)
                copy.write(padding(new.data))


def _copy_within(stream: BinaryIO, copy: BinaryIO, hdu: Hdu) -> int:
    """Have the kernel copy the data of an HDU, where it can; return how many bytes it did."""
    done = 0
    copy.flush()
    with suppress(AttributeError, OSError):  # Linux alone has it, and not for all file systems
        while done < hdu.data_size and (
            copied := os.copy_file_range(
                stream.fileno(), copy.fileno(), hdu.data_size - done, hdu.data_offset + done
            )
        ):
            done += copied
    return done


@contextmanager
def _open_like(path: Path, *, zipped: bool) -> Iterator[BinaryIO]:
    """Open a file for writing, gzipped without a name or a time in it where asked for."""
    with path.open("wb") as raw:
        if zipped:
            with gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0) as stream:
                yield cast("BinaryIO", stream)
        else:
            yield raw
