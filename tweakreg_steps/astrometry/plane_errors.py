"""Errors on the sky as errors on the reference plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.space_motion import (
    MAS,
)
from tweakreg_steps.astrometry.undistortion import sky_to_plane

if TYPE_CHECKING:
    from astropy.wcs import WCS

_STEP = 1.0
"""Arcseconds of the steps by which the plane is felt: it bends by 1e-11 of them."""


def plane_covariances(
    plane: WCS, ra: FloatArray, dec: FloatArray, covariance: FloatArray, *, where: str
) -> FloatArray:
    """Return covariances of positions on a plane.

    Parameters
    ----------
    plane : astropy.wcs.WCS
        The reference plane.
    ra, dec : (n,) float arrays
        Degrees.
    covariance : (n, 2, 2) float array
        Along east and north, in mas².
    where : str
        Whose positions they are, for messages.

    Returns
    -------
    (n, 2, 2) float array
        Along x and y, in square pixels: ``J C J'`` with J the pixels over mas at each position.
    """
    if not len(ra):
        return np.zeros((0, 2, 2))
    here = np.stack(sky_to_plane(plane, ra, dec, where=where))
    jacobian = np.empty((len(ra), 2, 2))
    for axis, (east, north) in enumerate(((_STEP, 0.0), (0.0, _STEP))):
        there = np.stack(sky_to_plane(plane, *_stepped(ra, dec, east, north), where=where))
        jacobian[:, :, axis] = (there - here).T / (_STEP * 1.0e3)
    return np.asarray(jacobian @ covariance @ jacobian.transpose(0, 2, 1))


def _stepped(
    ra: FloatArray, dec: FloatArray, east: float, north: float
) -> tuple[FloatArray, FloatArray]:
    """Return positions a step (arcseconds) away on the tangent plane of each, degrees."""
    a, d = np.radians(ra), np.radians(dec)
    xi, eta = east * 1.0e3 * MAS, north * 1.0e3 * MAS
    x = np.cos(d) * np.cos(a) - xi * np.sin(a) - eta * np.sin(d) * np.cos(a)
    y = np.cos(d) * np.sin(a) + xi * np.cos(a) - eta * np.sin(d) * np.sin(a)
    z = np.sin(d) + eta * np.cos(d)
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))
