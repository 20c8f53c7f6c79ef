"""How much of the sky lists of sources share: areas of their convex hulls on the sphere.

A tangent plane shows great circles as straight lines, so hulls and their intersections are those
of plane polygons; areas are taken on the sphere. No coordinate of the sphere is used but unit
vectors: neither 0h nor a pole is special.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from tweakreg_steps.arrays import FloatArray

if TYPE_CHECKING:
    from shapely import Geometry


_ARCSEC = 180.0 * 3600.0 / np.pi
"""Arcseconds in a radian."""

_HORIZON = np.cos(np.radians(80.0))
"""Sources farther than this from the centre of their own list are left out of its hull."""

_LEAST_CORNERS = 3

_LEAST_AREA = 1.0e-6
"""Square arcseconds below which an area is rounding: sources on a line, or fields that touch."""


@dataclass(frozen=True, eq=False)
class SkyHull:
    """A convex polygon on the sphere, possibly of no area.

    Attributes
    ----------
    corners : (n, 3) float array
        Unit vectors, counter-clockwise as seen from outside the sphere; none where the area is
        zero.
    """

    corners: FloatArray

    @cached_property
    def area(self) -> float:
        """The area in square arcseconds."""
        return _sphere_area(self.corners)

    @cached_property
    def center(self) -> FloatArray:
        """A unit vector inside the polygon; it must have an area."""
        return _unit(self.corners.sum(axis=0))

    @cached_property
    def radius(self) -> float:
        """The largest angle (rad) of a corner from the centre."""
        return float(np.arccos(np.clip(np.min(self.corners @ self.center), -1.0, 1.0)))


NO_HULL = SkyHull(np.zeros((0, 3)))
"""The hull of too few sources."""


def hull_of(ra: ArrayLike, dec: ArrayLike) -> SkyHull:
    """Return the convex hull of positions on the sky, in degrees, shape (n,).

    Fewer than three positions, or positions on one great circle, have none: its area is zero.
    """
    a, d = np.radians(np.asarray(ra, dtype=np.float64)), np.radians(np.asarray(dec, dtype=float))
    vectors = np.column_stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    total = vectors.sum(axis=0)
    if len(vectors) < _LEAST_CORNERS or np.linalg.norm(total) < 1.0:
        return NO_HULL
    from shapely import MultiPoint

    center = _unit(total)
    plane = _TangentPlane(center)
    return plane.hull(MultiPoint(plane.project(vectors[vectors @ center > _HORIZON])).convex_hull)


def intersect(one: SkyHull, other: SkyHull) -> SkyHull:
    """Return what two hulls have in common; each must be seen as a whole from the larger's centre.

    Lists of an image, or of a reference within 45 degrees, always are.
    """
    if not len(one.corners) or not len(other.corners) or _are_apart(one, other):
        return NO_HULL
    # the plane of the larger one shows both: the smaller one is near and small
    larger = max(one, other, key=lambda hull: hull.radius)
    plane = _TangentPlane(larger.center)
    if min(np.min(hull.corners @ plane.center) for hull in (one, other)) <= 0.0:
        return NO_HULL
    return plane.hull(plane.polygon(one).intersection(plane.polygon(other)))


class Coverage:
    """How much of a hull others cover, taken together, as they come.

    Parameters
    ----------
    hull : SkyHull
        The hull; one of no area is never covered.
    """

    def __init__(self, hull: SkyHull) -> None:
        self._hull = hull
        self._covered: Geometry | None = None
        self.area = 0.0
        """What is covered, in square arcseconds."""

    def add(self, other: SkyHull) -> None:
        """Let another hull cover its part."""
        piece = intersect(self._hull, other)
        if not len(piece.corners):
            return
        plane = _TangentPlane(self._hull.center)
        shape = plane.polygon(piece)
        self._covered = shape if self._covered is None else self._covered.union(shape)
        parts = getattr(self._covered, "geoms", [self._covered])
        self.area = sum(plane.area(part) for part in parts)


@dataclass(frozen=True, eq=False)
class _TangentPlane:
    """The plane that touches the sphere at `center`; its unit is the arcsecond at the centre."""

    center: FloatArray

    @cached_property
    def axes(self) -> FloatArray:
        """Two unit vectors along the plane, so that (first, second, center) is right-handed."""
        helper = np.eye(3)[np.argmin(np.abs(self.center))]
        first = _unit(np.cross(helper, self.center))
        return np.stack([first, np.cross(self.center, first)])

    def project(self, vectors: FloatArray) -> FloatArray:
        """Put unit vectors of this hemisphere on the plane."""
        positions: FloatArray = (vectors @ self.axes.T) / (vectors @ self.center)[:, None] * _ARCSEC
        return positions

    def lift(self, positions: FloatArray) -> FloatArray:
        """Put positions of the plane on the sphere."""
        vectors = self.center + (positions / _ARCSEC) @ self.axes
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1)[:, None])

    def polygon(self, hull: SkyHull) -> Geometry:
        """Show a hull as a plane polygon, convex whatever rounding does to its corners."""
        from shapely import MultiPoint

        return MultiPoint(self.project(hull.corners)).convex_hull

    def hull(self, shape: Geometry) -> SkyHull:
        """Take a convex plane shape back to the sphere."""
        from shapely import get_coordinates
        from shapely.geometry.polygon import orient

        if shape.geom_type != "Polygon" or shape.is_empty:
            return NO_HULL
        corners = self.lift(get_coordinates(orient(shape))[:-1])
        return SkyHull(corners) if _sphere_area(corners) > _LEAST_AREA else NO_HULL

    def area(self, shape: Geometry) -> float:
        """Return the area on the sphere of any plane shape: its outline less its holes."""
        if shape.geom_type != "Polygon":
            return 0.0
        rings = [shape.exterior, *shape.interiors]
        outline, *holes = (abs(_sphere_area(self.lift(np.array(r.coords)[:-1]))) for r in rings)
        return outline - sum(holes)


def _sphere_area(corners: FloatArray) -> float:
    """Return the area of a polygon of great circles, positive counter-clockwise.

    The sum of the solid angles of the triangles of a corner ``a`` and each side ``b, c`` (Van
    Oosterom & Strackee 1983, IEEE Trans. Biomed. Eng. 30, 125)::

        tan(omega / 2) = a . (b x c) / (1 + a . b + b . c + c . a)

    with ``a . (b x c) = a . ((b - a) x (c - a))``, which keeps its digits for small triangles.
    """
    if len(corners) < _LEAST_CORNERS:
        return 0.0
    a, b, c = corners[0], corners[1:-1], corners[2:]
    volume = np.cross(b - a, c - a) @ a
    angles = 2.0 * np.arctan2(volume, 1.0 + b @ a + (b * c).sum(axis=1) + c @ a)
    return float(angles.sum()) * _ARCSEC**2


def _unit(vector: FloatArray) -> FloatArray:
    """Return a vector's direction."""
    return np.asarray(vector / np.linalg.norm(vector))


def _are_apart(one: SkyHull, other: SkyHull) -> bool:
    """Return whether the circles around two hulls are apart."""
    distance = np.arccos(np.clip(one.center @ other.center, -1.0, 1.0))
    return bool(distance > (one.radius + other.radius) * (1.0 + 1e-9) + 1e-9)
