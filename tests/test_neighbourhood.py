"""Lists of sources near each other on the sky, and the pains that a long sequence takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import union_all
from strips import list_strip, sky_table
from test_overlap import around

from tweakreg_steps.alignment import overlap
from tweakreg_steps.alignment.neighbourhood import SkyCircle, neighbours
from tweakreg_steps.alignment.overlap import Coverage, SkyHull, _TangentPlane, hull_of, intersect


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.sampled_from([-90.0, -20.0, 89.9]))
def test_neighbours_are_all_circles_within_reach_at_poles_and_0h_too(seed: int, dec: float) -> None:
    rng = np.random.default_rng(seed)
    places = around(0.0, dec, 4.0, seed, 30).T
    circles = []
    for ra, dec_of_one in places:
        circle = SkyCircle.around(*around(ra, dec_of_one, rng.uniform(0.01, 1.0), seed))
        assert circle
        circles.append(circle)
    reach = rng.uniform(0.0, 0.02, len(circles))
    expected = set()
    for i, one in enumerate(circles):
        for j, other in enumerate(circles):
            apart = np.arccos(np.clip(one.center @ other.center, -1.0, 1.0))
            if i != j and apart <= one.radius + other.radius + reach[i] - 1e-7:
                expected.add((i, j))
    found = list(neighbours(circles, reach.tolist()))
    assert len(found) == len(set(found))
    assert expected <= set(found)
    assert len(found) <= len(expected) + 2


def test_a_circle_holds_its_sources_and_none_is_around_none() -> None:
    circle = SkyCircle.around(*around(359.99, 89.0, 0.5, 3))
    assert circle
    assert 0.003 < circle.radius < 0.03
    assert SkyCircle.around([], []) is None
    assert SkyCircle.around([10.0], [20.0]).radius == pytest.approx(0.0)  # type: ignore[union-attr]


def joint_area(pieces: Sequence[SkyHull]) -> float:
    """Return the area, in square arcseconds, of hulls taken together, all united at once."""
    present = [piece for piece in pieces if len(piece.corners)]
    if not present:
        return 0.0
    plane = _TangentPlane(max(present, key=lambda piece: piece.area).center)
    joined = union_all([plane.polygon(piece) for piece in present])
    return sum(plane.area(part) for part in getattr(joined, "geoms", [joined]))


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 60.0, 89.9]))
def test_coverage_that_grows_is_that_of_all_at_once(seed: int, dec: float) -> None:
    hull = hull_of(*around(0.1, dec, 0.2, seed))
    others = [hull_of(*around(0.1, dec + 0.04 * k, 0.2, seed + k + 3)) for k in range(-3, 4)]
    coverage = Coverage(hull)
    for number, other in enumerate(others, start=1):
        coverage.add(other)
        pieces = [intersect(hull, one) for one in others[:number]]
        assert coverage.area == pytest.approx(joint_area(pieces), rel=1e-6, abs=1e-3)
    assert coverage.area <= hull.area * (1 + 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("enforce", [True, False])
def test_the_pains_of_a_long_strip_grow_with_its_length(
    enforce: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overlaps, and attempts at an image that fits nowhere: not those of all pairs."""
    number: dict[str, int] = {}

    def counted(one: overlap.SkyHull, other: overlap.SkyHull) -> overlap.SkyHull:
        number["overlaps"] = number.get("overlaps", 0) + 1
        return intersect(one, other)

    monkeypatch.setattr(overlap, "intersect", counted)
    monkeypatch.setattr("tweakreg_steps.alignment.sequence.intersect", counted)
    found = []
    for length in (8, 16):
        number.clear()
        strip = list_strip(np.random.default_rng(4), number=length)
        rng = np.random.default_rng(1)
        strip.skies["z"] = sky_table(strip.plane, rng.uniform([0.0, 0.0], [400.0, 400.0], (50, 2)))
        sequence = strip.align(enforce_user_order=enforce)
        assert len(sequence.sources.meta["order"]) == length - 1
        found.append(number["overlaps"])
    assert found[1] < 2.6 * found[0]
