"""The celestial frame of a WCS, and the way to ICRS and back.

Everything is compared in ICRS. What a header's numbers mean is said by CTYPE, RADESYS and EQUINOX
(FITS WCS paper II, section 3.1): without RADESYS, ICRS where there is no EQUINOX, FK4 before 1984,
else FK5. FK5 of J2000 lies up to 28 mas from ICRS, FK4 of B1950 half a degree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import InputError

if TYPE_CHECKING:
    from astropy.wcs import WCS


_FIRST_FK5 = 1984.0
"""EQUINOX from which on a header without RADESYS means FK5."""


def to_icrs(wcs: WCS, lon: FloatArray, lat: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Turn the coordinates of a WCS (degrees, any shape) into right ascension and declination.

    Raises
    ------
    InputError
        The frame of the WCS is not known.
    """
    if is_icrs(wcs):
        return lon, lat
    from astropy.coordinates import SkyCoord

    sky: Any = SkyCoord(lon, lat, unit="deg", frame=_frame(wcs)).icrs
    return sky.ra.deg, sky.dec.deg


def from_icrs(wcs: WCS, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Turn right ascension and declination into the coordinates of a WCS: `to_icrs` back."""
    if is_icrs(wcs):
        return ra, dec
    from astropy.coordinates import SkyCoord

    sky: Any = SkyCoord(ra, dec, unit="deg", frame="icrs").transform_to(_frame(wcs)).spherical
    return sky.lon.deg, sky.lat.deg


def is_icrs(wcs: WCS) -> bool:
    """Tell whether a WCS gives right ascension and declination in ICRS."""
    return wcs.wcs.lngtyp == "RA" and radesys_of(wcs) == "ICRS"


def radesys_of(wcs: WCS) -> str:
    """Return the RADESYS of a WCS, or the one that its absence means."""
    own = str(wcs.wcs.radesys).strip()
    if own:
        return own
    equinox = float(wcs.wcs.equinox)
    if not np.isfinite(equinox):
        return "ICRS"
    return "FK5" if equinox >= _FIRST_FK5 else "FK4"


def _frame(wcs: WCS) -> Any:  # noqa: ANN401  an astropy frame
    """Return the celestial frame of a WCS."""
    from astropy.wcs.utils import wcs_to_celestial_frame

    try:
        return wcs_to_celestial_frame(wcs)
    except ValueError as error:
        raise InputError(
            f"the frame of a WCS is not known (CTYPE {' '.join(wcs.wcs.ctype)}, RADESYS "
            f"{str(wcs.wcs.radesys)!r}); known are RA and Dec in ICRS, FK5, FK4 or FK4-NO-E, and "
            "Galactic: correct RADESYS"
        ) from error
