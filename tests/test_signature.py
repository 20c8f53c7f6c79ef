"""Three keywords of an aligned file say what made it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits
from wcs_files import MATRIX, wcs_header

from tweakreg_steps.fits_files.chips import list_chips
from tweakreg_steps.fits_files.fits_blocks import scan_hdus
from tweakreg_steps.headers.header_update import write_copy
from tweakreg_steps.headers.signature import Signature, read_signature
from tweakreg_steps.headers.solution import Solution

FIRST = Signature("0.1.0", "a" * 16, "b" * 64)
SECOND = Signature("0.2.0", "c" * 16, "d" * 64)


def signed(source: Path, destination: Path, signature: Signature | None) -> Path:
    """Copy a file under a new name of its WCS."""
    write_copy(
        source,
        destination,
        chips=list_chips(source, None),
        solution=Solution(destination.stem, None, None),
        reusename=False,
        headerlet=None,
        same_data=False,
        history=(),
        signature=signature,
    )
    return destination


def test_the_last_making_is_said_in_three_keywords(tmp_path: Path) -> None:
    sci = fits.ImageHDU(np.zeros((20, 30), "f4"), wcs_header(**MATRIX), name="SCI")
    fits.HDUList([fits.PrimaryHDU(), sci]).writeto(tmp_path / "a.fits")
    bare = signed(tmp_path / "a.fits", tmp_path / "bare.fits", None)
    assert read_signature(scan_hdus(bare)[0].values) is None
    once = signed(tmp_path / "a.fits", tmp_path / "once.fits", FIRST)
    twice = signed(once, tmp_path / "twice.fits", SECOND)
    assert read_signature(scan_hdus(once)[0].values) == FIRST
    assert read_signature(scan_hdus(twice)[0].values) == SECOND
    header = fits.getheader(twice)
    assert [key for key in header if key.startswith("TWS")] == ["TWSVERS", "TWSSTAMP", "TWSRECIP"]
    assert not any("{" in line for line in header["HISTORY"])
