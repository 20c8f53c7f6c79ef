"""The reference list: the sources with known positions that images are matched with.

One table, wherever its sources come from: an image, a catalog, or images aligned before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.alignment.lists_on_plane import brightness_of, on_plane
from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from tweakreg_steps.alignment.fitted_image import FittedImage

UNITS = {"ra": "deg", "dec": "deg", "error": "mas"}
DESCRIPTIONS = {
    "id": "number of the reference source in its image or catalog, from 0",
    "ra": "right ascension, ICRS",
    "dec": "declination, ICRS",
    "flux": "flux or magnitude, as in its image or catalog",
    "x0": "position where the source comes from: pixel of its image, or of the plane",
    "y0": "position where the source comes from: pixel of its image, or of the plane",
    "error": "standard error of the position along one axis; nan where it is not known",
    "origin": "image or catalog that the source comes from",
    "chip": "chip of its image; 0 for a catalog",
    "brightness": "flux, or minus the magnitude; nan where it is not known or in another unit",
    "narrow": "whether it is too narrow for a star: a cosmic ray or a hot pixel",
}


def make_reference_list(
    *,
    number: np.ndarray,
    ra: np.ndarray,
    dec: np.ndarray,
    flux: np.ndarray,
    x0: np.ndarray,
    y0: np.ndarray,
    error: np.ndarray,
    chip: np.ndarray,
    brightness: np.ndarray,
    narrow: np.ndarray,
    origin: str,
    reason: str | None,
) -> ColumnTable:
    """Lay out a reference list.

    Parameters
    ----------
    number : int array, shape (n,)
        Number of each source where it comes from.
    ra, dec : float arrays, shape (n,)
        Degrees.
    flux : float array, shape (n,)
        As given.
    x0, y0 : float arrays, shape (n,)
        1-based pixel of the image, or of the reference plane.
    error : float array, shape (n,)
        Standard error of the position along one axis, mas; nan where it is not known.
    chip : int array, shape (n,)
        Chip of the image; 0 where the sources are those of a catalog.
    brightness : float array, shape (n,)
        A number that grows with the flux; nan where it is not known.
    narrow : bool array, shape (n,)
        Whether a source is too narrow for a star.
    origin : str
        Image or catalog that all the sources come from.
    reason : str or None
        Why there are none, a code of `tweakreg_steps.errors.Reason`.
    """
    return ColumnTable(
        columns={
            "id": number,
            "ra": ra,
            "dec": dec,
            "flux": flux,
            "x0": x0,
            "y0": y0,
            "error": error,
            "origin": np.full(len(ra), origin),
            "chip": chip,
            "brightness": brightness,
            "narrow": narrow,
        },
        units=UNITS,
        descriptions=DESCRIPTIONS,
        meta={"origin": origin, "reason": reason},
    )


def list_of_image(sky: ColumnTable, image: str) -> ColumnTable:
    """Take the sources of an image, undistorted, as a reference list."""
    return make_reference_list(
        number=sky["id"],
        ra=sky["ra"],
        dec=sky["dec"],
        flux=sky["flux"],
        x0=sky["x"],
        y0=sky["y"],
        error=sky["error"],
        chip=sky["chip"],
        brightness=brightness_of(sky),
        narrow=sky["narrow"],
        origin=image,
        reason=sky.meta["reason"],
    )


def add_new_sources(
    sources: ColumnTable,
    sky: ColumnTable,
    fitted: FittedImage,
    *,
    plane: WCS,
    tolerance: float,
    separation: float,
    epoch: float | None,
) -> ColumnTable:
    """Let the sources of an aligned image that the reference list lacks join it.

    A source joins where the fit puts it, with its number and the name of its image, unless

    - it has matched a reference source, even if the fit then rejected the pair;
    - the fit puts it within the larger of ``tolerance`` and ``separation`` of a reference source:
      it is that source, missed because another one was nearer, or because only the fit's rotation
      or scale brings them together, or the two could not be told apart by a later match;
    - another source of the image lies within ``separation``, and is the one that stays
      (`tweakreg_steps.matching.pairing.thin`).

    The new rows stand below the old ones: an image matched before was matched with the first
    ``n_reference`` rows.

    Parameters
    ----------
    sources : ColumnTable
        The reference list.
    sky : ColumnTable
        The image's sources, ``ra`` and ``dec`` (deg) through its header as it is.
    fitted : FittedImage
        Its accepted fit.
    plane : astropy.wcs.WCS
        The reference plane.
    tolerance, separation : float
        ``object_matching.tolerance`` and ``object_matching.separation``, pixels of the plane.
    epoch : float or None
        When the image was taken, Julian year; needed where the stars of the list move.
    """
    from tweakreg_steps.alignment.moving_reference import at_epoch, joined
    from tweakreg_steps.astrometry.undistortion import plane_to_sky

    if fitted.fit is None:
        return sources
    image = fitted.record["image"]
    right = fitted.fit.correct(on_plane(plane, sky, whose=image))
    known = on_plane(plane, at_epoch(sources, epoch), whose=sources.meta["origin"])
    chosen = _distinct(right, separation) & ~np.isin(sky["id"], fitted.pairs["id"])
    chosen &= ~_is_near(right, known, max(tolerance, separation))
    ra, dec = plane_to_sky(plane, *right[chosen].T)
    rows = {name: column[chosen] for name, column in sky.columns.items()}
    aligned = ColumnTable({**rows, "ra": ra, "dec": dec}, sky.units, meta=sky.meta)
    new = joined(sources, list_of_image(aligned, image), epoch)
    columns = {
        name: np.concatenate([column, new[name]]) for name, column in sources.columns.items()
    }
    if (sources["chip"] == 0).any():
        # a catalog's fluxes or magnitudes do not compare with those of an image
        columns["brightness"][len(sources) :] = np.nan
    return ColumnTable(columns, sources.units, sources.descriptions, sources.meta)


def _distinct(xy: FloatArray, separation: float) -> BoolArray:
    """Return which sources of one list count as distinct."""
    from tweakreg_steps.matching.neighbours import PointTable
    from tweakreg_steps.matching.pairing import thin

    distinct = np.zeros(len(xy), dtype=np.bool_)
    distinct[thin(PointTable.build(xy), separation).index] = True
    return distinct


def _is_near(xy: FloatArray, others: FloatArray, radius: float) -> BoolArray:
    """Return which positions have one of the others within a radius, inclusive."""
    from tweakreg_steps.matching.neighbours import PointTable, find_nearest

    table = PointTable.build(xy)
    nearest = find_nearest(table, PointTable.build(others), shift=(0.0, 0.0), radius=radius)
    near = np.zeros(len(xy), dtype=np.bool_)
    near[table.index] = nearest.second >= 0
    return near
