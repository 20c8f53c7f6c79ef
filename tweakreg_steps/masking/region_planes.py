"""Planes in which the pixels of a chip are tested against one region.

A pixel of the chip has coordinates (u, v) in the plane of a region:

* pixel plane: u, v = L^-1 (p - p0), p0 the region's centre and L the LTM matrix of the physical
  system (the unit matrix for the image system);
* sky plane: the gnomonic projection about the region's centre, u to the west and v to the north of
  the region's own system. Great circles are straight there, and a circle of radius r about the
  centre is the circle of radius tan r, so circles and polygons are exact and the axes of boxes and
  ellipses have their true lengths.

Sky positions of the pixels come from ``chip_sky``, which interpolates what is made of them here.

``regions`` tests round and square shapes in the plane, ``shapely`` polygons (the conversion of sky
regions to pixels that ``regions`` has takes the scale and rotation at the centre, without the
distortion, and so is not used).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.chip_sky import (
    NODE_STEP,
    ChipSky,
    Floats,
    Window,
    around_chip,
    unit_vectors,
)
from tweakreg_steps.masking.ds9_regions import SKY_SYSTEMS, Ds9Region

if TYPE_CHECKING:
    from astropy.coordinates import BaseCoordinateFrame


@dataclass(frozen=True)
class PhysicalSystem:
    """The FITS physical system of a chip: image pixel = ``matrix`` @ physical + ``offset``.

    ``matrix`` is (2, 2), from LTMi_j; ``offset`` is (2,), from LTVi, in 1-based pixels.
    """

    matrix: Floats
    offset: Floats


class Plane(Protocol):
    """Where pixels have coordinates relative to a region."""

    def window(self, radius: float) -> Window | None:
        """Rows and columns (0-based) that hold every pixel within ``radius`` of the centre."""
        ...

    def coordinates(self, window: Window) -> tuple[Floats, Floats]:
        """Coordinates (u, v) of the pixels of a window; nan where a pixel has none."""
        ...

    @property
    def pixel(self) -> float:
        """Size of a pixel in units of the plane."""
        ...

    def chip_outline(self) -> Floats | None:
        """Coordinates of points around the chip, shape (2, n); None where it is out of sight."""
        ...

    def to_pixels(self, points: Floats) -> Floats:
        """1-based pixels (x, y) of points (u, v) on or near the chip, both of shape (2, n)."""
        ...


@dataclass(frozen=True)
class PixelPlane:
    """Plane of the image or physical system around ``center`` (1-based pixels of the image)."""

    center: Floats
    matrix: Floats
    shape: tuple[int, int]

    def window(self, radius: float) -> Window | None:
        """Rows and columns (0-based) that hold every pixel within ``radius`` of the centre."""
        reach = radius * np.linalg.norm(self.matrix, 2) + 1
        first = np.floor(self.center - 1 - reach).astype(int)
        last = np.ceil(self.center - 1 + reach).astype(int) + 1
        return _clip(first, last, self.shape)

    def coordinates(self, window: Window) -> tuple[Floats, Floats]:
        """Coordinates (u, v) of the pixels of a window, in pixels of the system."""
        x = np.arange(window[1].start, window[1].stop) + 1 - self.center[0]
        y = np.arange(window[0].start, window[0].stop)[:, np.newaxis] + 1 - self.center[1]
        inverse = np.linalg.inv(self.matrix)
        return inverse[0, 0] * x + inverse[0, 1] * y, inverse[1, 0] * x + inverse[1, 1] * y

    @property
    def pixel(self) -> float:
        """Size of a pixel of the image in pixels of the system."""
        return float(1.0 / np.linalg.norm(self.matrix, 2))

    def chip_outline(self) -> Floats:
        """Coordinates of points around the chip, shape (2, n)."""
        around = np.array(around_chip(self.shape)) - self.center[:, np.newaxis]
        return np.asarray(np.linalg.solve(self.matrix, around))

    def to_pixels(self, points: Floats) -> Floats:
        """1-based pixels (x, y) of points (u, v), both of shape (2, n)."""
        return np.asarray(self.matrix @ points + self.center[:, np.newaxis])


@dataclass(frozen=True)
class SkyPlane:
    """Tangent plane at a region's centre.

    ``center``, ``west`` and ``north`` are orthogonal unit vectors in the frame of the chip's WCS.
    """

    center: Floats
    west: Floats
    north: Floats
    sky: ChipSky

    @cached_property
    def _nodes(self) -> tuple[Floats, Floats]:
        """Coordinates (u, v) of the chip's nodes; nan on the far half of the sky."""
        depth, u, v = (
            np.tensordot(axis, self.sky.nodes, 1) for axis in (self.center, self.west, self.north)
        )
        depth = np.where(depth > 0, depth, np.nan)
        return u / depth, v / depth

    def window(self, radius: float) -> Window | None:
        """Rows and columns (0-based) that hold every pixel within ``radius`` (tangent units)."""
        reach = radius + 1.5 * self.sky.spacing * (1 + radius**2)  # d(tan r) = (1 + tan^2 r) dr
        near = np.hypot(*self._nodes) <= reach
        return self.sky.window_of_nodes(near) if near.any() else None

    def coordinates(self, window: Window) -> tuple[Floats, Floats]:
        """Coordinates (u, v) of the pixels of a window, tangent units; nan on the far half."""
        u, v = self._nodes
        return self.sky.interpolate(u, window), self.sky.interpolate(v, window)

    def project(self, vectors: Floats) -> tuple[Floats, Floats]:
        """Coordinates (u, v) of unit vectors of shape (3, n)."""
        depth = self.center @ vectors
        return (self.west @ vectors) / depth, (self.north @ vectors) / depth

    @property
    def pixel(self) -> float:
        """Size of a pixel at the centre, tangent units."""
        return self.sky.spacing / NODE_STEP

    def chip_outline(self) -> Floats | None:
        """Coordinates of points around the chip, shape (2, n); None where it is out of sight.

        Raises
        ------
        InputError
            A part of the chip is out of sight.
        """
        vectors = self.sky.vectors_at(*around_chip(self.sky.shape))
        ahead = self.center @ vectors > 0
        if ahead.all():
            return np.array(self.project(vectors))
        if ahead.any():
            raise InputError(
                "an image as large as half the sky cannot have its regions traced; cut it in parts"
            )
        return None

    def to_pixels(self, points: Floats) -> Floats:
        """1-based pixels (x, y) of points (u, v) on or near the chip, both of shape (2, n)."""
        u, v = points
        ahead, west, north = (axis[:, np.newaxis] for axis in (self.center, self.west, self.north))
        return self.sky.pixels_at(ahead + west * u + north * v)


