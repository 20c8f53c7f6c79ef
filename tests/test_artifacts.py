"""Which sources are no part of the sky, by their places on the detector."""

from __future__ import annotations

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.artifacts import find_artifacts, find_detector_fixed, tiers
from tweakreg_steps.matching.source_list import SourceList

RNG = np.random.default_rng(1)
STARS = RNG.uniform(0, 2000, (60, 2))
DEFECTS = RNG.uniform(0, 2000, (200, 2))


def exposure(pointing: FloatArray, error: FloatArray, *, n_chips: int = 2) -> SourceList:
    """Stars and defects of an exposure whose header is in error; the defects are narrow."""
    pixel = np.concatenate([STARS - pointing, DEFECTS])
    chip = np.arange(len(pixel)) % n_chips + 1.0
    narrow = np.arange(len(pixel)) >= len(STARS)
    brightness = np.full(len(pixel), 100.0)
    detector = np.column_stack([chip, pixel])
    return SourceList(pixel + pointing + error, brightness, narrow, detector)


FIRST = exposure(np.zeros(2), np.zeros(2))
DITHERED = exposure(np.array([14.0, -9.0]), np.array([5.0, 3.0]))


def test_defects_are_fixed_and_stars_are_not() -> None:
    for fixed in find_detector_fixed(DITHERED, FIRST):
        assert not fixed[: len(STARS)].any()
        assert fixed[len(STARS) :].all()


def test_the_same_place_on_another_chip_is_another_place() -> None:
    one_chip = exposure(np.array([14.0, -9.0]), np.zeros(2), n_chips=1)
    other = exposure(np.zeros(2), np.zeros(2), n_chips=1)
    other.detector[:, 0] = 2.0
    assert not any(fixed.any() for fixed in find_detector_fixed(one_chip, other))


def test_where_the_sky_did_not_move_nothing_is_fixed() -> None:
    repeated = exposure(np.zeros(2), np.array([0.5, 1.0]))
    assert not any(fixed.any() for fixed in find_detector_fixed(repeated, FIRST))


def test_a_catalog_s_sources_have_no_place_on_a_detector() -> None:
    catalog = SourceList.of_positions(FIRST.xy)
    assert not any(fixed.any() for fixed in find_detector_fixed(DITHERED, catalog))


def test_first_those_above_suspicion_then_all_but_hot_pixels() -> None:
    image, reference = DITHERED, FIRST
    image.narrow[3] = True
    chosen = tiers(image, reference, find_artifacts(image, reference, narrow=True, fixed=True))
    stars = np.arange(len(STARS))
    assert [places.left_out for places in chosen] == ["either", "both"]
    assert np.array_equal(chosen[0].image, np.delete(stars, 3))
    assert np.array_equal(chosen[1].image, stars)
    assert np.array_equal(chosen[1].reference, stars)
    image.narrow[3] = False


def test_nothing_is_left_out_where_the_recipe_says_so() -> None:
    artifacts = find_artifacts(DITHERED, FIRST, narrow=False, fixed=False)
    (everything,) = tiers(DITHERED, FIRST, artifacts)
    assert len(everything.image) == len(DITHERED)


def test_sources_without_a_position_take_no_part() -> None:
    catalog = SourceList.of_positions(np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, np.inf]]))
    (places,) = tiers(catalog, catalog, find_artifacts(catalog, catalog, narrow=True, fixed=True))
    assert places.image.tolist() == [0]
