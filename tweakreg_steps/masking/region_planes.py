"""Where a region lies on a chip: its place in the image, or its tangent plane on the sky.

A region whose position or sizes are pixels is a shape in image pixels, placed as DS9 places it:
its centre goes through the pixel system or the WCS, its sizes through the scale of theirs, and its
angle is one of the image, or of the sky at its centre.

A region of the sky lies in the tangent plane about its centre, u to the west and v to the north of
the region's own system. Great circles are straight there, and a circle of radius r about the centre
is the circle of radius tan r, so circles and polygons are exact and the axes of boxes and ellipses
have their true lengths. (The conversion to pixels that ``regions`` has for sky regions takes the
scale and rotation at the centre, without the distortion; its spherical ones know circles and
polygons only.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.chip_sky import ChipSky, Floats, unit_vectors
from tweakreg_steps.masking.ds9_regions import Ds9Region
from tweakreg_steps.masking.pixel_systems import PhysicalSystem
from tweakreg_steps.masking.region_words import PIXEL_SYSTEMS, SKY, SKY_SYSTEMS

if TYPE_CHECKING:
    from astropy.coordinates import BaseCoordinateFrame


@dataclass(frozen=True)
class SkyPlane:
    """Tangent plane at a region's centre.

    ``center``, ``west`` and ``north`` are orthogonal unit vectors in the frame of the chip's WCS.
    """

    center: Floats
    west: Floats
    north: Floats
    sky: ChipSky

    def project(self, vectors: Floats) -> Floats:
        """Coordinates (u, v) of unit vectors of shape (3, n)."""
        return np.array([self.west @ vectors, self.north @ vectors]) / (self.center @ vectors)

    def chip_outline(self) -> Floats | None:
        """Coordinates of points around the chip, shape (2, n); None where it is out of sight.

        Raises
        ------
        InputError
            A part of the chip is out of sight.
        """
        vectors = self.sky.outline
        ahead = self.center @ vectors > 0
        if ahead.all():
            return self.project(vectors)
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


def place_in_image(region: Ds9Region, sky: ChipSky, systems: PhysicalSystem) -> Ds9Region:
    """Return a region that is no area of the sky as the shape in image pixels that DS9 draws."""
    scale = _scale(region, sky, systems)
    _refuse_what_ds9_confuses(region, systems)
    outlines = [_scaled(sizes, scale, region) for sizes in (region.outer, region.inner)]
    angle, sector = region.angle, region.sector
    if region.angles_in not in PIXEL_SYSTEMS:
        west, sense = west_in_image(region, sky, systems)
        if region.shape in ("ellipse", "box", "epanda", "bpanda"):
            angle = west + sense * angle
        if sector is not None:
            sector = (west + sense * sector[0], west + sense * sector[1])
    points = image_points(region, sky, systems)
    return replace(
        region,
        system="image",
        sizes_in="image",
        angles_in="image",
        points=tuple(zip(*points.tolist(), strict=True)),
        outer=outlines[0] or (0.0, 0.0),
        inner=outlines[1],
        angle=angle,
        sector=sector,
    )


def _refuse_what_ds9_confuses(region: Ds9Region, systems: PhysicalSystem) -> None:
    """Raise an error where the pixels of a system lie so that DS9's own shapes are not its own."""
    for name in {region.system, region.sizes_in} & {*PIXEL_SYSTEMS}:
        (xx, xy), (yx, yy) = systems.of(name).matrix.tolist()
        if xy or yx:
            raise InputError(
                f"the {name} pixels are turned against those of the image; save the regions from "
                "DS9 in image coordinates"
            )
        is_nested = region.inner is not None and region.shape in ("ellipse", "box")
        if is_nested and (xx != yy or xx < 0):
            raise InputError(
                f"nested ellipses or boxes in {name} pixels, which are reversed or not square: DS9 "
                "does not read back what it writes of them; save them in image coordinates"
            )


def image_points(region: Ds9Region, sky: ChipSky, systems: PhysicalSystem) -> Floats:
    """1-based pixels (2, n) of a region's points; those on the sky roughly where far away."""
    if region.system in PIXEL_SYSTEMS:
        return systems.of(region.system).to_image(np.array(region.points).T)
    vectors = sky_vectors([region], sky)[0][:, :-1]
    rough = sky.rough_pixels_at(vectors)
    ny, nx = sky.shape
    near = (abs(rough - np.array([[nx / 2], [ny / 2]])) <= max(sky.shape)).all()
    return sky.pixels_at(vectors) if near else rough


