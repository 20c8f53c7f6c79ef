"""Outlines of regions on a chip: polygons in pixels, through the full distortion.

A region is laid out as an area of its plane (see ``region_planes``), cut to the chip, and its edge
is followed point by point into the pixels. A polygon with holes becomes one line that runs to each
hole and back, so that one polygon has the area of one region: whether a point lies inside is asked
by counting crossings, and the way there and back counts twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely

from tweakreg_steps.masking.chip_sky import NODE_STEP, Floats
from tweakreg_steps.masking.ds9_regions import Ds9Region
from tweakreg_steps.masking.region_planes import Plane, half_sizes

_CLOSENESS = 0.01
"""Pixels by which an outline may depart from a curve."""

_LEAST_ARC = 32
"""Points on the smallest circle."""

_SECTOR_STEP = 15.0
"""Degrees between the points that bound a sector."""


def outlines_on_chip(region: Ds9Region, plane: Plane, vertices: Floats) -> list[Floats]:
    """Trace a region's edge in the pixels of the chip.

    Parameters
    ----------
    region
        The region; it has an area.
    plane
        Its plane.
    vertices
        Vertices (2, n) of a polygon in that plane; empty for other shapes.

    Returns
    -------
    list of ndarray, shape (2, n)
        Vertices (x, y) of polygons in 1-based pixels, first vertex not repeated. Together they
        hold the region's pixels; none where no pixel of the chip can be in the region.
    """
    around = plane.chip_outline()
    if around is None:
        return []
    area = _area(region, vertices, plane.pixel).intersection(shapely.make_valid(_polygon(around)))
    parts = [part for part in shapely.get_parts(area) if part.geom_type == "Polygon"]
    return [_in_pixels(part, plane) for part in parts if not part.is_empty]


def _area(region: Ds9Region, vertices: Floats, pixel: float) -> shapely.Geometry:
    """Lay out a region in its plane."""
    if region.shape == "polygon":
        return shapely.make_valid(_polygon(vertices))  # crossing edges: in and out by turns
    area = _outline(region, region.outer, pixel)
    if region.inner is not None:
        area = area.difference(_outline(region, region.inner, pixel))
    if region.sector is not None:
        area = area.intersection(_sector(region.sector, region))
    return area


def _polygon(points: Floats) -> shapely.Polygon:
    """Make a polygon of points (2, n)."""
    return shapely.Polygon(points.T)


def _outline(region: Ds9Region, sizes: tuple[float, float], pixel: float) -> shapely.Polygon:
    """Lay out the box or ellipse with these half sizes about the centre of the plane."""
    a, b = half_sizes(region, sizes)
    if region.is_box:
        points = np.array([[a, -a, -a, a], [b, b, -b, -b]])
    else:
        # an arc of angle t stands r (1 - cos(t / 2)) = r t^2 / 8 off its chord
        number = math.pi * math.sqrt(max(a, b) / pixel / (2.0 * _CLOSENESS))
        turn = np.linspace(0.0, 2.0 * np.pi, max(_LEAST_ARC, math.ceil(number)), endpoint=False)
        points = np.array([a * np.cos(turn), b * np.sin(turn)])
    sine, cosine = np.sin(np.radians(region.angle)), np.cos(np.radians(region.angle))
    return _polygon(np.array([[cosine, -sine], [sine, cosine]]) @ points)


def _sector(sector: tuple[float, float], region: Ds9Region) -> shapely.Geometry:
    """Lay out what lies between two angles, far beyond the region."""
    start, stop = sector
    span = (stop - start) % 360.0 or 360.0
    far = 2.0 * float(np.hypot(*half_sizes(region, region.outer)))
    steps = math.ceil(span / _SECTOR_STEP) + 1
    angles = np.radians(region.angle + start + np.linspace(0.0, span, steps))
    rim = far * np.array([np.cos(angles), np.sin(angles)])
    whole = span == 360.0  # noqa: PLR2004  a full turn
    return _polygon(rim if whole else np.column_stack([[0.0, 0.0], rim]))


def _in_pixels(part: shapely.Polygon, plane: Plane) -> Floats:
    """Follow the edges of a polygon of the plane into the pixels."""
    dense = shapely.segmentize(part, NODE_STEP * plane.pixel)
    rings = [_ring_in_pixels(ring, plane) for ring in (dense.exterior, *dense.interiors)]
    return _joined(rings)


def _ring_in_pixels(ring: shapely.LinearRing, plane: Plane) -> Floats:
    """Turn a closed line of the plane into pixels, with no more points than it needs."""
    line = shapely.LinearRing(plane.to_pixels(shapely.get_coordinates(ring).T).T)
    return np.asarray(shapely.get_coordinates(line.simplify(_CLOSENESS))[:-1].T)


def _joined(rings: Sequence[Floats]) -> Floats:
    """Join the outer line of a polygon with those of its holes, by ways there and back."""
    line, *holes = rings
    for hole in holes:
        apart = np.hypot(*(line[:, :, np.newaxis] - hole[:, np.newaxis, :]))
        here, there = np.unravel_index(np.argmin(apart), apart.shape)
        around = np.roll(hole, -there, axis=1)
        line = np.concatenate(
            [line[:, : here + 1], around, around[:, :1], line[:, here:]],
            axis=1,
        )
    return line
