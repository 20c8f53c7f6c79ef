"""Rigid motions of exposures on the sphere, as pointing errors and dithers are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.arrays import FloatArray

if TYPE_CHECKING:
    from astropy.io import fits


@dataclass(frozen=True)
class Motion:
    """A rigid motion of an exposure on the sphere.

    Attributes
    ----------
    east, north
        Shift of the pointing in arcsec.
    roll
        Rotation about the pointing in degrees, from north towards east.
    """

    east: float
    north: float
    roll: float


def motion_matrix(pointing: tuple[float, float], motion: Motion) -> FloatArray:
    """Return the rotation of the sphere that carries a pointing along a motion.

    Parameters
    ----------
    pointing
        Right ascension and declination in degrees of the point that ``motion`` is about.
    motion
        Shift and roll.

    Returns
    -------
    numpy.ndarray
        Shape (3, 3): acts on unit vectors of the equatorial frame.
    """
    before = _east_north_out(*pointing)
    xi, eta = (math.radians(part / 3600.0) for part in (motion.east, motion.north))
    out = before @ np.array([xi, eta, 1.0])
    out /= np.linalg.norm(out)
    ra, dec = math.degrees(math.atan2(out[1], out[0])), math.degrees(math.asin(out[2]))
    roll = math.radians(motion.roll)
    turn = np.array(
        [
            [math.cos(roll), math.sin(roll), 0.0],
            [-math.sin(roll), math.cos(roll), 0.0],
            [0.0, 0.0, 1.0],
        ]
    )
    return np.asarray(_east_north_out(ra, dec) @ turn @ before.T)


def move_header(header: fits.Header, matrix: FloatArray) -> None:
    """Move the primary WCS of an image header with a rotation of the sphere, in place.

    CRVAL is carried along, and CD is turned by the angle between the carried north and the north
    at the new CRVAL; nothing in pixel space (CRPIX, SIP, lookup tables) changes.

    Parameters
    ----------
    header
        Header with CRVAL1, CRVAL2 and a CD matrix of a zenithal projection.
    matrix
        Shape (3, 3), from :func:`motion_matrix`.
    """
    before = _east_north_out(header["CRVAL1"], header["CRVAL2"])
    _, north, out = (matrix @ before).T
    ra = math.degrees(math.atan2(out[1], out[0])) % 360.0
    dec = math.degrees(math.asin(out[2]))
    after = _east_north_out(ra, dec)
    # the carried north, seen in the east-north frame at its new place: (-sin, cos) of the turn
    sine, cosine = -after[:, 0] @ north, after[:, 1] @ north
    cd = np.array([[header[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)])
    cd = np.array([[cosine, -sine], [sine, cosine]]) @ cd
    header["CRVAL1"], header["CRVAL2"] = ra, dec
    for i in (1, 2):
        for j in (1, 2):
            header[f"CD{i}_{j}"] = float(cd[i - 1, j - 1])
    if "ORIENTAT" in header:
        header["ORIENTAT"] = math.degrees(math.atan2(cd[0, 1], cd[1, 1]))


def _east_north_out(ra: float, dec: float) -> FloatArray:
    """Columns: unit vectors to east, to north and outwards at a place given in degrees."""
    a, d = math.radians(ra), math.radians(dec)
    return np.array(
        [
            [-math.sin(a), -math.sin(d) * math.cos(a), math.cos(d) * math.cos(a)],
            [math.cos(a), -math.sin(d) * math.sin(a), math.cos(d) * math.sin(a)],
            [0.0, math.cos(d), math.sin(d)],
        ]
    )


def move_exposure(hdus: fits.HDUList, motion: Motion) -> None:
    """Move both chips of an HST exposure as one rigid body about the aperture's position."""
    aperture = hdus["SCI", 1].header["RA_APER"], hdus["SCI", 1].header["DEC_APER"]
    matrix = motion_matrix(aperture, motion)
    for version in (1, 2):
        move_header(hdus["SCI", version].header, matrix)
