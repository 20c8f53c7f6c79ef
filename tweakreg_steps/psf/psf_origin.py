"""Which camera and filter a PSF file is of, and how far over a detector its nodes reach.

The files of the STDPSF library have no cards for camera and filter. They name them in their
comments (``PSFSTD_WFC3UV_F606W.fits``, ``WFC3/IR PSF FOR F105W``), which stay right when a file is
renamed, and by their own names.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.fits_files.header_cards import Cards
from tweakreg_steps.psf.psf_camera import camera_and_filter, camera_of

DETECTORS = {90: (1, 2), 56: (1, 2), 36: (2, 2), 200: (4, 2)}
"""Detectors beside and above each other in a file of the library, by its number of PSFs; one alone
in all others."""

_NAME = re.compile(r"(?:PSFSTD|STDPSF|PSFEFF)_([A-Z0-9]+)_([A-Z0-9]+)", re.IGNORECASE)
_TITLE = re.compile(r"\b([A-Z0-9]+)/([A-Z0-9]+) PSFS? FOR ([A-Z0-9]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Origin:
    """Camera and filter of a PSF, in the library's words; '' where it is not known.

    ``said_by`` tells what says so.
    """

    camera: str
    filter: str
    said_by: str


def origin_of(path: Path, header: Cards, comments: str) -> Origin:
    """Find out what a file of the library is the PSF of.

    Its cards go before its comments, and these before its name.

    Parameters
    ----------
    path
        The file.
    header
        Its primary header.
    comments
        The comments of that.
    """
    camera, name = camera_and_filter(header)
    known = Origin(str(header.get("CAMERA", camera)).upper(), name, "header")
    if not (known.camera and known.filter):
        told = _in_comments(comments) or _in_name(path.name)
        if told:
            said_by = "header" if known.camera or known.filter else told.said_by
            known = Origin(known.camera or told.camera, known.filter or told.filter, said_by)
    return known


def _in_comments(comments: str) -> Origin | None:
    """Read camera and filter off comments, where all that these name is the same."""
    named = {(c.upper(), f.upper()) for c, f in _NAME.findall(comments)}
    named |= {(camera_of(i, d), f.upper()) for i, d, f in _TITLE.findall(comments)}
    return Origin(*named.pop(), "COMMENT") if len(named) == 1 else None


def _in_name(name: str) -> Origin | None:
    """Read camera and filter off a file's name."""
    match = _NAME.search(name)
    return Origin(match[1].upper(), match[2].upper(), "name") if match else None


def reach_of(header: Cards) -> tuple[float, float]:
    """Return the last column and row of a detector that has a node in a file of the library."""
    beside, above = DETECTORS.get(int(header["NAXIS3"]), (1, 1))
    return (
        _last(header, "IPSFX", int(header["NXPSFS"]) // beside),
        _last(header, "JPSFY", int(header["NYPSFS"]) // above),
    )


def _last(header: Cards, key: str, number: int) -> float:
    """Return the place of a node; nan where the header does not tell."""
    place = header.get(f"{key}{number:02d}")
    return float(place) if isinstance(place, int | float) else math.nan
