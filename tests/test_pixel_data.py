"""Pixels are those that astropy reads, for every way in which FITS writes numbers."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from wcs_files import MATRIX, wcs_header

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import list_chips
from tweakreg_steps.fits_files.exposure import read_dq, read_pixels

DTYPES = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}
SCALES = [None, 1, 1.0, 0.5, -2.0, 3, 0.1, 0.001220703125]
ZEROS = [None, 0, -128, 128, 32768, 32768.0, 2147483648, 2**63, 10.5, -1e6, 0.1]
BLANKS = [None, 0, -32768, 255, -2147483648, 7]


def raw_numbers(bitpix: int, rng: np.random.Generator) -> NDArray[Any]:
    """Draw numbers over the whole range of a BITPIX, its ends and nan included."""
    kind = np.dtype(DTYPES[bitpix])
    if kind.kind == "f":
        values = (rng.normal(0.0, 1.0, (6, 9)) * 10.0 ** rng.uniform(-3, 9, (6, 9))).astype(kind)
        values[0, :3] = np.nan, 0.0, 16777217.0
        return values
    ends = np.iinfo(kind)
    values = rng.integers(ends.min, ends.max, (6, 9), dtype=kind, endpoint=True)
    values[0, :4] = ends.min, ends.max, 0, 7
    return values


def write_plain(path: Path, raw: NDArray[Any], cards: dict[str, Any]) -> None:
    """Write an image as it is, with these keywords beside it, which astropy would not mix."""
    header = wcs_header(**MATRIX)
    header["BITPIX"] = next(b for b, d in DTYPES.items() if np.dtype(d) == raw.dtype)
    header.update(NAXIS1=raw.shape[1], NAXIS2=raw.shape[0])
    header.update({key: value for key, value in cards.items() if value is not None})
    data = raw.astype(raw.dtype.newbyteorder(">")).tobytes()
    text = header.tostring(endcard=True, padding=True).encode()
    content = text + data.ljust(-(-len(data) // 2880) * 2880, b"\0")
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def assert_astropys(path: Path) -> None:
    """Compare pixels with those of astropy, value by value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = fits.getdata(path)
        except ValueError:  # nan among signed bytes
            expected = fits.getdata(path, uint=False)
    found = read_pixels(path, list_chips(path, None)[0])
    assert found.dtype.kind == "f"
    assert found.dtype.isnative
    assert np.array_equal(found.astype("f8"), expected.astype("f8"), equal_nan=True)


@pytest.mark.slow
@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    bitpix=st.sampled_from(sorted(DTYPES)),
    scale=st.sampled_from(SCALES),
    zero=st.sampled_from(ZEROS),
    blank=st.sampled_from(BLANKS),
    ending=st.sampled_from(["fits", "fits.gz"]),
)
def test_pixels_are_those_of_astropy(
    tmp_path: Path,
    bitpix: int,
    scale: float | None,
    zero: float | None,
    blank: int | None,
    ending: str,
) -> None:
    raw = raw_numbers(bitpix, np.random.default_rng(1))
    path = tmp_path / f"a.{ending}"
    write_plain(path, raw, {"BSCALE": scale, "BZERO": zero, "BLANK": blank})
    assert_astropys(path)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8"])
@pytest.mark.parametrize("compression", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"])
@pytest.mark.parametrize("ending", ["fits.fz", "fits.fz.gz"])
def test_compressed_pixels_are_those_of_astropy(
    tmp_path: Path, dtype: str, compression: str, ending: str
) -> None:
    rng = np.random.default_rng(2)
    ends = np.iinfo(dtype) if np.dtype(dtype).kind != "f" else np.iinfo("i2")
    low, high = max(int(ends.min), -(2**30)), min(int(ends.max), 2**32 - 1)
    if np.dtype(dtype).itemsize == 4 and np.dtype(dtype).kind == "u":
        low = 2**31 - 2**10  # the compressors take differences of 31 bits
        high = 2**31 + 2**10
    data = rng.integers(low, high, (40, 50), endpoint=True).astype(dtype)
    path = tmp_path / f"a.{ending}"
    hdu = fits.CompImageHDU(data, wcs_header(**MATRIX), compression_type=compression)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    assert_astropys(path)


def test_counts_of_32_bits_keep_every_bit(tmp_path: Path) -> None:
    counts = np.array([[0, 1, 2**24 + 1], [2**31, 2**32 - 1, 77]], dtype=np.uint32)
    fits.PrimaryHDU(counts, wcs_header(**MATRIX)).writeto(tmp_path / "a.fits")
    path = tmp_path / "a.fits"
    found = read_pixels(path, list_chips(path, None)[0])
    assert found.dtype == np.float64
    assert np.array_equal(found, counts)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "f4"])
def test_flags_of_every_type(tmp_path: Path, dtype: str) -> None:
    flags = np.array([[0, 1, 16], [4, 64, 127]], dtype=dtype)
    sci = fits.ImageHDU(np.zeros((2, 3), "f4"), wcs_header(**MATRIX), name="SCI")
    dq = fits.ImageHDU(flags, name="DQ")
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), sci, dq]).writeto(path)
    found = read_dq(path, list_chips(path, None)[0])
    assert found is not None
    assert found.dtype.kind in "iu"
    assert np.array_equal(found, flags)


def test_damaged_tiles_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    data = np.random.default_rng(3).integers(0, 3000, (64, 64)).astype("i2")
    hdu = fits.CompImageHDU(data, wcs_header(**MATRIX), compression_type="GZIP_1")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    with fits.open(path, disable_image_compression=True) as hdus:
        info = hdus[1].fileinfo()
        start = info["datLoc"] + hdus[1].header["NAXIS1"] * hdus[1].header["NAXIS2"]
    content = bytearray(path.read_bytes())
    content[start : start + 400] = b"\xff" * 400
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.fits: the pixels of HDU 1 cannot be read"):
        read_pixels(path, list_chips(path, None)[0])
