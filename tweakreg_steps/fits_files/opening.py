"""Opening a FITS file with astropy: its headers and small arrays, plain or gzipped."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Any, BinaryIO

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.fits_blocks import iter_chunks, open_stream, scan_hdus

_SMALL = 1 << 22  # bytes; lookup tables have some thousands, chips tens of millions


@contextmanager
def open_quietly(path: Path, *, as_tables: bool = False) -> Iterator[Any]:
    """Open a file's headers and small arrays with astropy.

    Its notes on non-standard cards concern nobody here. Pixels are read with `read_pixels`.

    Parameters
    ----------
    path : Path
        The file.
    as_tables : bool
        Give compressed images as the tables that hold their tiles.

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
    from astropy.io.fits.verify import VerifyError

    with warnings.catch_warnings(), _without_gzip(path) as plain:
        warnings.simplefilter("ignore")
        try:
            hdus = fits.open(
                plain, memmap=False, lazy_load_hdus=True, disable_image_compression=as_tables
            )
        except (OSError, LookupError, TypeError, ValueError, AttributeError, VerifyError) as error:
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
