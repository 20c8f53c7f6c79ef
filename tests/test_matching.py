"""Matching of two lists: against xyxymatch's stored results, and its own rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.matching.matching import Matches, match_lists, match_sources, thin
from tweakreg_steps.matching.neighbours import FloatArray, PointTable

PARITY = json.loads(
    Path(__file__).with_name("data").joinpath("fit_and_match_parity.json").read_text()
)
SEEDS = st.integers(0, 10_000)


def points(*xy: tuple[float, float]) -> FloatArray:
    return np.array(xy, dtype=np.float64).reshape(-1, 2)


def match(image: FloatArray, reference: FloatArray, **changes: Any) -> Matches:  # noqa: ANN401 - any parameter may be changed
    """Match with the recipe's defaults, but in pixels."""
    parameters: dict[str, Any] = {
        "pixel_scale": 0.04,
        "minobj": 1,
        "searchrad": 50.0,
        "searchunits": "pixels",
        "use2dhist": True,
        "tolerance": 1.0,
        "separation": 0.0,
        "xoffset": 0.0,
        "yoffset": 0.0,
    }
    return match_sources(image, reference, **{**parameters, **changes})


@pytest.mark.parametrize("case", PARITY["matches"])
def test_pairs_are_those_of_xyxymatch(case: dict[str, Any]) -> None:
    found = match_lists(
        np.array(case["image"]),
        np.array(case["reference"]),
        tolerance=case["tolerance"],
        separation=case["separation"],
        offset=tuple(case["offset"]),
    )
    pairs = np.stack([found.reference_index, found.image_index], axis=1)
    assert pairs.tolist() == case["pairs"]


@given(seed=SEEDS)
def test_matches_are_one_to_one_within_tolerance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image, reference = rng.uniform(0, 20, (40, 2)), rng.uniform(0, 20, (60, 2))
    found = match_lists(image, reference, tolerance=2.0, separation=0.0, offset=(0.5, -1.0))
    apart = image[found.image_index] - reference[found.reference_index] - (0.5, -1.0)
    assert len(set(found.image_index)) == len(set(found.reference_index)) == len(apart)
    assert np.allclose(np.hypot(*apart.T), found.distance)
    assert np.all(found.distance <= 2.0)


@given(seed=SEEDS)
def test_the_order_of_the_lists_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image, reference = np.round(rng.uniform(0, 9, (30, 2))), np.round(rng.uniform(0, 9, (30, 2)))
    pairs = []
    for _ in range(2):
        image, reference = rng.permutation(image), rng.permutation(reference)
        found = match_lists(image, reference, tolerance=2.0, separation=1.0, offset=(0.0, 0.0))
        matched = np.hstack([image[found.image_index], reference[found.reference_index]])
        pairs.append(sorted(matched.tolist()))
    assert pairs[0] == pairs[1]


def test_a_source_that_two_ask_for_goes_to_the_nearer_one() -> None:
    image = points((10, 10), (13, 10))
    reference = points((10.9, 10), (10.2, 10), (13, 10.1))
    found = match_lists(image, reference, tolerance=1.0, separation=0.0, offset=(0.0, 0.0))
    assert found.reference_index.tolist() == [1, 2]
    assert found.image_index.tolist() == [0, 1]


def test_the_loser_does_not_get_its_second_nearest() -> None:
    image, reference = points((10, 10), (11.5, 10)), points((10.1, 10), (10.6, 10))
    found = match_lists(image, reference, tolerance=1.0, separation=0.0, offset=(0.0, 0.0))
    assert found.reference_index.tolist() == [0]


@pytest.mark.parametrize(("tolerance", "n_matches"), [(0.5, 1), (0.499, 0)])
def test_the_tolerance_is_inclusive(tolerance: float, n_matches: int) -> None:
    found = match_lists(
        points((6.5, 2)), points((1, 7)), tolerance=tolerance, separation=0.0, offset=(5.0, -5.0)
    )
    assert len(found.image_index) == n_matches