def sky_vectors(regions: list[Ds9Region], sky: ChipSky) -> list[Floats]:
    """Points of sky regions as unit vectors in the frame of the chip's WCS.

    Behind the points of each region stands one more: its first point moved 1' to the north, which
    carries the region's orientation into that frame. One conversion serves a whole system.
    """
    from astropy.coordinates import SkyCoord

    converted: list[Floats] = [np.empty((3, 0))] * len(regions)
    for system in {region.system for region in regions}:
        members = [i for i, region in enumerate(regions) if region.system == system]
        points = [np.array([*regions[i].points, _northward(regions[i])]) for i in members]
        lon, lat = np.concatenate(points).T
        there = SkyCoord(lon, lat, unit="deg", frame=_frame(system)).transform_to(sky.frame)
        vectors = unit_vectors(there.spherical.lon.deg, there.spherical.lat.deg)
        pieces = np.split(vectors, np.cumsum([len(p) for p in points])[:-1], axis=1)
        for i, piece in zip(members, pieces, strict=True):
            converted[i] = piece
    return converted


def tangent_plane(center: Floats, northward: Floats, sky: ChipSky) -> SkyPlane:
    """Tangent plane at ``center``, whose v axis points towards ``northward`` (unit vectors)."""
    north = northward - center * (center @ northward)
    north = north / np.linalg.norm(north)
    return SkyPlane(center=center, west=np.cross(center, north), north=north, sky=sky)


