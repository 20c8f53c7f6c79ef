"""Outlines of sky regions on a chip: polygons in pixels, through the full distortion.

A region is laid out as an area of its tangent plane (see ``region_planes``), cut to the chip, and
its edge is followed point by point into the pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import shapely

from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.chip_sky import NODE_STEP, ChipSky, Floats
from tweakreg_steps.masking.ds9_regions import Ds9Region
from tweakreg_steps.masking.pixel_systems import PhysicalSystem
from tweakreg_steps.masking.region_planes import (
    SkyPlane,
    place_in_image,
    sky_planes,
    west_in_image,
)

_CLOSENESS = 0.002
"""Pixels by which an outline may depart from a curve."""

_LEAST_ARC = 32
"""Points on the smallest circle."""

_MOST_ARC = 50000
"""Points on the largest circle: one of 70 degrees needs them."""

_SECTOR_STEP = 15.0
"""Degrees between the points that bound a sector."""

Rings = list[Floats]
"""The outer line of a polygon and those of its holes: vertices (2, n), the first not repeated."""


Outline = Ds9Region | list[Rings]
"""A shape in image pixels, or the polygons of one traced from the sky."""


def lay_out(
    regions: Sequence[Ds9Region], sky: ChipSky, systems: PhysicalSystem, name: str
) -> Iterator[tuple[Ds9Region, Outline]]:
    """Yield each region, which has an area, with its outline on the chip.

    ``name`` is the region file's in messages.

    Raises
    ------
    InputError
        A polygon, or the chip, is as large as half the sky.
    """
    for region in (region for region in regions if region.on_sky):
        with _told_of(region, name):
            sky.frame  # noqa: B018  an error where there is none
        break
    planes = sky_planes([region for region in regions if region.on_sky], sky, name)
    for region in regions:
        if region.on_sky:
            plane, vertices = next(planes)
            turned = region.by_ds9 and region.has_turned_sector
            traced = _turned_twice(region, sky, systems) if turned else region
            yield region, outlines_on_chip(traced, plane, vertices)
            continue
        with _told_of(region, name):
            placed = place_in_image(region, sky, systems)
        yield region, placed


@contextmanager
def _told_of(region: Ds9Region, name: str) -> Iterator[None]:
    """Name the region in what goes wrong with it."""
    try:
        yield
    except InputError as error:
        text = f"{name}, line {region.line}: {region.text[:120]!r}: {error}"
        raise InputError(text) from error


def _turned_twice(region: Ds9Region, sky: ChipSky, systems: PhysicalSystem) -> Ds9Region:
    """Return a panda with its sector where DS9 reads it, see `Ds9Region.has_turned_sector`."""
    west, sense = west_in_image(region, sky, systems)
    start, stop = region.sector or (0.0, 360.0)
    return replace(region, sector=(start + sense * west, stop + sense * west))


def outlines_on_chip(region: Ds9Region, plane: SkyPlane, vertices: Floats) -> list[Rings]:
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
    list of Rings
        Polygons in 1-based pixels (x, y). Together they hold the region's pixels; none where no
        pixel of the chip can be in the region.
    """
    around = plane.chip_outline()
    if around is None:
        return []
    chip = shapely.make_valid(shapely.Polygon(around.T))
    if region.shape == "polygon":
        area = shapely.make_valid(shapely.Polygon(vertices.T))  # crossing edges: in, out by turns
    else:
        area = _area(region, _on_sky(region, plane, around))
    area = area.intersection(chip)
    parts = [part for part in shapely.get_parts(area) if part.geom_type == "Polygon"]
    return [_in_pixels(part, plane) for part in parts if not part.is_empty]


def joined(rings: Sequence[Floats]) -> Floats:
    """Join the outer line of a polygon with those of its holes, by ways there and back.

    One polygon then has the area of one region: whether a point lies inside is asked by counting
    crossings, and the way there and back counts twice.
    """
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