def _scaled(
    sizes: tuple[float, float] | None, scale: Floats, region: Ds9Region
) -> tuple[float, float] | None:
    """Return half sizes in image pixels; DS9 measures radii along the y axis."""
    if sizes is None:
        return None
    round_ones = region.shape in ("circle", "annulus", "panda")
    x, y = (scale[1], scale[1]) if round_ones else scale
    return float(sizes[0] * x), float(sizes[1] * y)


def _scale(region: Ds9Region, sky: ChipSky, systems: PhysicalSystem) -> Floats:
    """Image pixels in one unit of a region's sizes, along x and y."""
    if region.sizes_in != SKY:
        return systems.of(region.sizes_in).scale
    x, y = image_points(region, sky, systems)[:, :1]
    up = sky.vectors_at(np.append(x, x), np.append(y - 0.5, y + 0.5))
    step = np.degrees(np.linalg.norm(up[:, 1] - up[:, 0]))
    return np.full(2, 1.0 / step)


def west_in_image(region: Ds9Region, sky: ChipSky, systems: PhysicalSystem) -> tuple[float, int]:
    """Angle of a sky system's west in the image, deg, and 1 where north lies to the left of it."""
    x, y = image_points(region, sky, systems)[:, 0]
    here, right, up = sky.vectors_at(np.array([x, x + 1, x]), np.array([y, y, y + 1])).T
    frame = region.angles_in
    center, northward = _points_of_frame(here, frame, sky)
    plane = tangent_plane(center, northward, sky)
    columns = np.array([plane.project(v[:, np.newaxis])[:, 0] for v in (right, up)]).T
    west = np.linalg.solve(columns, [1.0, 0.0])
    return float(np.degrees(np.arctan2(west[1], west[0]))), int(np.sign(np.linalg.det(columns)))


def _points_of_frame(vector: Floats, frame: str, sky: ChipSky) -> tuple[Floats, Floats]:
    """Return a direction, and the one 1' to its north in a system of DS9, in the WCS's frame."""
    from astropy.coordinates import SkyCoord

    lon, lat = np.degrees(np.arctan2(vector[1], vector[0])), np.degrees(np.arcsin(vector[2]))
    there = SkyCoord(lon, lat, unit="deg", frame=sky.frame).transform_to(_frame(frame))
    place = (float(there.spherical.lon.deg), float(there.spherical.lat.deg))
    both = np.array([place, _north_of(*place)]).T
    back = SkyCoord(*both, unit="deg", frame=_frame(frame)).transform_to(sky.frame)
    first, second = unit_vectors(back.spherical.lon.deg, back.spherical.lat.deg).T
    return first, second


def sky_vectors(regions: Sequence[Ds9Region], sky: ChipSky) -> list[Floats]:
    """Points of sky regions as unit vectors in the frame of the chip's WCS.

    Behind the points of each region stands one more: its first point moved 1' to the north, which
    carries the region's orientation into that frame. One conversion serves a whole system.
    """
    from astropy.coordinates import SkyCoord

    converted: list[Floats] = [np.empty((3, 0))] * len(regions)
    for system in {region.system for region in regions}:
        members = [i for i, region in enumerate(regions) if region.system == system]
        points = [np.array([*regions[i].points, _north_of(*regions[i].points[0])]) for i in members]
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
    """Return the unit vector of the middle of a polygon's vertices, which are of shape (3, n)."""
    total = vertices.sum(axis=1)
    center = total / max(float(np.linalg.norm(total)), 1e-12)
    if (center @ vertices).min() <= 0.01:  # noqa: PLR2004  where the projection runs away
        raise InputError(
            f"{name}, line {region.line}: {region.text[:120]!r}: the polygon is as large as half "
            "the sky; split it into smaller ones"
        )
    return np.asarray(center)


def sky_planes(
    regions: Sequence[Ds9Region], sky: ChipSky, name: str
) -> Iterator[tuple[SkyPlane, Floats]]:
    """Yield the plane of each sky region and, for polygons, its vertices (2, n) in that plane.

    ``name`` is the region file's in messages.

    Raises
    ------
    InputError
        A polygon is as large as half the sky.
    """
    vectors_of = sky_vectors(regions, sky) if regions else []
    for region, vectors in zip(regions, vectors_of, strict=True):
        points, northward = vectors[:, :-1], vectors[:, -1]
        if region.shape != "polygon":
            yield tangent_plane(points[:, 0], northward, sky), np.empty((2, 0))
            continue
        center = polygon_center(points, region, name)
        plane = tangent_plane(center, np.eye(3)[np.argmin(abs(center))], sky)  # any orientation
        yield plane, plane.project(points)


def _north_of(lon: float, lat: float) -> tuple[float, float]:
    """Longitude and latitude in degrees of a point moved 1' along its meridian."""
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
