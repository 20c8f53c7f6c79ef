"""The offset of two lists against the truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.matching import offset as offset_module
from tweakreg_steps.matching.neighbours import (
    PointTable,
)
from tweakreg_steps.matching.offset import count_separations, estimate_offset, weigh_offset

SIDE = 4096.0


def make_lists(
    shift: tuple[float, float],
    *,
    n_common: int,
    n_image: int = 0,
    n_reference: int = 0,
    roll: float = 0.0,
    noise: float = 0.1,
    seed: int = 1,
) -> tuple[FloatArray, FloatArray]:
    """Stars in both lists, turned by ``roll`` degrees and shifted, among unrelated sources."""
    rng = np.random.default_rng(seed)
    stars = rng.uniform(0, SIDE, (n_common, 2))
    sine, cosine = np.sin(np.radians(roll)), np.cos(np.radians(roll))
    turned = (stars - SIDE / 2) @ np.array([[cosine, -sine], [sine, cosine]]) + SIDE / 2
    image = turned + shift + rng.normal(0, noise, stars.shape)
    reference = stars + rng.normal(0, noise, stars.shape)
    return (
        np.concatenate([image, rng.uniform(0, SIDE, (n_image, 2))]),
        np.concatenate([reference, rng.uniform(0, SIDE, (n_reference, 2))]),
    )


def error_of(image: FloatArray, reference: FloatArray, shift: tuple[float, float]) -> float:
    found = estimate_offset(image, reference, searchrad=50.0, tolerance=1.0)
    return float(np.hypot(found.dx - shift[0], found.dy - shift[1]))


@pytest.mark.parametrize(
    "shift",
    [(0, 0), (0.25, -0.25), (0.5, 0.5), (12.3, -41.7), (50, 50), (-50, 50), (0, -50), (50.4, 3)],
)
def test_a_dense_list_has_no_bias_at_any_offset(shift: tuple[float, float]) -> None:
    image, reference = make_lists(shift, n_common=3000, n_image=500, n_reference=2000)
    assert error_of(image, reference, shift) < 0.02


@given(
    seed=st.integers(0, 10_000),
    shift=st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
    step=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
@settings(max_examples=40)
def test_ties_and_plateaus_of_rounded_positions_have_no_bias(
    seed: int, shift: tuple[float, float], step: float
) -> None:
    lists = make_lists(shift, n_common=2000, n_image=500, n_reference=1000, seed=seed)
    if step:
        lists = np.round(lists[0] / step) * step, np.round(lists[1] / step) * step
    assert error_of(*lists, shift) < 0.1


def test_exact_pairs_give_the_exact_offset_between_two_bins() -> None:
    image, reference = make_lists((7.25, -3.75), n_common=100, noise=0.0)
    assert error_of(image, reference, (7.25, -3.75)) < 1e-9


@pytest.mark.parametrize("roll", [0.01, 0.02, -0.05])
def test_a_roll_smears_the_peak_but_does_not_move_it(roll: float) -> None:
    image, reference = make_lists(
        (20.0, -9.0), n_common=1000, n_image=2000, n_reference=1000, roll=roll
    )
    assert error_of(image, reference, (20.0, -9.0)) < 0.1


def test_sixty_stars_are_found_among_thousands_of_cosmic_rays() -> None:
    image, reference = make_lists((-31.2, 8.4), n_common=60, n_image=7500, n_reference=7500)
    assert error_of(image, reference, (-31.2, 8.4)) < 0.2


def test_sources_on_a_grid_give_the_offset_that_most_of_them_share() -> None:
    rng = np.random.default_rng(4)
    grid = np.stack(np.meshgrid(40.0 * np.arange(20), 40.0 * np.arange(20)), axis=-1)
    grid = grid.reshape(-1, 2)
    for _ in range(10):
        shift = tuple(rng.uniform(-45, 45, 2))
        image = grid + shift + rng.normal(0, 0.1, grid.shape)
        assert error_of(image, grid + rng.normal(0, 0.1, grid.shape), shift) < 0.1


def test_an_offset_on_a_grid_has_rivals() -> None:
    grid = np.stack(np.meshgrid(*2 * [np.arange(20) * 40.0]), axis=-1).reshape(-1, 2)
    scattered = grid + np.random.default_rng(4).normal(0, 6.0, grid.shape)
    for stars, has_rival in ((grid, True), (scattered, False)):
        found = estimate_offset(stars + np.array([9.0, 4.0]), stars, searchrad=50.0, tolerance=1.0)
        assert found.has_rival == has_rival


def test_a_cluster_s_own_hill_of_pairs_is_not_the_peak() -> None:
    rng = np.random.default_rng(5)
    stars = rng.normal(2000, 150, (6000, 2))
    image = np.concatenate([stars[:200] + np.array([30.0, -22.0]), stars[200:3000]])
    reference = np.concatenate([stars[:200], stars[3000:]])
    assert error_of(image, reference, (30.0, -22.0)) < 0.1


@pytest.mark.parametrize("n_image", [1, 2, 3])
@pytest.mark.parametrize("n_reference", [1, 2, 3])
def test_a_few_unrelated_sources_give_an_offset_that_is_no_evidence(
    n_image: int, n_reference: int
) -> None:
    rng = np.random.default_rng(6)
    image, reference = (rng.uniform(0, 50, (n, 2)) for n in (n_image, n_reference))
    found = estimate_offset(image, reference, searchrad=60.0, tolerance=1.0)
    assert found.evidence.n_pairs == 1
    assert found.evidence.probability > 0.9
    apart = image[:, None] - reference - (found.dx, found.dy)
    assert np.hypot(*apart.reshape(-1, 2).T).min() < 1e-9


def test_repeated_sources_count_once() -> None:
    image, reference = make_lists((5.0, 6.0), n_common=40, noise=0.0)
    found = estimate_offset(
        np.repeat(image, 5, axis=0), np.repeat(reference, 3, axis=0), searchrad=50.0, tolerance=1.0
    )
    assert found.evidence.n_pairs == 40
    assert found.dx == pytest.approx(5.0)


def test_the_order_of_the_lists_does_not_matter() -> None:
    rng = np.random.default_rng(7)
    image, reference = make_lists((5.0, 6.0), n_common=200, n_image=300, n_reference=100)
    found = estimate_offset(image, reference, searchrad=50.0, tolerance=1.0)
    again = estimate_offset(
        rng.permutation(image), rng.permutation(reference), searchrad=50.0, tolerance=1.0
    )
    assert (found.dx, found.dy, found.evidence.n_pairs) == (
        again.dx,
        again.dy,
        again.evidence.n_pairs,
    )


def test_the_histogram_is_that_of_all_separations() -> None:
    image, reference = make_lists((5.0, 6.0), n_common=100, n_image=200, n_reference=300)
    found = count_separations(image, reference, searchrad=40.0, tolerance=1.0)
    apart = (image[:, None] - reference).reshape(-1, 2)
    expected = np.histogram2d(apart[:, 1], apart[:, 0], [found.edges, found.edges])[0]
    assert np.array_equal(found.counts, expected)
    assert found.edges[-1] >= 40.0
    assert found.edges[[0, -1]].sum() == 0.0


def test_a_wide_search_has_a_histogram_of_bounded_size() -> None:
    image, reference = make_lists((1700.0, -900.0), n_common=300, n_image=300)
    found = estimate_offset(image, reference, searchrad=4000.0, tolerance=1.0)
    assert np.hypot(found.dx - 1700.0, found.dy + 900.0) < 0.1
    counted = count_separations(image, reference, searchrad=4000.0, tolerance=1.0)
    assert counted.counts.shape == (1001, 1001)


def test_a_sample_of_the_image_s_sources_does_where_pairs_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offset_module, "MAX_PAIRS", 3000)
    image, reference = make_lists((5.0, 6.0), n_common=4000)
    found = estimate_offset(image, reference, searchrad=50.0, tolerance=1.0)
    assert np.hypot(found.dx - 5.0, found.dy - 6.0) < 0.1
    counted = count_separations(image, reference, searchrad=50.0, tolerance=1.0)
    assert 500 < counted.counts.sum() < 4000


def test_sources_without_a_position_are_left_out() -> None:
    image, reference = make_lists((5.0, 6.0), n_common=50)
    image[3], reference[4, 1] = np.nan, np.inf
    assert error_of(image, reference, (5.0, 6.0)) < 0.1


def test_sources_far_away_do_no_harm() -> None:
    image, reference = make_lists((5.0, 6.0), n_common=50)
    image[:2], reference[2:4] = [[1e14, -1e13], [3.0, 1e12]], [[-1e15, 7.0], [1e300, 1e300]]
    assert error_of(image, reference, (5.0, 6.0)) < 0.1


@pytest.mark.parametrize(
    ("image", "reference"),
    [(np.zeros((3, 2)), np.full((3, 2), 500.0)), (np.empty((0, 2)), np.zeros((2, 2)))],
)
def test_no_pair_within_the_radius_is_no_overlap(image: FloatArray, reference: FloatArray) -> None:
    with pytest.raises(NotAlignedError, match="within the search radius of 50 pixels") as caught:
        estimate_offset(image, reference, searchrad=50.0, tolerance=1.0)
    assert caught.value.reason is Reason.NO_OVERLAP


def make_clumps(rng: np.random.Generator, n_clumps: int, each: int, size: float) -> FloatArray:
    """Clumps of sources: pieces of cosmic rays, wings of saturated stars, clusters of galaxies."""
    centers = np.repeat(rng.uniform(0, 1000, (n_clumps, 2)), each, axis=0)
    return centers + rng.normal(0, size, centers.shape)


def chance_of(image: FloatArray, reference: FloatArray) -> float:
    """Probability of the best offset by chance."""
    try:
        found = estimate_offset(image, reference, searchrad=50.0, tolerance=1.0)
    except NotAlignedError:
        return 1.0
    return found.evidence.probability


UNRELATED: dict[str, Callable[[np.random.Generator], FloatArray]] = {
    "few": lambda rng: rng.uniform(0, 1000, (20, 2)),
    "many": lambda rng: rng.uniform(0, 1000, (500, 2)),
    "a cluster": lambda rng: rng.normal(500, 100, (600, 2)),
    "pieces of cosmic rays": lambda rng: make_clumps(rng, 150, 3, 1.0),
    "wings of saturated stars": lambda rng: make_clumps(rng, 5, 60, 4.0),
    "groups": lambda rng: make_clumps(rng, 40, 10, 12.0),
    "loose groups": lambda rng: make_clumps(rng, 20, 20, 40.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", UNRELATED)
def test_unrelated_lists_do_not_seem_significant(kind: str) -> None:
    make, number = UNRELATED[kind], 40
    probabilities = []
    for seed in range(number):
        rng = np.random.default_rng(seed)
        probabilities.append(chance_of(make(rng), make(rng)))
    for limit in (0.3, 0.1, 0.01):
        # an upper limit: at most as many as a binomial number with p = limit would have
        allowed = stats.binom.isf(0.001, number, limit)
        assert np.sum(np.array(probabilities) < limit) <= allowed
    assert min(probabilities) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["many", "pieces of cosmic rays", "groups"])
def test_a_given_offset_of_unrelated_lists_does_not_seem_significant(kind: str) -> None:
    make, number = UNRELATED[kind], 200
    probabilities = []
    for seed in range(number):
        rng = np.random.default_rng(seed)
        tables = PointTable.build(make(rng)), PointTable.build(make(rng))
        found = weigh_offset(*tables, offset=(3.0, -4.0), tolerance=1.0)
        probabilities.append(found.evidence.probability)
    for limit in (0.3, 0.1, 0.01):
        allowed = stats.binom.isf(0.001, number, limit)
        assert np.sum(np.array(probabilities) < limit) <= allowed


def test_a_given_offset_is_judged_where_it_is() -> None:
    tables = [PointTable.build(xy) for xy in make_lists((3.0, -4.0), n_common=20, n_image=300)]
    right = weigh_offset(*tables, offset=(3.0, -4.0), tolerance=1.0)
    wrong = weigh_offset(*tables, offset=(-20.0, 9.0), tolerance=1.0)
    assert right.evidence.probability < 1e-20
    assert wrong.evidence.probability > 0.01
    assert (right.dx, right.dy) == (3.0, -4.0)


@pytest.mark.parametrize("kind", ["pieces of cosmic rays", "wings of saturated stars"])
def test_clumps_do_not_hide_the_offset(kind: str) -> None:
    rng = np.random.default_rng(8)
    stars = rng.uniform(0, 1000, (30, 2))
    image = np.concatenate([UNRELATED[kind](rng), stars + np.array([21.0, -13.0])])
    reference = np.concatenate([UNRELATED[kind](rng), stars])
    assert error_of(image, reference, (21.0, -13.0)) < 0.1
    assert chance_of(image, reference) < 1e-6


def test_a_real_offset_is_significant_and_its_background_known() -> None:
    image, reference = make_lists((9.0, 9.0), n_common=20, n_image=2000, n_reference=2000)
    found = estimate_offset(image, reference, searchrad=50.0, tolerance=1.0)
    density = 2020**2 / SIDE**2
    assert found.evidence.probability < 1e-6
    assert found.evidence.pairs_by_chance == pytest.approx(
        density * np.pi * found.radius**2, rel=0.5
    )
