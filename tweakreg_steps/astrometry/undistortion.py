"""From pixels to the sky and back, through everything a header says about distortion.

Sky positions are right ascension and declination in degrees, ICRS, whatever the frame of the header
(`tweakreg_steps.astrometry.frames`). Pixel positions are 1-based: the centre of the first pixel is
1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.astrometry.frames import from_icrs, to_icrs
from tweakreg_steps.errors import InputError

if TYPE_CHECKING:
    from astropy.wcs import WCS


_HALF_SKY = 60.0 * 3.6e6
"""mas from a chip's centre beyond which nothing can be on it, well within its half of the sky."""
_PRECISION = 1.0e-6
_ITERATIONS = 60
"""Pixels to which a distortion is inverted, and in how many steps it must be."""


def pixels_to_sky(
    wcs: WCS, x: ArrayLike, y: ArrayLike, *, where: str
) -> tuple[FloatArray, FloatArray]:
    """Take the full distortion out of pixel positions.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Of the chip, from `tweakreg_steps.fits_files.exposure.read_wcs`.
    x, y : array-like, shape (n,)
        1-based pixels of the chip.
    where : str
        File and chip, for messages.

    Returns
    -------
    ra, dec : ndarray, shape (n,)
        Degrees, 0 <= ra < 360.

    Raises
    ------
    InputError
        A position has no place on the sky.
    """
    x, y = (np.asarray(values, dtype=np.float64) for values in (x, y))
    if x.size == 0:
        return np.empty(0), np.empty(0)
    lon, lat = _ordered(wcs, wcs.all_pix2world(x, y, 1))
    _require_finite(lon, lat, x, y, f"{where}: pixel", "has no place on the sky")
    ra, dec = to_icrs(wcs, lon, lat)
    return np.mod(ra, 360.0), dec


def sky_to_pixels(wcs: WCS, ra: ArrayLike, dec: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Find the pixels of a chip that sky positions fall on: `pixels_to_sky` the other way.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Of the chip, from `tweakreg_steps.fits_files.exposure.read_wcs`; its `pixel_shape` is set.
    ra, dec : array-like, shape (n,)
        Degrees.

    Returns
    -------
    x, y : ndarray, shape (n,)
        1-based pixels, to a millionth; nan for positions that are farther from the chip than it is
        long, where its distortion says nothing.
    """
    ra, dec = (np.asarray(values, dtype=np.float64) for values in (ra, dec))
    x, y = np.full(ra.shape, np.nan), np.full(ra.shape, np.nan)
    near = _near_chip(wcs, ra, dec)
    if near.any():
        pair = _ordered(wcs, from_icrs(wcs, ra[near], dec[near]))
        found = wcs.all_world2pix(*pair, 1, tolerance=_PRECISION, maxiter=_ITERATIONS, quiet=True)
        again = wcs.wcs_world2pix(*wcs.all_pix2world(*found, 1), 1)
        aim = wcs.wcs_world2pix(*pair, 1)
        missed = np.hypot(again[0] - aim[0], again[1] - aim[1]) > 10 * _PRECISION
        x[near], y[near] = (np.where(missed, np.nan, values) for values in found)
    return x, y


def _near_chip(wcs: WCS, ra: FloatArray, dec: FloatArray) -> BoolArray:
    """Tell which positions are no farther from the chip than it is long."""
    center = wcs.wcs_pix2world([[(n + 1) / 2 for n in wcs.pixel_shape]], 1)[0]
    away = separation(ra, dec, *to_icrs(wcs, *_ordered(wcs, center)))
    near: BoolArray = np.isfinite(away) & (away < _HALF_SKY)
    if near.any():
        x, y = wcs.wcs_world2pix(*_ordered(wcs, from_icrs(wcs, ra[near], dec[near])), 1)
        nx, ny = wcs.pixel_shape
        near[near] = (x > -nx) & (x < 2 * nx) & (y > -ny) & (y < 2 * ny)
    return near


def sky_to_plane(
    plane: WCS, ra: ArrayLike, dec: ArrayLike, *, where: str
) -> tuple[FloatArray, FloatArray]:
    """Project sky positions on an undistorted plane.

    Parameters
    ----------
    plane : astropy.wcs.WCS
        The reference plane; its distortions, if any, are not used.
    ra, dec : array-like, shape (n,)
        Degrees.
    where : str
        Whose positions they are, for messages.

    Returns
    -------
    x, y : ndarray, shape (n,)
        1-based pixels of the plane.

    Raises
    ------
    InputError
        A position lies on the other half of the sky.
    """
    ra, dec = (np.asarray(values, dtype=np.float64) for values in (ra, dec))
    if ra.size == 0:
        return np.empty(0), np.empty(0)
    x, y = plane.wcs_world2pix(*_ordered(plane, from_icrs(plane, ra, dec)), 1)
    _require_finite(
        x, y, ra, dec, f"{where}: position", "cannot be projected on the reference plane"
    )
    return x, y


def plane_to_sky(plane: WCS, x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the sky positions (degrees, 0 <= ra < 360) of 1-based pixels of a plane."""
    x, y = (np.asarray(values, dtype=np.float64) for values in (x, y))
    if x.size == 0:
        return np.empty(0), np.empty(0)
    ra, dec = to_icrs(plane, *_ordered(plane, plane.wcs_pix2world(x, y, 1)))
    return np.mod(ra, 360.0), dec


def pixel_scale(wcs: WCS) -> float:
    """Return the mean size of a pixel at the reference point of a WCS in arcsec."""
    return float(np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix)))) * 3600.0


def separation(
    ra: ArrayLike, dec: ArrayLike, other_ra: ArrayLike, other_dec: ArrayLike
) -> FloatArray:
    """Return the angles between pairs of sky positions, in mas; all arguments in degrees.

    The haversine formula, which keeps its digits for the smallest angles.
    """
    ra, dec, other_ra, other_dec = (np.radians(v) for v in (ra, dec, other_ra, other_dec))
    across = np.cos(dec) * np.cos(other_dec) * np.sin((other_ra - ra) / 2.0) ** 2
    half = np.sqrt(np.sin((other_dec - dec) / 2.0) ** 2 + across)
    angle: FloatArray = np.degrees(2.0 * np.arcsin(np.minimum(half, 1.0))) * 3.6e6
    return angle


def _require_finite(
    a: FloatArray, b: FloatArray, given_a: FloatArray, given_b: FloatArray, what: str, fault: str
) -> None:
    """Name the first position that has no image."""
    bad = np.flatnonzero(~(np.isfinite(a) & np.isfinite(b)))
    if bad.size:
        first = bad[0]
        raise InputError(
            f"{what} ({given_a.ravel()[first]:.6g}, {given_b.ravel()[first]:.6g}) {fault} "
            f"({bad.size} of {a.size}); check that the WCS keywords belong to this image"
        )


def _ordered(wcs: WCS, pair: Sequence[FloatArray]) -> Sequence[FloatArray]:
    """Swap longitude and latitude where the axes of a WCS are in the other order."""
    return pair if wcs.wcs.lng < wcs.wcs.lat else (pair[1], pair[0])
