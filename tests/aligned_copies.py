"""Copies of files aligned by a known fit."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.wcs import WCS
from stwcs.wcsutil import HSTWCS
from wcs_files import (
    Motion,
    make_plane,
    motion,
)

from tweakreg_steps.astrometry.apply_fit import MovedWcs, move_wcs
from tweakreg_steps.astrometry.undistortion import pixels_to_sky
from tweakreg_steps.fits_files.exposure import list_chips, read_header, read_wcs
from tweakreg_steps.fits_files.fits_blocks import scan_hdus
from tweakreg_steps.headers.header_update import AlignedHeader, write_copy
from tweakreg_steps.headers.solution import FitQuality, Solution

X, Y = np.random.default_rng(6).uniform(1, 600, (2, 40))
QUALITY = FitQuality(rms_ra=1e-6, rms_dec=2e-6, n_match=123)
FIT = motion((1e3, 1e3), rotation=0.02, scale=1.00001, shift=(3.3, -2.1))


def align(
    source: Path,
    destination: Path,
    *,
    fit: Motion | None = FIT,
    wcsname: str = "TWEAK",
    reusename: bool = False,
) -> tuple[AlignedHeader, Sequence[MovedWcs] | None]:
    """Write a copy moved by a fit, or that of a reference."""
    chips = list_chips(source, None)
    moved = None
    if fit is not None:
        plane = plane_near(source)
        moved = [
            move_wcs(read_header(source, c), read_wcs(source, c), plane=plane, fit=fit, where="a")
            for c in chips
        ]
    written = write_copy(
        source,
        destination,
        chips=chips,
        solution=Solution(wcsname, moved, None if fit is None else QUALITY),
        reusename=reusename,
        headerlet=None,
        same_data=False,
        history=(),
    )
    return written, moved


def plane_near(path: Path) -> WCS:
    chip = list_chips(path, None)[0]
    (ra,), (dec,) = pixels_to_sky(read_wcs(path, chip), [300.0], [300.0], where="a")
    return make_plane(ra, dec)


def image_hdus(path: Path) -> dict[tuple[str, int], bytes]:
    """Return the raw data of every HDU but WCSCORR."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    return {
        (hdu.name, hdu.version): content[hdu.data_offset : hdu.end]
        for hdu in scan_hdus(path)
        if hdu.name != "WCSCORR"
    }


def hst_wcs(path: Path, chip: int) -> Any:  # noqa: ANN401 - HSTWCS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return HSTWCS(f"{path}[sci,{chip}]")
