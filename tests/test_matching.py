"""Matching of two lists: against xyxymatch's stored results, and its own rules."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import ChanceOffsetError, NotAlignedError, Reason
from tweakreg_steps.matching.matching import Matches, match_sources
from tweakreg_steps.matching.neighbours import (
    PointTable,
)
from tweakreg_steps.matching.pairing import match_lists, thin
from tweakreg_steps.matching.source_list import SourceList

PARITY = json.loads(
    Path(__file__).with_name("data").joinpath("fit_and_match_parity.json").read_text()
)
SEEDS = st.integers(0, 10_000)


def points(*xy: tuple[float, float]) -> FloatArray:
    return np.array(xy, dtype=np.float64).reshape(-1, 2)


PARAMETERS: dict[str, Any] = {
    "pixel_scale": 0.04,
    "max_false_alarm": 1e-3,
    "minobj": 1,
    "searchrad": 50.0,
    "searchunits": "pixels",
    "method": "histogram",
    "fallback": "brightest",
    "mirrored": False,
    "use2dhist": True,
    "leave_out_narrow": True,
    "leave_out_fixed": True,
    "tolerance": 1.0,
    "separation": 0.0,
    "xoffset": 0.0,
    "yoffset": 0.0,
}
"""The recipe's defaults, but in pixels."""


def match(image: FloatArray, reference: FloatArray, **changes: Any) -> Matches:  # noqa: ANN401 - any parameter may be changed
    """Match lists of positions."""
    lists = (SourceList.of_positions(xy) for xy in (image, reference))
    return match_sources(*lists, **{**PARAMETERS, **changes})


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
    assert sorted(thin(table, separation).index.tolist()) == stays


def test_repeated_and_undefined_positions_take_part_once_and_never() -> None:
    image = points((1, 1), (1, 1), (np.nan, 1), (5, 5))
    found = match_lists(image, image[[0, 3]], tolerance=1.0, separation=0.0, offset=(0.0, 0.0))
    assert found.n_image == 2
    assert found.image_index.tolist() == [0, 3]


def test_ten_thousand_sources_at_one_place_are_one() -> None:
    crowd = np.tile(points((3, 4)), (10_000, 1))
    found = match_lists(crowd, crowd, tolerance=1.0, separation=0.0, offset=(0.0, 0.0))
    assert (found.n_image, len(found.image_index)) == (1, 1)