def polygon_center(vertices: Floats, region: Ds9Region, name: str) -> Floats:
    """Give the unit vector of the middle of a polygon's vertices, which are of shape (3, n)."""
    total = vertices.sum(axis=1)
    center = total / max(float(np.linalg.norm(total)), 1e-12)
    if (center @ vertices).min() <= 0.01:  # noqa: PLR2004  where the projection runs away
        raise InputError(
            f"{name}, line {region.line}: {region.text!r}: the polygon is as large as half the "
            "sky; split it into smaller ones"
        )
    return np.asarray(center)


def planes_of(
    regions: list[Ds9Region], sky: ChipSky, physical: PhysicalSystem, name: str
) -> Iterator[tuple[Ds9Region, Plane, Floats]]:
    """Each region with its plane and, for polygons, its vertices (2, n) in that plane.

    ``name`` is the region file's in messages.

    Raises
    ------
    InputError
        A polygon is as large as half the sky.
    """
    on_sky = [region for region in regions if region.system in SKY_SYSTEMS.values()]
    converted = iter(sky_vectors(on_sky, sky) if on_sky else [])
    for region in regions:
        if region.system not in SKY_SYSTEMS.values():
            yield region, *_pixel_plane(region, sky.shape, physical)
            continue
        vectors = next(converted)
        points, northward = vectors[:, :-1], vectors[:, -1]
        if region.shape != "polygon":
            yield region, tangent_plane(points[:, 0], northward, sky), np.empty((2, 0))
            continue
        center = polygon_center(points, region, name)
        plane = tangent_plane(center, np.eye(3)[np.argmin(abs(center))], sky)  # any orientation
        yield region, plane, np.array(plane.project(points))


def _pixel_plane(
    region: Ds9Region, shape: tuple[int, int], physical: PhysicalSystem
) -> tuple[Plane, Floats]:
    """Plane of a region in image or physical pixels, and the vertices of a polygon in it."""
    points = np.array(region.points).T
    middle = points.mean(axis=1)
    vertices = points - middle[:, np.newaxis] if region.shape == "polygon" else np.empty((2, 0))
    if region.system == "image":
        return PixelPlane(middle, np.eye(2), shape), vertices
    return PixelPlane(physical.matrix @ middle + physical.offset, physical.matrix, shape), vertices


def half_sizes(region: Ds9Region, sizes: tuple[float, float]) -> Floats:
    """Half sizes in the units of the region's plane."""
    values = np.array(sizes)
    return np.tan(np.radians(values)) if region.system in SKY_SYSTEMS.values() else values


def _northward(region: Ds9Region) -> tuple[float, float]:
    """Longitude and latitude in degrees of the first point moved 1' along its meridian."""
    lon, lat = region.points[0]
    beyond = lat + 1 / 60
    return (lon, beyond) if beyond <= 90 else (lon + 180, 180 - beyond)  # noqa: PLR2004  the pole


def _frame(system: str) -> BaseCoordinateFrame:
    """Frame of a sky system of DS9; its ecliptic is the mean one of J2000."""
    from astropy.coordinates import FK4, FK5, ICRS, BarycentricMeanEcliptic, Galactic

    frames = {
        "fk5": FK5,
        "icrs": ICRS,
        "fk4": FK4,
        "galactic": Galactic,
        "ecliptic": BarycentricMeanEcliptic,
    }
    return frames[SKY_SYSTEMS[system]]()


def _clip(
    first: NDArray[np.int64], last: NDArray[np.int64], shape: tuple[int, int]
) -> Window | None:
    """Window from (column, row) limits, cut to the chip; None when nothing is left."""
    x0, y0 = np.maximum(first, 0)
    x1, y1 = np.minimum(last, (shape[1], shape[0]))
    if x1 <= x0 or y1 <= y0:
        return None
    return slice(int(y0), int(y1)), slice(int(x0), int(x1))
