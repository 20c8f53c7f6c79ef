"""Which exposures overlap: found with a tree of their outlines, never by looking at all pairs.

A plane shows only part of the sphere, so the outlines go on the six faces of a cube around it, each
on all the faces it comes near: great circles stay straight there, 0h and the poles are places like
all others, and two outlines that overlap somewhere do so on the face which that place belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray

if TYPE_CHECKING:
    from shapely import Geometry

from tweakreg_steps.alignment.overlap import SkyHull, intersect

_FACES = np.concatenate([np.eye(3), -np.eye(3)])
_CORNER = np.arccos(1.0 / np.sqrt(3.0))
"""Angle (rad) from the middle of a face to its corners."""

_WIDEST = np.radians(15.0)
"""Radius (rad) up to which an outline has its place on a face that it comes near."""

_ARCSEC = 180.0 * 3600.0 / np.pi


@dataclass(frozen=True)
class Overlap:
    """Two exposures with a part of the sky in common.

    Attributes
    ----------
    one, other : int
        Their places in the list, ``one < other``.
    area : float
        Square arcseconds that they share by their headers; 0 where only the margin makes them meet.
    """

    one: int
    other: int
    area: float


def find_overlaps(hulls: Sequence[SkyHull], *, margin: float) -> list[Overlap]:
    """Return all pairs of outlines that overlap.

    Parameters
    ----------
    hulls : sequence of SkyHull
        The outlines of exposures (`tweakreg_steps.alignment.overlap.hull_of`); those without an
        area overlap nothing.
    margin : float
        Arcseconds by which each header may be wrong: outlines within twice that of each other
        count as well.

    Returns
    -------
    list of Overlap
        Sorted by `one`, then `other`.
    """
    found: set[tuple[int, int]] = set()
    for face in _FACES:
        found |= _on_face(hulls, face, margin / _ARCSEC)
    areas = {(i, j): intersect(hulls[i], hulls[j]).area for i, j in sorted(found)}
    return [
        Overlap(i, j, area)
        for (i, j), area in areas.items()
        if area > 0.0 or _gap(hulls[i], hulls[j]) <= 2.0 * margin
    ]


def _gap(one: SkyHull, other: SkyHull) -> float:
    """Return the distance of two outlines that are near each other, in arcseconds."""
    middle = one.center + other.center
    middle /= np.linalg.norm(middle)
    axes = np.linalg.svd(middle[None])[2][1:]
    first, second = (_shape(hull.corners, axes, hull.corners @ middle) for hull in (one, other))
    return float(first.distance(second)) * _ARCSEC


def _on_face(hulls: Sequence[SkyHull], face: FloatArray, margin: float) -> set[tuple[int, int]]:
    """Return the pairs that overlap on a face of the cube; margin in radians."""
    from shapely import STRtree

    places, shapes, stretches = [], [], [1.0]
    for place, hull in enumerate(hulls):
        if not len(hull.corners):
            continue
        if np.arccos(np.clip(hull.center @ face, -1.0, 1.0)) > _CORNER + _WIDEST:
            continue
        depth = hull.corners @ face
        places.append(place)
        shapes.append(_shape(hull.corners, np.eye(3)[face == 0.0], depth))
        # the face stretches what lies at an angle a from its middle by up to 1 / cos^2 a
        stretches.append(float(depth.min()) ** -2)
    if not shapes:
        return set()
    tree = STRtree(shapes)
    one, other = tree.query(shapes, predicate="dwithin", distance=2.0 * margin * max(stretches))
    return {(places[i], places[j]) for i, j in zip(one, other, strict=True) if i < j}


def _shape(corners: FloatArray, axes: FloatArray, depth: FloatArray) -> Geometry:
    """Return an outline on a tangent plane with two axes, in radians at its middle."""
    from shapely import MultiPoint

    return MultiPoint((corners @ axes.T) / depth[:, None]).convex_hull


def choose_pairs(overlaps: Sequence[Overlap], n_exposures: int, *, most: int) -> list[Overlap]:
    """Return the pairs that are worth matching.

    A field that was visited a hundred times has 4,950 pairs, which tell no more than a few of
    each. So each exposure keeps its `most` largest overlaps, and those that connect the mosaic
    best (a maximum spanning forest) stay whatever the number. Of equal areas those count first
    that are near in the list: exposures that follow each other.

    Parameters
    ----------
    overlaps : sequence of Overlap
        All pairs that overlap.
    n_exposures : int
        Number of exposures.
    most : int
        Pairs an exposure may ask for; the others may ask for it as well.
    """
    if not overlaps:
        return []
    pairs = np.array([(pair.one, pair.other) for pair in overlaps])
    if np.bincount(pairs.ravel()).max() <= most:
        return list(overlaps)
    area = np.array([pair.area for pair in overlaps])
    order = np.lexsort((pairs[:, 0], pairs[:, 1] - pairs[:, 0], -np.round(area, 3)))
    wanted = _spanning(pairs, order, n_exposures)
    asked = np.zeros(n_exposures, dtype=np.intp)
    for place in order:
        if (asked[pairs[place]] < most).any():
            asked[pairs[place]] += 1
            wanted[place] = True
    return [pair for pair, chosen in zip(overlaps, wanted, strict=True) if chosen]


def _spanning(pairs: IndexArray, order: IndexArray, n_exposures: int) -> BoolArray:
    """Return which pairs make the forest that connects everything by the first in the order."""
    from scipy import sparse
    from scipy.sparse.csgraph import minimum_spanning_tree

    rank = np.empty(len(order), dtype=np.float64)
    rank[order] = np.arange(1, len(order) + 1)
    one, other = pairs.T.astype(np.int32)  # the only indices that SciPy before 1.16 takes here
    graph = sparse.csr_array((rank, (one, other)), shape=(n_exposures, n_exposures))
    chosen = np.zeros(len(order), dtype=np.bool_)
    chosen[order[minimum_spanning_tree(graph).data.astype(int) - 1]] = True
    return chosen


def connected_parts(pairs: IndexArray, n_exposures: int) -> IndexArray:
    """Return for each exposure the number of its part of the mosaic, from pairs (k, 2)."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    one, other = np.reshape(pairs, (-1, 2)).T
    ones = np.ones(len(pairs), dtype=np.int64)
    graph = sparse.csr_array((ones, (one, other)), shape=(n_exposures, n_exposures))
    return connected_components(graph, directed=False)[1].astype(np.intp)
