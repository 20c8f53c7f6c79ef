"""Areas that lists of sources share on the sky, wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spherical_geometry.polygon import SphericalPolygon

from tweakreg_steps.alignment.overlap import (
    NO_HULL,
    Coverage,
    SkyHull,
    hull_of,
    intersect,
)
from tweakreg_steps.arrays import FloatArray

ARCSEC2 = (180.0 * 3600.0 / np.pi) ** 2

places = st.tuples(st.floats(0.0, 360.0), st.floats(-90.0, 90.0))
sizes = st.floats(0.003, 3.0)
seeds = st.integers(0, 2**32 - 1)


def around(ra: float, dec: float, size: float, seed: int, number: int = 40) -> FloatArray:
    """Return places within `size` degrees of one, poles and 0h included: ra, dec, shape (2, n)."""
    rng = np.random.default_rng(seed)
    offsets = np.radians(rng.uniform(-size, size, (number, 2)))
    a, d = np.radians(ra), np.radians(dec)
    out = np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    east = np.array([-np.sin(a), np.cos(a), 0.0])
    vectors = out + offsets[:, :1] * east + offsets[:, 1:] * np.cross(out, east)
    x, y, z = vectors.T / np.linalg.norm(vectors, axis=1)
    return np.degrees([np.arctan2(y, x), np.arcsin(np.clip(z, -1.0, 1.0))])


def oracle(hull: SkyHull) -> SphericalPolygon:
    """Return a hull as spherical_geometry has it."""
    corners = np.concatenate([hull.corners, hull.corners[:1]])
    inside = hull.center
    return SphericalPolygon(corners, inside)


def covered(hull: SkyHull, pieces: Sequence[SkyHull]) -> float:
    """Return the area of a hull, in square arcseconds, that others cover together."""
    coverage = Coverage(hull)
    for piece in pieces:
        coverage.add(piece)
    return coverage.area


@pytest.mark.slow
@given(places, sizes, seeds)
def test_the_area_of_a_hull_is_that_of_spherical_geometry(
    place: tuple[float, float], size: float, seed: int
) -> None:
    hull = hull_of(*around(*place, size, seed))
    assert hull.area == pytest.approx(oracle(hull).area() * ARCSEC2, rel=1e-4)


@pytest.mark.slow
@given(places, sizes, seeds, seeds)
def test_an_overlap_lies_in_both_and_does_not_depend_on_the_order(
    place: tuple[float, float], size: float, seed: int, other_seed: int
) -> None:
    one = hull_of(*around(*place, size, seed))
    ra, dec = around(*place, size, other_seed, 2)
    other = hull_of(*around(ra[0], dec[0], 0.7 * size, other_seed))
    common = intersect(one, other)
    assert common.area == pytest.approx(intersect(other, one).area, rel=1e-6, abs=1e-4)
    assert common.area <= min(one.area, other.area) * (1 + 1e-6)
    ra, dec = np.column_stack(
        [around(*place, size, seed), around(ra[0], dec[0], 0.7 * size, other_seed)]
    )
    united = covered(hull_of(ra, dec), [one, other])
    assert united == pytest.approx(one.area + other.area - common.area, rel=1e-6)


@pytest.mark.parametrize("dec", [-90.0, -89.9, 0.0, 45.0, 90.0])
@pytest.mark.parametrize("ra", [0.0, 180.0])
def test_an_overlap_is_that_of_spherical_geometry_at_0h_and_the_poles(
    ra: float, dec: float
) -> None:
    one = hull_of(*around(ra, dec, 0.5, 1))
    other = hull_of(*around(ra + 0.2, dec * 0.997, 0.5, 2))
    expected = oracle(one).intersection(oracle(other)).area() * ARCSEC2
    assert intersect(one, other).area == pytest.approx(expected, rel=1e-4)
    assert expected > 0.2 * one.area


@given(places, seeds)
def test_a_turn_of_the_sky_changes_no_overlap(place: tuple[float, float], seed: int) -> None:
    def overlap(ra: float, dec: float) -> float:
        one, other = (hull_of(*around(ra, dec, 0.4, s)) for s in (seed, seed + 1))
        return intersect(one, other).area

    assert overlap(*place) == pytest.approx(overlap(123.0, 4.0), rel=1e-5)


@pytest.mark.parametrize(
    "lists",
    [
        ([], []),
        ([10.0], [5.0]),
        ([10.0, 11.0], [5.0, 6.0]),
        ([10.0, 10.0, 10.0], [5.0, 6.0, 7.0]),
        ([10.0] * 5, [5.0] * 5),
        ([0.0, 120.0, 240.0], [0.0, 0.0, 0.0]),
    ],
    ids=["none", "one", "two", "on a meridian", "at one place", "all around"],
)
def test_a_list_without_area_overlaps_nothing(lists: tuple[list[float], list[float]]) -> None:
    hull = hull_of(*lists)
    assert hull.area == 0.0
    field = hull_of(*around(10.0, 6.0, 2.0, 3))
    assert intersect(hull, field).area == intersect(field, hull).area == 0.0
    assert covered(hull, [field, NO_HULL]) == covered(field, [hull, NO_HULL]) == 0.0


def test_distant_fields_share_nothing() -> None:
    field = hull_of(*around(10.0, 30.0, 1.0, 1))
    for ra, dec in ((190.0, -30.0), (100.0, 30.0), (10.0, -80.0), (13.0, 30.0)):
        assert intersect(field, hull_of(*around(ra, dec, 1.0, 2))).area == 0.0


def test_a_field_within_a_wide_list_shares_all_of_itself() -> None:
    wide, field = hull_of(*around(10.0, 80.0, 45.0, 1, 500)), hull_of(*around(50.0, 70.0, 0.1, 2))
    assert intersect(wide, field).area == pytest.approx(field.area, rel=1e-9)


def test_fields_that_overlap_count_once_and_a_gap_between_them_does_not() -> None:
    corners = [(0.0, 0.0), (2.0, 0.0), (0.0, 2.0), (2.0, 2.0), (1.0, 0.0), (0.0, 1.0)]
    squares = [
        hull_of(ra + np.array([0.0, 1.0, 1.0, 0.0]), dec + np.array([0.0, 0.0, 1.0, 1.0]))
        for ra, dec in corners
    ]
    total = sum(square.area for square in squares)
    wide = hull_of([-1.0, 4.0, 4.0, -1.0], [-1.0, -1.0, 4.0, 4.0])
    assert covered(wide, squares) == pytest.approx(total, rel=1e-3)
    assert covered(wide, [*squares, *squares]) == pytest.approx(covered(wide, squares), rel=1e-9)