@pytest.mark.slow
@given(seed=SEEDS)
def test_shifted_stars_are_matched_with_themselves(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stars, shift = rng.uniform(0, 2000, (200, 2)), rng.uniform(-40, 40, 2)
    order = rng.permutation(150)
    found = match(stars[order] + shift, stars, tolerance=0.1)
    offset = found.overlay.offset
    assert np.hypot(offset.dx - shift[0], offset.dy - shift[1]) < 0.05
    assert np.array_equal(order[found.image_index], found.reference_index)
    assert len(found.image_index) == 150
    assert found.overlay.way == "histogram"


def test_the_search_radius_is_in_the_unit_given() -> None:
    stars = np.random.default_rng(1).uniform(0, 2000, (50, 2))
    image = stars + np.array([30.0, 0.0])
    assert len(match(image, stars, searchrad=1.5, searchunits="arcseconds").distance) == 50
    with pytest.raises(NotAlignedError) as caught:
        match(image, stars, searchrad=1.5, searchunits="pixels", minobj=15)
    assert caught.value.reason is Reason.NO_OVERLAP


@pytest.mark.parametrize(("xoffset", "n_matches"), [(30.0, 20), (None, 0)])
def test_a_given_offset_is_image_minus_reference(xoffset: float | None, n_matches: int) -> None:
    stars = np.random.default_rng(1).uniform(0, 2000, (20, 2))
    found = match(
        stars + np.array([30.0, 0.0]),
        stars,
        use2dhist=False,
        minobj=0,
        max_false_alarm=1.0,
        xoffset=xoffset,
        yoffset=None,
    )
    assert len(found.image_index) == n_matches
    assert found.overlay.way == "given offset"


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


def lists_with_artifacts(
    *, n_stars: int, n_narrow: int, narrow_stars: float = 0.0
) -> tuple[SourceList, SourceList]:
    """Stars shifted by (12, -7) and unrelated narrow sources; a part of the stars seems narrow."""
    rng = np.random.default_rng(9)
    stars = rng.uniform(0, 2000, (n_stars, 2))
    lists = []
    for shift in ((12.0, -7.0), (0.0, 0.0)):
        places = np.concatenate([stars + shift, rng.uniform(0, 2000, (n_narrow, 2))])
        narrow = np.arange(len(places)) >= n_stars
        narrow[:n_stars] = rng.random(n_stars) < narrow_stars
        lists.append(replace(SourceList.of_positions(places), narrow=narrow))
    return lists[0], lists[1]


def match_artifacts(lists: tuple[SourceList, SourceList], **changes: Any) -> Matches:  # noqa: ANN401 - any parameter may be changed
    return match_sources(*lists, **{**PARAMETERS, **changes})


def test_narrow_sources_take_no_part_where_the_others_are_enough() -> None:
    lists = lists_with_artifacts(n_stars=40, n_narrow=3000)
    found = match_artifacts(lists)
    assert found.image_index.tolist() == list(range(40))
    assert (found.n_narrow, found.n_left_out) == (3000, 3000)
    everything = match_artifacts(lists, leave_out_narrow=False)
    assert len(everything.image_index) > 40
    assert everything.n_left_out == 0
    assert everything.n_by_chance > 5 > found.n_by_chance


def test_narrow_stars_come_back_where_they_match() -> None:
    found = match_artifacts(lists_with_artifacts(n_stars=200, n_narrow=0, narrow_stars=0.8))
    assert len(found.image_index) == 200
    assert found.overlay.selection.left_out == "both"


def test_narrow_sources_are_all_that_can_match_where_the_camera_makes_no_others() -> None:
    found = match_artifacts(lists_with_artifacts(n_stars=50, n_narrow=0, narrow_stars=1.0))
    assert len(found.image_index) == 50


def test_bright_sources_tell_the_offset_that_is_lost_among_faint_ones() -> None:
    rng = np.random.default_rng(10)
    stars = rng.uniform(0, 1000, (30, 2))
    lists = [
        replace(
            SourceList.of_positions(np.concatenate([stars + s, rng.uniform(0, 1000, (6000, 2))])),
            brightness=np.concatenate([np.full(30, 1000.0), rng.uniform(1, 100, 6000)]),
        )
        for s in ((11.0, 23.0), (0.0, 0.0))
    ]
    found = match_artifacts((lists[0], lists[1]))
    assert found.overlay.way == "histogram of the brightest 50"
    assert {*range(30)} <= {*found.image_index.tolist()}
    with pytest.raises(ChanceOffsetError):
        match_artifacts((lists[0], lists[1]), fallback="none")


def test_an_offset_by_chance_is_refused_with_its_probability() -> None:
    rng = np.random.default_rng(11)
    image, reference = rng.uniform(0, 500, (300, 2)), rng.uniform(0, 500, (300, 2))
    with pytest.raises(ChanceOffsetError, match=r"acceptance.max_false_alarm is 0.001") as caught:
        match(image, reference)
    assert caught.value.reason is Reason.NO_SIGNIFICANT_OFFSET
    assert caught.value.false_alarm > 0.01
    accepted = match(image, reference, max_false_alarm=1.0, fallback="none")
    assert len(accepted.image_index) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("way", [{"method": "triangles"}, {"fallback": "triangles"}])
def test_turned_lists_are_matched_by_triangles(way: dict[str, str]) -> None:
    stars = np.random.default_rng(12).uniform(0, 2000, (100, 2))
    turned = 2000.0 - stars
    found = match(turned, stars, **way)
    assert np.array_equal(found.image_index, found.reference_index)
    assert len(found.image_index) == 100
    assert found.overlay.way == "triangles"
    assert found.overlay.similarity is not None
    assert np.allclose(found.overlay.similarity.matrix, [[-1, 0], [0, -1]], atol=1e-9)
    with pytest.raises(NotAlignedError):
        match(turned, stars)


def test_on_a_grid_bright_sources_tell_the_offset_that_positions_do_not() -> None:
    rng = np.random.default_rng(14)
    grid = np.stack(np.meshgrid(*2 * [np.arange(25) * 40.0]), axis=-1).reshape(-1, 2)
    brightness = rng.pareto(1.0, len(grid))
    # the upper and lower half of the sky: the most pairs are where the halves overlap most
    lists = [
        replace(SourceList.of_positions(grid[half] + shift), brightness=brightness[half])
        for half, shift in ((slice(None, 500), (46.0, 7.0)), (slice(125, None), (0.0, 0.0)))
    ]
    found = match_artifacts((lists[0], lists[1]), searchrad=150.0)
    assert np.array_equal(found.image_index, found.reference_index + 125)
    assert len(found.image_index) == 375
    with pytest.raises(ChanceOffsetError, match="other offsets bring about as many pairs"):
        match_artifacts((lists[0], lists[1]), searchrad=150.0, fallback="none")


@pytest.mark.slow
def test_unrelated_grids_are_not_matched() -> None:
    grid = np.stack(np.meshgrid(*2 * [np.arange(25) * 40.0]), axis=-1).reshape(-1, 2)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        lists = []
        for shift in ((13.0, 7.0), (0.0, 0.0)):
            some = grid[rng.random(len(grid)) < 0.9]
            places = SourceList.of_positions(some + shift)
            lists.append(replace(places, brightness=rng.pareto(1.0, len(some))))
        with pytest.raises(ChanceOffsetError):
            match_artifacts((lists[0], lists[1]), fallback="triangles")


@pytest.mark.slow
def test_triangles_are_preferred_where_a_roll_leaves_the_histogram_few_pairs() -> None:
    stars = np.random.default_rng(15).uniform(-1000, 1000, (300, 2))
    angle = np.radians(0.25)
    turned = stars @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    few, all_of_them = (match(turned, stars, fallback=way) for way in ("brightest", "triangles"))
    assert few.overlay.way.startswith("histogram")
    assert 3 < len(few.image_index) < 30
    assert all_of_them.overlay.way == "triangles"
    assert np.array_equal(all_of_them.image_index, all_of_them.reference_index)
    assert len(all_of_them.image_index) == 300


@pytest.mark.slow
def test_mirrored_lists_are_matched_if_asked_for() -> None:
    stars = np.random.default_rng(13).uniform(0, 2000, (100, 2))
    image = stars * (-1.0, 1.0) + (2000.0, 3.0)
    assert len(match(image, stars, method="triangles", mirrored=True).image_index) == 100
    with pytest.raises(ChanceOffsetError):
        match(image, stars, method="triangles")
