"""The reference sources: from the first image or from a catalog, in the same table."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.alignment.reference_list import list_of_image, make_reference_list
from tweakreg_steps.provenance.statement import sign_table
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import ColumnTable, read_table, write_table

if TYPE_CHECKING:
    from astropy.wcs import WCS

_FAR = 45.0
"""Degrees from the centre of the plane beyond which no source of an image can lie."""

_MAS_PER_DEGREE = 3.6e6

log = logging.getLogger(__name__)


def run(call: StepCall) -> list[Path]:
    """Write ``reference/sources.ecsv``."""
    catalog = call.optional_file("refcat")
    table = _from_catalog(call, catalog) if catalog else _from_image(call)
    write_table(call.file("sources"), sign_table(table, call.statement))
    return [call.file("sources")]


def _from_image(call: StepCall) -> ColumnTable:
    """Take the sources of the reference image."""
    return list_of_image(read_table(call.file("sky")), call.inputs["image"])


def _from_catalog(call: StepCall, path: Path) -> ColumnTable:
    """Take the entries of a reference catalog."""
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane
    from tweakreg_steps.astrometry.undistortion import plane_to_sky, sky_to_plane
    from tweakreg_steps.tables.reference_catalog import read_reference_catalog

    entries = read_reference_catalog(path, **call.parameters["reference_catalog"])
    plane = read_reference_plane(call.file("plane"))
    if call.parameters["reference_catalog"]["refxyunits"] == "pixels":
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
    is_mag = call.parameters["reference_catalog"]["rfluxunits"] == "mag"
    return make_reference_list(
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


def _on_this_side(
    plane: WCS, ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which positions the plane can show: those well under 90 degrees from its centre."""
    from tweakreg_steps.astrometry.undistortion import separation

    return np.asarray(separation(ra, dec, *plane.wcs.crval) < _FAR * _MAS_PER_DEGREE)
