"""The match of two images of a recipe, from their sky lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tweakreg_steps.alignment.lists_on_plane import list_on_plane, require_sources
from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale
from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.matching.linear_models import GEOMETRIES, Geometry
from tweakreg_steps.sections import ObjectMatching, PairSections
from tweakreg_steps.solving.edge_table import table_of_edge
from tweakreg_steps.solving.pair_match import failed_edge, match_pair
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

_LEAST = 3
"""Matches of a pair. Whether they are chance is what its false-alarm probability says; whether an
image has enough of them, in all of its pairs, is what ``object_matching.minobj`` is about."""


def match_images(
    skies: Mapping[str, ColumnTable],
    *,
    plane: WCS,
    parameters: Mapping[str, PairSections],
) -> ColumnTable:
    """Match the sources of two images; what cannot be matched is a table without rows.

    Parameters
    ----------
    skies : mapping of str to ColumnTable
        The sources of the two, undistorted, in the user's order.
    plane : astropy.wcs.WCS
        The reference plane.
    parameters : mapping of str to mapping
        For each the sections ``object_matching``, ``acceptance`` and ``catalog_fitting``.
    """
    (one, first), (other, second) = skies.items()
    try:
        for sky in (first, second):
            require_sources(sky)
        lists = (
            list_on_plane(first, plane=plane, image=one),
            list_on_plane(second, plane=plane, image=other),
        )
    except NotAlignedError as error:
        edge = failed_edge(0, 1, error.detail, reason=error.reason.value, chance=1.0)
    else:
        scale = plane_pixel_scale(plane)
        mine, its = parameters[one], parameters[other]
        edge = match_pair(
            0,
            1,
            lists,
            matching=_of_both(mine["object_matching"], its["object_matching"], scale),
            pixel_scale=scale,
            max_false_alarm=min(of["acceptance"]["max_false_alarm"] for of in (mine, its)),
            geometry=_freest(of["catalog_fitting"]["fitgeometry"] for of in (mine, its)),
        )
    return table_of_edge(edge, first, second)


def _of_both(one: ObjectMatching, other: ObjectMatching, scale: float) -> ObjectMatching:
    """Return how two images are matched with each other: both headers may be wrong.

    Offsets that are given are of each against the reference, so their difference is left.
    """
    radius = sum(
        own["searchrad"] / (scale if own["searchunits"] == "arcseconds" else 1.0)
        for own in (one, other)
    )
    return {
        **other,
        "searchrad": radius,
        "searchunits": "pixels",
        "xoffset": (other["xoffset"] or 0.0) - (one["xoffset"] or 0.0),
        "yoffset": (other["yoffset"] or 0.0) - (one["yoffset"] or 0.0),
        "minobj": min(_LEAST, one["minobj"], other["minobj"]),
    }


def _freest(geometries: Any) -> Geometry:  # noqa: ANN401  names of geometries
    """Return the geometry with most freedom."""
    return max(geometries, key=GEOMETRIES.index)
