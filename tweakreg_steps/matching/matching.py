"""Which source of an image is which source of the reference.

The lists are laid over each other by one offset; each reference source then takes the nearest
source of the image within the tolerance. The lists are thinned and matched as xyxymatch's
tolerance algorithm does it (the manual's reference for these parameters), but one to one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.matching.neighbours import (
    FloatArray,
    IndexArray,
    PointTable,
    find_nearest,
    iter_pairs,
)
from tweakreg_steps.matching.offset import Offset, find_offset

log = logging.getLogger(__name__)

SearchUnits = Literal["arcseconds", "pixels"]


@dataclass(frozen=True)
class ListMatch:
    """Pairs of two lists, one to one.

    Attributes
    ----------
    image_index, reference_index : (n,) int arrays
        Places in the two lists; in increasing order of the place in the reference list.
    distance : (n,) float array
        Distance in pixels after the offset.
    n_image, n_reference : int
        Sources that took part, after those too close to another one were removed.
    """

    image_index: IndexArray
    reference_index: IndexArray
    distance: FloatArray
    n_image: int
    n_reference: int


@dataclass(frozen=True)
class Matches:
    """The matched sources of an image.

    Attributes
    ----------
    dx, dy : float
        Offset in pixels, image minus reference, with which the lists were compared.
    peak : Offset or None
        How the offset was found; None where the recipe gave it.
    image_index, reference_index : (n,) int arrays
        Places in the two lists; in increasing order of the place in the reference list.
    distance : (n,) float array
        Distance in pixels after the offset.
    n_image, n_reference : int
        Sources that took part in the matching, after ``separation``.
    """

    dx: float
    dy: float
    peak: Offset | None
    image_index: IndexArray
    reference_index: IndexArray
    distance: FloatArray
    n_image: int
    n_reference: int


def match_sources(
    image_xy: FloatArray,
    reference_xy: FloatArray,
    *,
    pixel_scale: float,
    minobj: int,
    searchrad: float,
    searchunits: SearchUnits,
    use2dhist: bool,
    tolerance: float,
    separation: float,
    xoffset: float | None,
    yoffset: float | None,
) -> Matches:
    """Match the sources of an image with those of the reference.

    Parameters
    ----------
    image_xy, reference_xy : (n, 2), (m, 2) float arrays
        Positions x, y of the sources in pixels of the reference plane.
    pixel_scale : float
        Size of these pixels in arcseconds.
    minobj : int
        Least number of sources, and of matches.
    searchrad : float
        Search radius of the offset.
    searchunits : {"arcseconds", "pixels"}
        Unit of ``searchrad``.
    use2dhist : bool
        Whether the offset is the peak of all pair separations.
    tolerance : float
        Matching radius in pixels after the offset.
    separation : float
        Sources of one list this close in pixels count as one.
    xoffset, yoffset : float or None
        Offset in pixels, image minus reference, when ``use2dhist`` is false; None is 0.

    Returns
    -------
    Matches
        The matched sources, at least ``minobj``.

    Raises
    ------
    NotAlignedError
        FEW_SOURCES, NO_REFERENCE_SOURCES, NO_OVERLAP, FEW_MATCHES.
    """
    _check_numbers(len(image_xy), len(reference_xy), minobj)
    peak = None
    dx, dy = xoffset or 0.0, yoffset or 0.0
    image, reference = PointTable.build(image_xy), PointTable.build(reference_xy)
    if use2dhist:
        radius = searchrad / pixel_scale if searchunits == "arcseconds" else searchrad
        peak = find_offset(image, reference, searchrad=radius, tolerance=tolerance)
        dx, dy = peak.dx, peak.dy
    found = _match_tables(thin(image, separation), thin(reference, separation), tolerance, (dx, dy))
    n_found = len(found.image_index)
    if n_found < minobj:
        raise NotAlignedError(
            Reason.FEW_MATCHES,
            f"{n_found} of {len(image_xy)} sources match one of {len(reference_xy)} reference"
            f" sources within {tolerance:g} pixels at the offset ({dx:.2f}, {dy:.2f});"
            f" object_matching.minobj asks for {minobj}",
        )
    log.info("%d matches at offset (%.3f, %.3f)", n_found, dx, dy)
    return Matches(dx=dx, dy=dy, peak=peak, **vars(found))


def match_lists(
    image_xy: FloatArray,
    reference_xy: FloatArray,
    *,
    tolerance: float,
    separation: float,
    offset: tuple[float, float],
) -> ListMatch:
    """Pair two lists that differ by an offset, one to one.

    Each reference source asks for the nearest source of the image within the tolerance; a source
    that several ask for goes to the nearest of them, and the others stay without: their second
    nearest would be a guess. Equal distances are decided by position, so the order of the lists
    does not matter.

    Parameters
    ----------
    image_xy, reference_xy : (n, 2), (m, 2) float arrays
        Positions x, y in the same pixels.
    tolerance : float
        Largest distance of a pair in pixels, inclusive, after the offset.
    separation : float
        See `thin`.
    offset : (dx, dy)
        Image minus reference, in pixels.

    Returns
    -------
    ListMatch
        Possibly empty.
    """
    return _match_tables(
        thin(PointTable.build(image_xy), separation),
        thin(PointTable.build(reference_xy), separation),
        tolerance,
        offset,
    )


def thin(table: PointTable, separation: float) -> PointTable:
    """Choose the sources that count as distinct.

    In order of increasing y, then x, each source that is not yet removed removes all later ones
    within the separation, which is what xyxymatch does: of a close pair the lower one stays. At
    separation 0 only repeated positions are removed.

    Parameters
    ----------
    table : PointTable
        Positions of the sources.
    separation : float
        Least distance of two distinct sources; at exactly this distance they count as one.

    Returns
    -------
    PointTable
        The sources that stay.
    """
    table = table.distinct()
    pairs = _find_close_pairs(table, separation)
    if not len(pairs):
        return table
    stays = np.ones(len(table), dtype=np.bool_)
    removed = set()
    for earlier, later in pairs.tolist():
        if earlier not in removed:
            removed.add(later)
    stays[list(removed)] = False
    return table.choose(stays)


def _find_close_pairs(table: PointTable, separation: float) -> IndexArray:
    """List the (lower, upper) rows of close sources in order of the lower one's y and x."""
    found = [np.empty((0, 2), dtype=np.intp)]
    for pairs in iter_pairs(table, table, shift=(0.0, 0.0), radius=separation, shape="circle"):
        once = np.flatnonzero((pairs.dy < 0) | ((pairs.dy == 0) & (pairs.dx < 0)))
        found.append(np.stack([pairs.first[once], pairs.second[once]], axis=1))
    close = np.concatenate(found)
    lower = close[:, 0]
    return close[np.lexsort((table.x[lower], table.y[lower]))]