@pytest.mark.parametrize(
    ("separation", "stays"), [(0.0, [0, 1, 2, 3]), (0.5, [0, 2, 3]), (5.0, [0])]
)
def test_of_sources_closer_than_the_separation_the_lowest_stays(
    separation: float, stays: list[int]
) -> None:
    table = PointTable.build(points((10, 10), (10, 10.4), (10, 10.8), (13, 10)))
    assert sorted(thin(table, separation).place.tolist()) == stays


def test_repeated_and_undefined_positions_take_part_once_and_never() -> None:
    image = points((1, 1), (1, 1), (np.nan, 1), (5, 5))
    found = match_lists(image, image[[0, 3]], tolerance=1.0, separation=0.0, offset=(0.0, 0.0))
    assert found.n_image == 2
    assert found.image_index.tolist() == [0, 3]


def test_ten_thousand_sources_at_one_place_are_one() -> None:
    crowd = np.tile(points((3, 4)), (10_000, 1))
    found = match(crowd, crowd)
    assert (found.n_image, len(found.image_index)) == (1, 1)


@given(seed=SEEDS)
def test_shifted_stars_are_matched_with_themselves(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stars, shift = rng.uniform(0, 2000, (200, 2)), rng.uniform(-40, 40, 2)
    order = rng.permutation(150)
    found = match(stars[order] + shift, stars, tolerance=0.1)
    assert np.hypot(found.dx - shift[0], found.dy - shift[1]) < 0.05
    assert np.array_equal(order[found.image_index], found.reference_index)
    assert len(found.image_index) == 150
    assert found.peak is not None


def test_the_search_radius_is_in_the_unit_given() -> None:
    stars = np.random.default_rng(1).uniform(0, 2000, (50, 2))
    image = stars + np.array([30.0, 0.0])
    assert len(match(image, stars, searchrad=1.5, searchunits="arcseconds").distance) == 50
    with pytest.raises(NotAlignedError) as caught:
        match(image, stars, searchrad=1.5, searchunits="pixels", minobj=15)
    assert caught.value.reason in {Reason.NO_OVERLAP, Reason.FEW_MATCHES}


@pytest.mark.parametrize(("xoffset", "n_matches"), [(30.0, 20), (None, 0)])
def test_a_given_offset_is_image_minus_reference(xoffset: float | None, n_matches: int) -> None:
    stars = np.random.default_rng(1).uniform(0, 2000, (20, 2))
    found = match(
        stars + np.array([30.0, 0.0]),
        stars,
        use2dhist=False,
        minobj=0,
        xoffset=xoffset,
        yoffset=None,
    )
    assert len(found.image_index) == n_matches
    assert found.peak is None


def test_minobj_sources_and_matches_are_enough() -> None:
    stars = np.random.default_rng(1).uniform(0, 2000, (15, 2))
    assert len(match(stars, stars, minobj=15).image_index) == 15


@pytest.mark.parametrize(
    ("n_image", "n_reference", "reason", "words"),
    [
        (0, 20, Reason.FEW_SOURCES, "0 sources, object_matching.minobj asks for 15"),
        (14, 20, Reason.FEW_SOURCES, "14 sources"),
        (20, 0, Reason.NO_REFERENCE_SOURCES, "reference list is empty"),
        (20, 14, Reason.FEW_MATCHES, "14 of 20 sources match one of 14 reference"),
    ],
)
def test_too_few_are_refused(n_image: int, n_reference: int, reason: Reason, words: str) -> None:
    stars = np.random.default_rng(1).uniform(0, 2000, (20, 2))
    with pytest.raises(NotAlignedError, match=words) as caught:
        match(stars[:n_image], stars[:n_reference], minobj=15)
    assert caught.value.reason is reason


def test_lists_apart_do_not_overlap() -> None:
    stars = np.random.default_rng(1).uniform(0, 2000, (20, 2))
    with pytest.raises(NotAlignedError) as caught:
        match(stars, stars + 1e5)
    assert caught.value.reason is Reason.NO_OVERLAP
