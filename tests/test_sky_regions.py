"""Regions on the sky against a test of each pixel's own sky position."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord, UnitSphericalRepresentation
from astropy.io import fits
from astropy.wcs import WCS

from tweakreg_steps.arrays import BoolArray, FloatArray, IntArray
from tweakreg_steps.masking.chip_sky import ChipSky
from tweakreg_steps.masking.ds9_regions import parse_regions
from tweakreg_steps.masking.region_masks import mask_of_regions, physical_system
from tweakreg_steps.masking.region_outlines import lay_out

HEADERS = Path(__file__).parent / "data" / "wfc3_uvis_flc_headers.fits.gz"
SHAPE = (2051, 4096)
CENTER = (2000.0, 1000.0)  # 1-based pixels
REACH = 260  # pixels around the centre that are tested
TENTH = 0.004  # arcsec, a tenth of a pixel
ANGLE, START, STOP = 25.0, 20.0, 130.0
SYSTEMS = ("fk5", "icrs", "fk4", "galactic", "ecliptic")

Floats = FloatArray
Mask = BoolArray


@cache
def uvis_wcs() -> WCS:
    """Real WCS of a WFC3/UVIS chip: SIP, NPOL and D2IM."""
    with fits.open(HEADERS) as hdus:
        return WCS(hdus["SCI", 1].header, hdus)


@dataclass(frozen=True)
class Surroundings:
    """Pixels around the centre in one system: their distance to west and north of it, arcsec."""

    lon: float
    lat: float
    columns: IntArray
    rows: IntArray
    west: Floats
    north: Floats
    sky: SkyCoord


@cache
def surroundings(system: str) -> Surroundings:
    """Look from the centre at random pixels, with astropy's own spherical trigonometry."""
    rng = np.random.default_rng(42)
    columns, rows = (rng.integers(c - REACH, c + REACH, 12000) for c in map(int, CENTER))
    frame = {"ecliptic": "barycentricmeanecliptic"}.get(system, system)
    sky = SkyCoord(*uvis_wcs().all_pix2world(columns, rows, 0), unit="deg").transform_to(frame)
    here = SkyCoord(*uvis_wcs().all_pix2world(*CENTER, 1), unit="deg").transform_to(frame)
    distance, angle = here.separation(sky).arcsec, here.position_angle(sky).rad
    lon, lat = float(here.spherical.lon.deg), float(here.spherical.lat.deg)
    west, north = -distance * np.sin(angle), distance * np.cos(angle)
    return Surroundings(lon, lat, columns, rows, west, north, sky)


def uvis_mask(text: str) -> Mask:
    return mask_of_regions(
        parse_regions(text, name="a.reg"),
        shape=SHAPE,
        wcs=uvis_wcs(),
        physical=physical_system({}),
        name="a.reg",
    )


def turned(around: Surroundings) -> tuple[Floats, Floats]:
    """Coordinates along the axes of a region that is turned by ANGLE from west to north."""
    sine, cosine = np.sin(np.radians(ANGLE)), np.cos(np.radians(ANGLE))
    west, north = around.west, around.north
    return west * cosine + north * sine, north * cosine - west * sine


def ellipse(around: Surroundings, a: float, b: float, *, straight: bool = False) -> Floats:
    """About the distance (arcsec) by which each pixel lies outside an ellipse."""
    x, y = (around.west, around.north) if straight else turned(around)
    return np.asarray((np.hypot(x / a, y / b) - 1) * min(a, b))


def box(around: Surroundings, width: float, height: float) -> Floats:
    x, y = turned(around)
    return np.asarray(np.maximum(abs(x) - width / 2, abs(y) - height / 2))


def sector(around: Surroundings, turn: float) -> Floats:
    """Distance outside the angle from START to STOP, itself turned."""
    first, last = np.radians([START + turn, STOP + turn])
    left = around.north * np.cos(first) - around.west * np.sin(first)
    right = around.west * np.sin(last) - around.north * np.cos(last)
    return np.asarray(-np.minimum(left, right))