def _match_tables(
    image: PointTable, reference: PointTable, tolerance: float, offset: tuple[float, float]
) -> ListMatch:
    """Give each reference source its nearest source of the image, one to one."""
    nearest = find_nearest(reference, image, shift=(-offset[0], -offset[1]), radius=tolerance)
    asking = np.flatnonzero(nearest.second >= 0)
    # Stable: of equally near reference sources the first of the table comes first.
    order = asking[np.argsort(nearest.distance[asking], kind="stable")]
    _, first = np.unique(nearest.second[order], return_index=True)
    won = order[first]
    won = won[np.argsort(reference.place[won])]
    return ListMatch(
        image_index=image.place[nearest.second[won]],
        reference_index=reference.place[won],
        distance=nearest.distance[won],
        n_image=len(image),
        n_reference=len(reference),
    )


def _check_numbers(n_image: int, n_reference: int, minobj: int) -> None:
    """Refuse lists that cannot give enough matches."""
    if n_reference == 0:
        raise NotAlignedError(
            Reason.NO_REFERENCE_SOURCES,
            "the reference list is empty; check the reference image's or catalog's limits",
        )
    if n_image < minobj:
        raise NotAlignedError(
            Reason.FEW_SOURCES,
            f"{n_image} sources, object_matching.minobj asks for {minobj};"
            " lower imagefindpars.threshold or minobj",
        )
