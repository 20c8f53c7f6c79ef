"""Lists of sources laid on the reference plane: those of an image, and the reference list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from tweakreg_steps.matching.source_list import SourceList


_FARTHEST = 80.0
"""Degrees from the centre of a tangent plane beyond which it shows no image."""

_MAS_PER_DEGREE = 3.6e6

_NO_SOURCES = {
    "pixels": "nothing above the threshold",
    "catalogs": "none is left of the image's catalogs; see the log of read_catalogs",
}
"""Why an image has no source, by where its sources come from."""


def on_plane(plane: WCS, table: ColumnTable, *, whose: str) -> FloatArray:
    """Return the positions of a table's sources on a plane: 1-based pixels, shape (n, 2).

    Raises
    ------
    NotAlignedError
        NO_OVERLAP: the sources lie on another part of the sky than the plane shows.
    """
    from tweakreg_steps.astrometry.undistortion import separation, sky_to_plane

    ra, dec = table["ra"], table["dec"]
    if len(table):
        farthest = float(np.max(separation(ra, dec, *plane.wcs.crval))) / _MAS_PER_DEGREE
        if farthest > _FARTHEST:
            raise NotAlignedError(
                Reason.NO_OVERLAP,
                f"{whose} lies {farthest:.0f} degrees from the centre of the reference plane;"
                " align distant fields with separate recipes",
            )
    return np.column_stack(sky_to_plane(plane, ra, dec, where=whose))


def require_sources(sky: ColumnTable) -> None:
    """Refuse a list of an image's sources that is empty.

    Raises
    ------
    NotAlignedError
        NO_PIXELS, NO_SOURCES.
    """
    if sky.meta["reason"]:
        reason = Reason(sky.meta["reason"])
        raise NotAlignedError(reason, "no chip of the image holds a finite pixel")
    if len(sky) == 0:
        raise NotAlignedError(Reason.NO_SOURCES, _NO_SOURCES[sky.meta["found_in"]])


def source_lists(
    sky: ColumnTable, sources: ColumnTable, *, plane: WCS, image: str
) -> tuple[SourceList, SourceList]:
    """Lay an image's sources and the reference list on the reference plane.

    Parameters
    ----------
    sky, sources, plane, image
        As in `make_match_table`.

    Raises
    ------
    NotAlignedError
        NO_OVERLAP: see `on_plane`.
    """
    return list_on_plane(sky, plane=plane, image=image), reference_on_plane(sources, plane=plane)


def list_on_plane(sky: ColumnTable, *, plane: WCS, image: str) -> SourceList:
    """Lay an image's sources on the reference plane.

    Raises
    ------
    NotAlignedError
        NO_OVERLAP: see `on_plane`.
    """
    from tweakreg_steps.matching.source_list import SourceList

    return SourceList(
        xy=on_plane(plane, sky, whose=image),
        brightness=brightness_of(sky),
        narrow=sky["narrow"],
        detector=np.column_stack([sky["chip"], sky["x"], sky["y"]]).astype(np.float64),
    )


def reference_on_plane(sources: ColumnTable, *, plane: WCS) -> SourceList:
    """Lay the reference list on the reference plane.

    Raises
    ------
    NotAlignedError
        NO_OVERLAP: see `on_plane`.
    """
    from tweakreg_steps.matching.source_list import SourceList

    on_chip = sources["chip"] > 0
    detector = np.column_stack([sources["chip"], sources["x0"], sources["y0"]]).astype(np.float64)
    return SourceList(
        xy=on_plane(plane, sources, whose=sources.meta["origin"]),
        brightness=sources["brightness"],
        narrow=sources["narrow"],
        detector=np.where(on_chip[:, None], detector, np.nan),
    )


def brightness_of(sky: ColumnTable) -> FloatArray:
    """Return a number that grows with the flux of an image's sources, shape (n,)."""
    return -sky["flux"] if sky.units.get("flux") == "mag" else sky["flux"]