def beyond(shape: str, around: Surroundings) -> Floats:
    """About the distance (arcsec) by which each pixel lies outside a shape; inside negative."""
    circle = ellipse(around, 9, 9, straight=True)
    hole = ellipse(around, 4, 4, straight=True)
    rounds, squares = ellipse(around, 9, 6), box(around, 16, 10)
    round_hole, square_hole = ellipse(around, 4.5, 3), box(around, 8, 5)
    found = {
        "circle": circle,
        "annulus": np.maximum(circle, -hole),
        "ellipse": rounds,
        "ellipse annulus": np.maximum(rounds, -round_hole),
        "box": squares,
        "box annulus": np.maximum(squares, -square_hole),
        "panda": np.max([circle, -hole, sector(around, 0.0)], axis=0),
        "epanda": np.max([rounds, -round_hole, sector(around, ANGLE)], axis=0),
        "bpanda": np.max([squares, -square_hole, sector(around, ANGLE)], axis=0),
    }
    return np.asarray(found[shape])


SHAPES = {
    "circle": 'circle({},9")',
    "annulus": 'annulus({},4",9")',
    "ellipse": 'ellipse({},9",6",25)',
    "ellipse annulus": 'ellipse({},4.5",3",9",6",25)',
    "box": 'box({},16",10",25)',
    "box annulus": 'box({},8",5",16",10",25)',
    "panda": 'panda({},20,130,2,4",9",1)',
    "epanda": 'epanda({},20,130,1,4.5",3",9",6",1,25)',
    "bpanda": 'bpanda({},20,130,1,8",5",16",10",1,25)',
}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_pixel_is_inside_where_its_own_sky_position_is(system: str, shape: str) -> None:
    around = surroundings(system)
    place = f"{around.lon:.10f},{around.lat:.10f}"
    mask = uvis_mask(f"{system};{SHAPES[shape].format(place)}")
    found, outside = mask[around.rows, around.columns], beyond(shape, around)
    wrong = found != (outside < 0)
    assert found.sum() > 500
    assert np.all(abs(outside[wrong]) < TENTH)


def directions(sky: SkyCoord) -> Floats:
    """Cartesian unit vectors, shape (3, n)."""
    return np.asarray(sky.data.represent_as(UnitSphericalRepresentation).to_cartesian().xyz.value)


@pytest.mark.parametrize("system", SYSTEMS)
def test_polygons_have_great_circles_as_edges(system: str) -> None:
    around = surroundings(system)
    frame = around.sky.frame
    corners = np.array([[1800.0, 850.0], [2200.0, 900.0], [2100.0, 1200.0]])
    there = SkyCoord(*uvis_wcs().all_pix2world(*corners.T, 1), unit="deg").transform_to(frame)
    pairs = zip(there.spherical.lon.deg, there.spherical.lat.deg, strict=True)
    words = ",".join(f"{lon:.10f},{lat:.10f}" for lon, lat in pairs)
    found = uvis_mask(f"{system};polygon({words})")[around.rows, around.columns]
    vertices, points = directions(there), directions(around.sky)
    edges = [np.cross(vertices[:, i], vertices[:, (i + 1) % 3]) for i in range(3)]
    sides = np.array([e @ points / np.linalg.norm(e) for e in edges])
    inside = (sides * np.sign(edges[0] @ vertices[:, 2])).min(axis=0)
    wrong = found != (inside > 0)
    assert found.sum() > 2000
    assert np.all(abs(inside[wrong]) < np.radians(TENTH / 3600))


def test_far_from_the_centre_a_circle_follows_the_distortion() -> None:
    around = surroundings("icrs")
    far = SkyCoord(*uvis_wcs().all_pix2world(4000, 30, 1), unit="deg")
    distance = far.separation(around.sky).arcsec
    radius = float(np.median(distance))
    mask = uvis_mask(f'icrs;circle({far.ra.deg:.10f},{far.dec.deg:.10f},{radius}")')
    wrong = mask[around.rows, around.columns] != (distance < radius)
    assert np.all(abs(distance[wrong] - radius) < TENTH)


def test_a_traced_circle_lies_where_its_points_are_on_the_sky() -> None:
    around = surroundings("icrs")
    (region,) = parse_regions(f'icrs;circle({around.lon:.10f},{around.lat:.10f},30")', name="a")
    ((_, outline),) = lay_out([region], ChipSky(uvis_wcs(), SHAPE), physical_system({}), "a")
    assert isinstance(outline, list)
    ((ring,),) = outline
    middles = (ring + np.roll(ring, -1, axis=1)) / 2
    center = SkyCoord(around.lon, around.lat, unit="deg")
    for points in (ring, middles):
        distance = center.separation(SkyCoord(*uvis_wcs().all_pix2world(*points, 1), unit="deg"))
        assert abs(distance.arcsec - 30).max() < TENTH / 4
