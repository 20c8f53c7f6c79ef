"""Pairing two lists that lie over each other, one to one.

Each reference source takes the nearest source of the image within the tolerance. The lists are
thinned and matched as xyxymatch's tolerance algorithm does it (the manual's reference for these
parameters), but one to one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import FloatArray, IndexArray
from tweakreg_steps.matching.neighbours import (
    PointTable,
    find_nearest,
    iter_pairs,
)


@dataclass(frozen=True)
class ListMatch:
    """Pairs of two lists, one to one.

    Attributes
    ----------
    image_index, reference_index : (n,) int arrays
        Indices of the two lists; in increasing order of that of the reference list.
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
    return match_tables(
        thin(PointTable.build(image_xy), separation),
        thin(PointTable.build(reference_xy), separation),
        tolerance=tolerance,
        offset=offset,
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


def match_tables(
    image: PointTable, reference: PointTable, *, tolerance: float, offset: tuple[float, float]
) -> ListMatch:
    """Do what `match_lists` does, for lists that are sorted and thinned already."""
    nearest = find_nearest(reference, image, shift=(-offset[0], -offset[1]), radius=tolerance)
    asking = np.flatnonzero(nearest.second >= 0)
    # Stable: of equally near reference sources the first of the table comes first.
    order = asking[np.argsort(nearest.distance[asking], kind="stable")]
    _, first = np.unique(nearest.second[order], return_index=True)
    won = order[first]
    won = won[np.argsort(reference.index[won])]
    return ListMatch(
        image_index=image.index[nearest.second[won]],
        reference_index=reference.index[won],
        distance=nearest.distance[won],
        n_image=len(image),
        n_reference=len(reference),
    )
