"""The two cameras of the scenes: real headers of exposures, to be moved over the sky."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import spherical_geometry
from astropy.io import fits
from astropy.wcs import WCS
from skies import _quiet_wcs, _uvis_headers

from robustness.conditions import CameraName
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.rigid_motion import Motion, motion_matrix, move_header
from tweakreg_steps.demo.painting import UVIS_PSF, Psf

HRC_EXPOSURE = Path(spherical_geometry.__file__).parent / "tests" / "data" / "j8bt06nyq_flt.fits"


@dataclass(frozen=True)
class Camera:
    """A camera.

    Attributes
    ----------
    shape : (int, int)
        (ny, nx) of a chip.
    chips : tuple of int
        The numbers of the chips.
    psf : Psf
        A star's light.
    height : float
        Height over flux of the Gaussian that the finder fits to a star.
    file_name : str
        File name of an exposure, with its number in braces.
    """

    shape: tuple[int, int]
    chips: tuple[int, ...]
    psf: Psf
    height: float
    file_name: str


CAMERAS: dict[CameraName, Camera] = {
    "UVIS": Camera((512, 1024), (1, 2), UVIS_PSF, 0.12, "robust0{}q_flc.fits"),
    "HRC": Camera(
        (1024, 1024),
        (1,),
        Psf(core_sigma=1.0, wing_sigma=2.4, wing_fraction=0.15, radius=10),
        0.09,
        "robust0{}q_flt.fits",
    ),
}


def read_headers(camera: CameraName) -> fits.HDUList:
    """Return real headers, with the sizes of the chips but no pixels yet."""
    if camera == "UVIS":
        return _uvis_headers(Motion(0.0, 0.0, 0.0), CAMERAS[camera].shape)
    with fits.open(HRC_EXPOSURE) as stored:
        return fits.HDUList([hdu.copy() for hdu in stored])


def chip_wcs(hdus: fits.HDUList, chip: int) -> WCS:
    """Return the WCS of a chip, with all its distortions."""
    return _quiet_wcs(hdus["SCI", chip].header, hdus)


def sky_corners(hdus: fits.HDUList, camera: Camera) -> FloatArray:
    """Return right ascension and declination of all chips' corners in degrees, shape (2, n)."""
    ny, nx = camera.shape
    corners = [
        chip_wcs(hdus, chip).wcs_pix2world([1, nx, nx, 1], [1, 1, ny, ny], 1)
        for chip in camera.chips
    ]
    return np.concatenate(corners, axis=1)


def move(hdus: fits.HDUList, camera: Camera, motion: Motion) -> None:
    """Move all chips as one rigid body, turned about the middle of their corners."""
    ra, dec = sky_corners(hdus, camera).mean(axis=1)
    matrix = motion_matrix((float(ra), float(dec)), motion)
    for chip in camera.chips:
        move_header(hdus["SCI", chip].header, matrix)
