"""The reference sources from a catalog, in the table that those of an image make, too."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.alignment.reference_list import make_reference_list
from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.sections import ReferenceCatalog
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

_FAR = 45.0
"""Degrees from the centre of the plane beyond which no source of an image can lie."""

_MAS_PER_DEGREE = 3.6e6

log = logging.getLogger(__name__)


def sources_of_catalog(path: Path, plane: WCS, parameters: ReferenceCatalog) -> ColumnTable:
    """Return the entries of a reference catalog as a reference list.

    Parameters
    ----------
    path
        The catalog.
    plane
        The reference plane; entries on the far side of the sky are left out.
    parameters
        The section ``reference_catalog``.

    Raises
    ------
    InputError
        The catalog cannot be read.
    """
    from tweakreg_steps.alignment.moving_reference import with_motions
    from tweakreg_steps.astrometry.undistortion import plane_to_sky, sky_to_plane
    from tweakreg_steps.tables.motion_columns import moves
    from tweakreg_steps.tables.reference_catalog import read_reference_catalog

    entries = read_reference_catalog(path, **parameters)
    if parameters["refxyunits"] == "pixels":
        x0, y0 = entries.x, entries.y
        ra, dec = plane_to_sky(plane, x0, y0)
    else:
        near = _on_this_side(plane, entries.x, entries.y)
        if not near.all():
            counts = int(np.sum(~near)), len(near)
            log.warning("%s: left out, far from the images: %d of %d entries", path, *counts)
        entries = entries.select(near)
        ra, dec = entries.x, entries.y
        x0, y0 = sky_to_plane(plane, ra, dec, where=path.name)
    is_mag = parameters["rfluxunits"] == "mag"
    sources = make_reference_list(
        number=entries.id,
        ra=ra,
        dec=dec,
        flux=entries.flux,
        x0=x0,
        y0=y0,
        error=entries.error,
        chip=np.zeros(len(entries), dtype=np.int64),
        brightness=-entries.flux if is_mag else entries.flux,
        narrow=np.zeros(len(entries), dtype=np.bool_),
        origin=path.name,
        reason=None,
    )
    no_pm = parameters["no_pm"]
    if not moves(entries.more, no_pm=no_pm):
        return sources
    return with_motions(sources, entries.more, no_pm=no_pm)


def _on_this_side(plane: WCS, ra: FloatArray, dec: FloatArray) -> BoolArray:
    """Tell which positions the plane can show: those well under 90 degrees from its centre."""
    from tweakreg_steps.astrometry.undistortion import separation

    return np.asarray(separation(ra, dec, *plane.wcs.crval) < _FAR * _MAS_PER_DEGREE)
