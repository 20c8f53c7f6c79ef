"""Writing a FITS file from new headers and old data."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tweakreg_steps.fits_files.copying import NewHdu, write_hdus
from tweakreg_steps.fits_files.fits_blocks import scan_hdus


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a file of two images."""
    path = tmp_path / "source.fits"
    images = [fits.ImageHDU(np.full((40, 50), value)) for value in (1.0, 2.0)]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
    return path


def content(source: Path, change: tuple[bytes, bytes], table: bytes = b"") -> list[NewHdu]:
    """Return the source's HDUs with one text replaced in all headers."""
    hdus = [NewHdu(hdu.header.replace(*change), hdu) for hdu in scan_hdus(source)]
    return [*hdus, *([NewHdu(table, None)] if table else [])]


def test_a_second_copy_is_the_first_with_other_headers(source: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.fits", tmp_path / "second.fits"
    write_hdus(
        source, first, content(source, (b"array data type", b"old            ")), same_data=False
    )
    place = first.stat().st_ino
    wanted = content(source, (b"array data type", b"new            "))
    write_hdus(source, first, wanted, same_data=True)
    write_hdus(source, second, wanted, same_data=False)
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_ino == place


def test_a_copy_of_another_layout_is_written_whole(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.fits"
    same = (b"x", b"x")
    table = scan_hdus(source)[0].header
    write_hdus(source, copy, content(source, same, table), same_data=False)
    write_hdus(source, copy, content(source, same), same_data=True)
    assert copy.read_bytes() == source.read_bytes()
    copy.write_bytes(b"no fits")
    write_hdus(source, copy, content(source, same), same_data=True)
    assert copy.read_bytes() == source.read_bytes()


def test_a_name_that_says_gzip_is_gzipped(source: Path, tmp_path: Path) -> None:
    write_hdus(source, tmp_path / "a.fits.gz", content(source, (b"x", b"x")), same_data=False)
    zipped = (tmp_path / "a.fits.gz").read_bytes()
    assert gzip.decompress(zipped) == source.read_bytes()


def test_a_failure_leaves_no_file_under_the_name(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.fits"
    write_hdus(source, copy, content(source, (b"x", b"x")), same_data=False)
    broken = [NewHdu(new.head, new.data) for new in content(source, (b"x", b"x"))]
    object.__setattr__(broken[2], "head", memoryview(broken[2].head).cast("B"))
    object.__setattr__(broken[1], "head", _Breaking(broken[1].head))
    with pytest.raises(RuntimeError):
        write_hdus(source, copy, broken, same_data=True)
    assert [path.name for path in tmp_path.iterdir()] == ["source.fits"]


class _Breaking(bytes):
    """Bytes that cannot be compared."""

    __hash__ = None  # type: ignore[assignment]

    def __ne__(self, other: object) -> bool:
        raise RuntimeError