def pie_in_pixels(region: Ds9Region) -> list[Rings]:
    """Return the polygons of a panda in image pixels."""
    area = _area(region, _Flat(region.outer, region.inner, 1.0))
    parts = [part for part in shapely.get_parts(area) if part.geom_type == "Polygon"]
    center = np.array(region.points[0])[:, np.newaxis]
    rings = [[part.exterior, *part.interiors] for part in parts]
    return [[shapely.get_coordinates(r)[:-1].T + center for r in every] for every in rings]


@dataclass(frozen=True)
class _Flat:
    """Half sizes of a region in units of its plane, and the size of a pixel there."""

    outer: tuple[float, float]
    inner: tuple[float, float] | None
    pixel: float
    is_mirrored: bool = False


def _on_sky(region: Ds9Region, plane: SkyPlane, around: Floats) -> _Flat:
    """Return the sizes of a sky region in its tangent plane; ``around`` is the chip's outline."""
    outer, inner = (
        (math.tan(math.radians(sizes[0])), math.tan(math.radians(sizes[1]))) if sizes else None
        for sizes in (region.outer, region.inner)
    )
    is_mirrored = not shapely.LinearRing(around.T).is_ccw  # it runs counter-clockwise in pixels
    return _Flat(outer or (0.0, 0.0), inner, plane.sky.pixel, is_mirrored)


def _area(region: Ds9Region, flat: _Flat) -> shapely.Geometry:
    """Lay out a region other than a polygon about the origin of its plane."""
    area = _outline(region, flat.outer, flat.pixel)
    if flat.inner is not None:
        area = area.difference(_outline(region, flat.inner, flat.pixel))
    if region.sector is not None:
        area = area.intersection(_sector(region.sector, region.angle, flat))
    return area


def _outline(region: Ds9Region, sizes: tuple[float, float], pixel: float) -> shapely.Polygon:
    """Lay out the box or ellipse with these half sizes about the origin."""
    a, b = sizes
    if region.is_box:
        points = np.array([[a, -a, -a, a], [b, b, -b, -b]])
    else:
        # an arc of angle t stands r (1 - cos(t / 2)) = r t^2 / 8 off its chord
        number = math.pi * math.sqrt(max(a, b) / pixel / (2.0 * _CLOSENESS))
        count = math.ceil(min(max(number, _LEAST_ARC), _MOST_ARC))
        turn = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
        points = np.array([a * np.cos(turn), b * np.sin(turn)])
    sine, cosine = np.sin(np.radians(region.angle)), np.cos(np.radians(region.angle))
    return shapely.Polygon((np.array([[cosine, -sine], [sine, cosine]]) @ points).T)


def _sector(sector: tuple[float, float], angle: float, flat: _Flat) -> shapely.Geometry:
    """Lay out what lies between two angles, far beyond the region.

    DS9 goes from start to stop counter-clockwise in the image, also where the sky is mirrored.
    """
    start, stop = sector[::-1] if flat.is_mirrored else sector
    span = (stop - start) % 360.0 or 360.0
    far = 2.0 * math.hypot(*flat.outer)
    steps = math.ceil(span / _SECTOR_STEP) + 1
    angles = np.radians(angle + start + np.linspace(0.0, span, steps))
    rim = far * np.array([np.cos(angles), np.sin(angles)])
    whole = span == 360.0  # noqa: PLR2004  a full turn
    return shapely.Polygon((rim if whole else np.column_stack([[0.0, 0.0], rim])).T)


def _in_pixels(part: shapely.Polygon, plane: SkyPlane) -> Rings:
    """Follow the edges of a polygon of the plane into the pixels."""
    dense = shapely.segmentize(part, NODE_STEP * plane.sky.pixel)
    lines = [shapely.get_coordinates(ring).T for ring in (dense.exterior, *dense.interiors)]
    pixels = plane.to_pixels(np.concatenate(lines, axis=1))
    pieces = np.split(pixels, np.cumsum([line.shape[1] for line in lines])[:-1], axis=1)
    return [_thinned(piece) for piece in pieces]


def _thinned(ring: Floats) -> Floats:
    """Return a closed line with no more points than it needs, the first not repeated."""
    line = shapely.LinearRing(ring.T).simplify(_CLOSENESS)
    return np.asarray(shapely.get_coordinates(line)[:-1].T)
