"""The offset of two lists against the truth."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.matching import offset as offset_module
from tweakreg_steps.matching.neighbours import FloatArray
from tweakreg_steps.matching.offset import estimate_offset

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
    assert found.n_peak == 1
    assert found.probability > 0.9
    apart = image[:, None] - reference - (found.dx, found.dy)
    assert np.hypot(*apart.reshape(-1, 2).T).min() < 1e-9


def test_repeated_sources_count_once() -> None:
    image, reference = make_lists((5.0, 6.0), n_common=40, noise=0.0)
    found = estimate_offset(
        np.repeat(image, 5, axis=0), np.repeat(reference, 3, axis=0), searchrad=50.0, tolerance=1.0
    )
    assert found.n_peak == 40
    assert found.dx == pytest.approx(5.0)


def test_the_order_of_the_lists_does_not_matter() -> None:
    rng = np.random.default_rng(7)
    image, reference = make_lists((5.0, 6.0), n_common=200, n_image=300, n_reference=100)
    found = estimate_offset(image, reference, searchrad=50.0, tolerance=1.0)
    again = estimate_offset(
        rng.permutation(image), rng.permutation(reference), searchrad=50.0, tolerance=1.0
    )
    assert (found.dx, found.dy, found.n_peak) == (again.dx, again.dy, again.n_peak)


def test_the_histogram_is_that_of_all_separations() -> None:
    image, reference = make_lists((5.0, 6.0), n_common=100, n_image=200, n_reference=300)
    found = estimate_offset(image, reference, searchrad=40.0, tolerance=1.0)
    apart = (image[:, None] - reference).reshape(-1, 2)
    expected, _, _ = np.histogram2d(apart[:, 1], apart[:, 0], [found.y_edges, found.x_edges])
    assert np.array_equal(found.histogram, expected)
    assert found.x_edges[-1] >= 40.0
    assert found.x_edges[[0, -1]].sum() == 0.0
    assert found.n_pairs == expected.sum()


def test_a_wide_search_has_a_histogram_of_bounded_size() -> None:
    image, reference = make_lists((1700.0, -900.0), n_common=300, n_image=300)
    found = estimate_offset(image, reference, searchrad=4000.0, tolerance=1.0)
    assert np.hypot(found.dx - 1700.0, found.dy + 900.0) < 0.1
    assert found.histogram.shape == (1001, 1001)


def test_a_sample_of_the_image_s_sources_does_where_pairs_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offset_module, "MAX_PAIRS", 3000)
    image, reference = make_lists((5.0, 6.0), n_common=4000)
    found = estimate_offset(image, reference, searchrad=50.0, tolerance=1.0)
    assert np.hypot(found.dx - 5.0, found.dy - 6.0) < 0.1
    assert found.sampling > 1
    assert found.n_pairs < 4000


def test_sources_without_a_position_are_left_out() -> None:
    image, reference = make_lists((5.0, 6.0), n_common=50)
    image[3], reference[4, 1] = np.nan, np.inf
    assert error_of(image, reference, (5.0, 6.0)) < 0.1


@pytest.mark.parametrize(
    ("image", "reference"),
    [(np.zeros((3, 2)), np.full((3, 2), 500.0)), (np.empty((0, 2)), np.zeros((2, 2)))],
)
def test_no_pair_within_the_radius_is_no_overlap(image: FloatArray, reference: FloatArray) -> None:
    with pytest.raises(NotAlignedError, match="within the search radius of 50 pixels") as caught:
        estimate_offset(image, reference, searchrad=50.0, tolerance=1.0)
    assert caught.value.reason is Reason.NO_OVERLAP


def test_unrelated_lists_do_not_seem_significant() -> None:
    probabilities = []
    for seed in range(60):
        image, reference = make_lists(
            (0.0, 0.0), n_common=0, n_image=1000, n_reference=1000, seed=seed
        )
        found = estimate_offset(image, reference, searchrad=50.0, tolerance=1.0)
        probabilities.append(found.probability)
    assert min(probabilities) > 0.01


def test_a_real_offset_is_significant_and_its_background_known() -> None:
    image, reference = make_lists((9.0, 9.0), n_common=20, n_image=2000, n_reference=2000)
    found = estimate_offset(image, reference, searchrad=50.0, tolerance=1.0)
    density = 2020**2 / SIDE**2
    assert found.probability < 1e-6
    assert found.background == pytest.approx(density * np.pi * found.radius**2, rel=0.5)
