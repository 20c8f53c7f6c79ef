"""The bytes of a FITS file that another version of it lacks, and the way back.

A file and its copy with a moved WCS differ in headers and small tables. Of the one, only that is
kept: data that stand unchanged in the other, wherever they stand there, are taken from it again.
A gzipped file cannot be made again byte for byte from its content: it is kept whole.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.atomic import atomic_path
from tweakreg_steps.fits_files.fits_blocks import iter_chunks, open_stream, scan_hdus
from tweakreg_steps.records.undo_record import Segment


@dataclass(frozen=True)
class _Shared:
    """Bytes that two files share: where they begin in either, and how many they are."""

    start: int
    other_start: int
    size: int


def keep_difference(
    original: Path,
    other: Path,
    kept: Path,
    *,
    original_data: Sequence[str],
    other_data: Sequence[str],
) -> tuple[Segment, ...]:
    """Write the bytes of `original` that `other` lacks.

    Parameters
    ----------
    original, other : Path
        Two versions of a FITS file.
    kept : Path
        Where to write the bytes.
    original_data, other_data : sequence of str
        Digest of each HDU's data, in either file.

    Returns
    -------
    tuple of Segment
        The original in order, for `rebuild`.

    Raises
    ------
    JobFailedError
        The bytes cannot be written.
    """
    segments: list[Segment] = []
    position = 0
    with (
        atomic_path(kept) as temporary,
        temporary.open("wb") as sink,
        original.open("rb") as source,
    ):

        def keep_until(end: int) -> None:
            if end > position:
                segments.append(Segment(kept=True, offset=sink.tell(), size=end - position))
                source.seek(position)
                sink.writelines(iter_chunks(source, end - position))

        for shared in _shared(original, other, original_data, other_data):
            keep_until(shared.start)
            segments.append(Segment(kept=False, offset=shared.other_start, size=shared.size))
            position = shared.start + shared.size
        keep_until(original.stat().st_size)
    return tuple(segments)


def _shared(
    original: Path, other: Path, original_data: Sequence[str], other_data: Sequence[str]
) -> Iterator[_Shared]:
    """Yield the data of `original` that `other` holds, too."""
    with open_stream(original) as stream:
        if isinstance(stream, gzip.GzipFile):
            return
    places = {
        (digest, hdu.data_size): hdu.data_offset
        for hdu, digest in zip(scan_hdus(other), other_data, strict=True)
    }
    for hdu, digest in zip(scan_hdus(original), original_data, strict=True):
        place = places.get((digest, hdu.data_size))
        if hdu.data_size and place is not None:
            yield _Shared(hdu.data_offset, place, hdu.data_size)


def rebuild(segments: Sequence[Segment], other: Path, kept: Path) -> Iterator[bytes]:
    """Yield the bytes of the original in order, from what `keep_difference` was given.

    Raises
    ------
    EOFError
        One of the files is shorter than it was.
    """
    with other.open("rb") as there, kept.open("rb") as here:
        for segment in segments:
            stream = here if segment.kept else there
            stream.seek(segment.offset)
            yield from iter_chunks(stream, segment.size)


def sha256_of(pieces: Iterator[bytes]) -> str:
    """Return the SHA-256 of bytes in pieces."""
    content = hashlib.sha256()
    for piece in pieces:
        content.update(piece)
    return content.hexdigest()
