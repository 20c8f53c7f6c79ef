"""Small FITS files, and what damage and malice make of them; all from a seed."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from astropy.io import fits
from wcs_files import MATRIX, TPV, wcs_header

CARD = 80
BLOCK = 2880
ABSURD = (
    *("-1", "0", "1", "2", "7", "999", "1000", "65536", "2147483648", "9223372036854775807"),
    *("1E300", "-1E300", "NAN", "INF", "1E-300", "T", "F", "''", "'abc'", "'" + "x" * 60 + "'"),
    *("", "/", "(1,2)", "99999999999999999999999999999999", "1_0", "0x10", "\x00\xff", "'TAN'"),
)
KEYWORDS = (
    *("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "PCOUNT", "GCOUNT"),
    *("GROUPS", "EXTNAME", "EXTVER", "NEXTEND", "BSCALE", "BZERO", "BLANK", "PIXVALUE", "EXTEND"),
    *("CTYPE1", "CTYPE2", "CRPIX1", "CRVAL1", "CRVAL2", "CD1_1", "CD2_2", "CDELT1", "PC1_1"),
    *("CROTA2", "RADESYS", "EQUINOX", "LONPOLE", "CUNIT1", "WCSNAME", "WCSNAMEA", "WCSAXES"),
    *("A_ORDER", "B_ORDER", "A_2_0", "AP_ORDER", "PV1_1", "PV2_5", "CPDIS1", "DP1", "D2IMDIS1"),
    *("ZIMAGE", "ZBITPIX", "ZNAXIS", "ZNAXIS1", "ZNAXIS2", "ZTILE1", "ZTILE2", "ZCMPTYPE"),
    *("TFIELDS", "TTYPE1", "TFORM1", "THEAP", "TELESCOP", "INSTRUME", "IDCTAB", "VAFACTOR"),
    *("ZVAL1", "ZNAME1", "ZQUANTIZ", "ZBLANK", "CHECKSUM", "DATASUM", "TTYPE2", "TFORM2"),
)


def seeds() -> dict[str, bytes]:
    """Return files of all kinds, without fault."""
    rng = np.random.default_rng(5)
    pixels = rng.normal(10.0, 2.0, (24, 30)).astype(np.float32)
    whole = rng.integers(0, 3000, (24, 30)).astype(np.int16)
    sip = {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-6, "B_0_2": 1e-6}
    plain = MATRIX | {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"} | sip
    hst = fits.PrimaryHDU()
    hst.header.update(TELESCOP="HST", INSTRUME="ACS", NEXTEND=3, IDCTAB="a_idc.fits")
    chips = [
        fits.ImageHDU(pixels, wcs_header(**plain), name="SCI"),
        fits.ImageHDU(pixels, name="ERR"),
        fits.ImageHDU(whole, name="DQ"),
    ]
    scaled = fits.PrimaryHDU(whole.astype(np.uint16), wcs_header(**MATRIX))
    return {
        "mef": _bytes(hst, *chips),
        "primary": _bytes(scaled),
        "tpv": _bytes(fits.PrimaryHDU(pixels, wcs_header(**(MATRIX | TPV)))),
        **{
            kind: _bytes(
                fits.PrimaryHDU(),
                fits.CompImageHDU(data, wcs_header(**MATRIX), compression_type=kind.upper()),
            )
            for kind, data in (("rice_1", whole), ("gzip_2", pixels), ("hcompress_1", whole))
        },
    }


def association() -> bytes:
    """Return an association table of one exposure, ``a``."""
    columns = [
        fits.Column("MEMNAME", "14A", array=["a", "b", "prod"]),
        fits.Column("MEMTYPE", "14A", array=["EXP-DTH", "EXP-DTH", "PROD-DTH"]),
        fits.Column("MEMPRSNT", "L", array=[True, False, True]),
    ]
    return _bytes(fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns))


def _bytes(*hdus: Any) -> bytes:  # noqa: ANN401  HDUs of any kind
    """Write HDUs to bytes."""
    stream = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(stream)
    return stream.getvalue()


def mutants(content: bytes, number: int, *, seed: int) -> Iterator[bytes]:
    """Yield damaged copies of a file, each with one to three faults."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        damaged = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            _FAULTS[rng.integers(len(_FAULTS))](damaged, rng)
        yield gzip.compress(bytes(damaged), 1) if rng.random() < 0.1 else bytes(damaged)


def _cards(content: bytearray) -> list[int]:
    """Return where the cards stand that have a keyword and a value."""
    starts = range(0, len(content) - CARD + 1, CARD)
    return [i for i in starts if content[i + 8 : i + 10] == b"= "]


def _absurd_value(content: bytearray, rng: np.random.Generator) -> None:
    """Give a keyword that is there a value that cannot be."""
    cards = _cards(content)
    if not cards:
        return
    known = [i for i in cards if bytes(content[i : i + 8]).decode("latin1").strip() in KEYWORDS]
    start = int(rng.choice(known or cards))
    value = str(rng.choice(ABSURD)).encode("latin1")
    content[start + 10 : start + CARD] = value.rjust(20).ljust(70)[:70]


def _absurd_card(content: bytearray, rng: np.random.Generator) -> None:
    """Put a keyword in the place of another."""
    cards = _cards(content)
    if not cards:
        return
    start = int(rng.choice(cards))
    name, value = str(rng.choice(KEYWORDS)), str(rng.choice(ABSURD))
    content[start : start + CARD] = f"{name:<8}= {value:>20}".encode("latin1").ljust(CARD)[:CARD]


def _lost_card(content: bytearray, rng: np.random.Generator) -> None:
    """Blank a card, END included."""
    starts = range(0, len(content) - CARD + 1, CARD)
    cards = [i for i in starts if content[i : i + 8].strip().isalnum()]
    if cards:
        start = int(rng.choice(cards[:60] if rng.random() < 0.5 else cards))
        content[start : start + CARD] = b" " * CARD


def _flipped_bytes(content: bytearray, rng: np.random.Generator) -> None:
    """Change some bytes anywhere."""
    for _ in range(rng.integers(1, 30)):
        if content:
            content[rng.integers(len(content))] = rng.integers(256)


def _random_run(content: bytearray, rng: np.random.Generator) -> None:
    """Overwrite a stretch, as a bad download does."""
    start = int(rng.integers(max(len(content), 1)))
    length = int(rng.integers(1, 3000))
    noise = bytes(length) if rng.random() < 0.5 else rng.bytes(length)
    content[start : start + length] = noise[: len(content) - start]


def _cut(content: bytearray, rng: np.random.Generator) -> None:
    """Cut the end off, half of the time at a block."""
    size = int(rng.integers(len(content) + 1))
    del content[size - size % BLOCK if rng.random() < 0.5 else size :]


_FAULTS: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
    *(_absurd_value, _absurd_value, _absurd_value, _absurd_card),
    *(_lost_card, _flipped_bytes, _random_run, _cut),
)
