"""Small files with a WCS, for the tests of what reads and writes headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray

UVIS_HEADERS = Path(__file__).parent / "data" / "wfc3_uvis_flc_headers.fits.gz"
UVIS_SHAPE = (2051, 4096)
MATRIX: dict[str, Any] = {"CD1_1": -1e-5, "CD1_2": 1e-6, "CD2_1": 1e-6, "CD2_2": 1.1e-5}
TPV: dict[str, Any] = {
    "CTYPE1": "RA---TPV",
    "CTYPE2": "DEC--TPV",
    "PV1_0": 1e-5,
    "PV1_1": 1.0,
    "PV1_2": 1e-4,
    "PV1_3": 0.001,
    "PV1_4": 0.02,
    "PV1_8": 0.3,
    "PV2_1": 1.0001,
    "PV2_4": -0.01,
    "PV2_10": 0.2,
    "PV2_11": 0.1,
}


@dataclass(frozen=True)
class Motion:
    """A fit: ``matrix``, ``shift`` and ``center`` on the plane."""

    matrix: FloatArray
    shift: FloatArray
    center: FloatArray


def motion(
    center: Sequence[float],
    *,
    rotation: float = 0.0,
    scale: float = 1.0,
    skew: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Motion:
    """Make a fit from what it does; angles in degrees."""
    a, b = np.radians([rotation, rotation + skew])
    matrix = scale * np.array([[np.cos(a), np.sin(b)], [-np.sin(a), np.cos(b)]])
    return Motion(matrix, np.array(shift), np.array(center, dtype=np.float64))


def wcs_header(ra: float = 10.0, dec: float = 20.0, **cards: Any) -> fits.Header:  # noqa: ANN401
    """Make the header of an image of 2100 rows and 2000 columns."""
    header = fits.Header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 2)])
    base = {"NAXIS1": 2000, "NAXIS2": 2100, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
    place = {"CRPIX1": 1000.0, "CRPIX2": 900.0, "CRVAL1": ra, "CRVAL2": dec}
    for key, value in (base | place | cards).items():
        header[key] = value
    return header


def make_plane(
    ra: float,
    dec: float,
    *,
    scale: float = 0.05,
    angle: float = 30.0,
    crpix: Sequence[float] = (1e3, 1e3),
) -> WCS:
    """Make a tangential plane; scale in arcsec, angle of the y axis in degrees."""
    plane = WCS(naxis=2)
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.crval, plane.wcs.crpix = [ra, dec], crpix
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    plane.wcs.cd = scale / 3600.0 * np.array([[-cosine, sine], [sine, cosine]])
    plane.wcs.set()
    plane.pixel_shape = (2000, 2000)
    return plane


def write_uvis(path: Path, *, move: float = 0.0, shape: tuple[int, int] = UVIS_SHAPE) -> Path:
    """Write the stored WFC3/UVIS headers with chips of their true size, 1 byte a pixel."""
    with fits.open(UVIS_HEADERS) as hdus:
        for chip in (1, 2):
            hdus["SCI", chip].data = np.broadcast_to(np.uint8(chip), shape)
            hdus["SCI", chip].header["CRVAL1"] += move
        hdus.writeto(path)
    return path


def write_image(
    path: Path,
    data: NDArray[Any],
    *,
    primary: bool = True,
    name: str = "",
    **cards: Any,  # noqa: ANN401
) -> Path:
    """Write one image with a WCS, into PRIMARY or an extension."""
    header = wcs_header(**(MATRIX | cards))
    for key in ("SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2"):
        del header[key]
    if primary:
        fits.PrimaryHDU(data, header).writeto(path)
    else:
        image = fits.ImageHDU(data, header, name=name)
        fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
    return path


def write_compressed(path: Path, data: NDArray[Any], **cards: Any) -> Path:  # noqa: ANN401
    """Write one Rice-compressed image with a WCS, its CHECKSUM in it."""
    header = wcs_header(**(MATRIX | cards))
    image = fits.CompImageHDU(data, header, compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path, checksum=True)
    return path
