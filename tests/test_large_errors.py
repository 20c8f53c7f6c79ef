"""Lists that are turned, scaled, mirrored and far apart, against the truth."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.large_errors import Recovery, recover_transformation
from tweakreg_steps.matching.similarity import Similarity
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.matching.triangles import make_triangles

SIDE = 3000.0
CORNERS = np.array([[0.0, 0.0], [SIDE, 0.0], [0.0, SIDE], [SIDE, SIDE]])


@dataclass(frozen=True)
class Views:
    """Two views of a sky that differ by a transformation."""

    image: SourceList
    reference: SourceList
    truth: Similarity

    def error_of(self, found: Recovery | None) -> float:
        """Largest error of the recovered transformation in the corners, in pixels."""
        assert found is not None
        image = CORNERS @ self.truth.matrix.T + self.truth.shift
        return float(np.hypot(*(found.similarity.to_reference(image) - CORNERS).T).max())


def make_views(
    *,
    rotation: float,
    scale: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
    mirrored: bool = False,
    n_stars: int = 200,
    n_junk: int = 0,
    seed: int = 1,
) -> Views:
    """Two fields, each without a fifth of its stars, with fluxes of two filters."""
    rng = np.random.default_rng(seed)
    sky = rng.uniform(-SIDE, 2 * SIDE, (9 * n_stars, 2))
    brightness = rng.pareto(1.5, len(sky))
    angle = np.radians(rotation)
    matrix = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    if mirrored:
        matrix = matrix @ np.diag([1.0, -1.0])
    middle = np.full(2, SIDE / 2)
    truth = Similarity(matrix, middle + shift - matrix @ middle)

    def view(xy: FloatArray, scatter: float) -> SourceList:
        seen = np.all((xy > 0) & (xy < SIDE), axis=1) & (rng.random(len(xy)) < 0.8)
        flux = brightness[seen] * rng.lognormal(0.0, scatter, seen.sum())
        junk = rng.uniform(0, SIDE, (n_junk, 2))
        places = xy[seen] + rng.normal(0, 0.1, (seen.sum(), 2))
        some = SourceList.of_positions(np.concatenate([places, junk]))
        return replace(some, brightness=np.concatenate([flux, rng.pareto(1.5, n_junk)]))

    image = view(sky @ truth.matrix.T + truth.shift, 0.3)
    return Views(image, view(sky, 0.0), truth)


def recover(views: Views, *, mirrored: bool = False) -> Recovery | None:
    return recover_transformation(
        views.image, views.reference, tolerance=1.0, mirrored=mirrored, max_false_alarm=1e-3
    )


@pytest.mark.slow
@given(
    rotation=st.floats(-180, 180),
    scale=st.floats(0.95, 1.05),
    along=st.floats(-0.5, 0.5),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25)
def test_any_turn_and_large_offsets_are_found(
    rotation: float, scale: float, along: float, seed: int
) -> None:
    shift = (along * SIDE, 0.2 * SIDE)
    views = make_views(rotation=rotation, scale=scale, shift=shift, seed=seed)
    found = recover(views)
    assert views.error_of(found) < 0.5
    assert found is not None
    assert found.false_alarm < 1e-3


def test_mirrored_lists_are_found_if_asked_for() -> None:
    views = make_views(rotation=77.0, scale=0.97, mirrored=True)
    assert views.error_of(recover(views, mirrored=True)) < 0.5
    found = recover(views)
    assert found is None or found.false_alarm > 1e-3


def test_lists_as_they_should_be_are_found_where_mirrored_ones_are_asked_for_too() -> None:
    views = make_views(rotation=77.0)
    assert views.error_of(recover(views, mirrored=True)) < 0.5


def test_junk_as_numerous_as_stars_does_not_hinder() -> None:
    views = make_views(rotation=-121.0, scale=1.02, n_junk=200)
    assert views.error_of(recover(views)) < 0.5


def test_ten_common_stars_are_enough() -> None:
    views = make_views(rotation=33.0, n_stars=16)
    assert 8 < len(views.image) < 20
    assert views.error_of(recover(views)) < 1.0


def test_without_brightness_all_sources_make_triangles() -> None:
    views = make_views(rotation=150.0, shift=(0.4 * SIDE, 0.0))
    unknown = replace(views.reference, brightness=np.full(len(views.reference), np.nan))
    assert views.error_of(recover(replace(views, reference=unknown))) < 0.5


def test_a_small_image_is_found_in_a_catalog_of_a_large_field() -> None:
    views = make_views(rotation=-66.0, n_stars=600)
    inner = np.all(np.abs(views.image.xy - SIDE / 2) < SIDE / 8, axis=1)
    assert views.error_of(recover(replace(views, image=views.image.choose(inner)))) < 2.0


def test_long_lists_without_brightness_are_matched_by_their_middles() -> None:
    views = make_views(rotation=-20.0, n_stars=20_000)
    image, reference = (SourceList.of_positions(v.xy) for v in (views.image, views.reference))
    plain = replace(views, image=image, reference=reference)
    tracemalloc.start()
    found = recover(plain)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert views.error_of(found) < 0.5
    assert peak < 3e8


def test_the_order_of_the_lists_does_not_matter() -> None:
    views = make_views(rotation=12.0)
    order = np.random.default_rng(3).permutation(len(views.image))
    one, other = recover(views), recover(replace(views, image=views.image.choose(order)))
    assert one is not None
    assert other is not None
    assert np.allclose(one.similarity.matrix, other.similarity.matrix, rtol=0, atol=1e-12)
    assert one.offset.evidence.n_cells == other.offset.evidence.n_cells


@pytest.mark.slow
@pytest.mark.parametrize("number", [3, 20, 300])
def test_unrelated_lists_are_not_significant(number: int) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        lists = [
            replace(
                SourceList.of_positions(rng.uniform(0, SIDE, (number, 2))),
                brightness=rng.pareto(1.5, number),
            )
            for _ in range(2)
        ]
        found = recover_transformation(*lists, tolerance=1.0, mirrored=True, max_false_alarm=1e-3)
        assert found is None or found.false_alarm > 0.01


@pytest.mark.slow
def test_sources_on_a_grid_agree_in_many_ways_and_none_is_believed() -> None:
    rng = np.random.default_rng(6)
    grid = np.stack(np.meshgrid(60.0 * np.arange(30), 60.0 * np.arange(30)), axis=-1)
    lists = [
        SourceList.of_positions(grid.reshape(-1, 2) + rng.normal(0, 0.1, (900, 2)))
        for _ in range(2)
    ]
    found = recover_transformation(*lists, tolerance=1.0, mirrored=False, max_false_alarm=1e-3)
    assert found is None or found.false_alarm > 0.01


@pytest.mark.slow
def test_pieces_around_one_source_are_no_transformation() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        pieces = np.repeat(rng.uniform(0, 300, (4, 2)), 12, axis=0)
        image = SourceList.of_positions(pieces + rng.normal(0, 2.0, pieces.shape))
        reference = SourceList.of_positions(rng.uniform(0, 300, (6, 2)))
        found = recover_transformation(
            image, reference, tolerance=1.0, mirrored=False, max_false_alarm=1e-3
        )
        assert found is None or abs(np.log(found.similarity.scale)) < 0.08


@pytest.mark.parametrize("number", [0, 1, 2])
def test_too_few_sources_make_no_triangles(number: int) -> None:
    few = SourceList.of_positions(CORNERS[:number])
    assert (
        recover_transformation(few, few, tolerance=1.0, mirrored=False, max_false_alarm=1e-3)
        is None
    )


@pytest.mark.parametrize("number", [40, 300, 3000])
def test_the_number_of_triangles_is_bounded(number: int) -> None:
    made = make_triangles(np.random.default_rng(2).uniform(0, SIDE, (number, 2)))
    assert number < len(made.vertices) < 25_000


def test_corners_of_a_triangle_are_told_apart_by_the_sides() -> None:
    corners = np.array([[0.0, 0.0], [30.0, 0.0], [0.0, 20.0]])
    made = make_triangles(corners)
    assert made.vertices.tolist() == [[0, 2, 1]]
    assert made.handedness.tolist() == [-1.0]
    assert np.allclose(made.shape, np.array([[30.0, 20.0]]) / np.hypot(30.0, 20.0))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_similarity_fits_exact_pairs_exactly(*, mirrored: bool) -> None:
    truth = make_views(rotation=41.0, scale=1.03, shift=(5.0, -7.0), mirrored=mirrored).truth
    image = CORNERS @ truth.matrix.T + truth.shift
    found = Similarity.fit(image, CORNERS, mirrored=mirrored)
    assert np.allclose(found.matrix, truth.matrix)
    assert np.allclose(found.shift, truth.shift)
    assert found.mirrored == mirrored
    assert found.scale == pytest.approx(1.03)
    assert np.allclose(found.to_reference(image), CORNERS)
