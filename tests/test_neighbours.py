"""Neighbour searches against brute force."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching import neighbours
from tweakreg_steps.matching.neighbours import (
    PointTable,
    Shape,
    estimate_pair_count,
    find_nearest,
    iter_pairs,
)

NO_SHIFT = (0.0, 0.0)


def make_list(kind: str, rng: np.random.Generator) -> FloatArray:
    xy = rng.uniform(0, 100, (int(rng.integers(0, 60)), 2))
    if kind == "grid":
        return np.round(xy / 5) * 5
    if kind == "line":
        xy[:, 0] = 3.0
    if kind == "outliers":
        xy[:2] = [1e14, -1e13]
        xy[-2:] = [1e12, 3.0]
    if kind == "not finite":
        xy[:1] = np.nan
        xy[-1:, 0] = np.inf
    return xy


def brute_pairs(
    first: FloatArray, second: FloatArray, radius: float, shape: Shape
) -> set[tuple[int, int]]:
    with np.errstate(invalid="ignore"):
        apart = first[:, None] - second[None]
        square = np.all(np.abs(apart) <= radius, axis=2)
        circle = np.sum(apart**2, axis=2) <= radius**2
    return {(int(i), int(j)) for i, j in np.argwhere(circle if shape == "circle" else square)}


@pytest.mark.parametrize("shape", ["circle", "square"])
@pytest.mark.parametrize("kind", ["uniform", "grid", "line", "outliers", "not finite"])
@pytest.mark.parametrize("piece", [1, 1 << 14])
def test_pairs_are_those_of_brute_force_each_once(
    kind: str, shape: Shape, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    monkeypatch.setattr(neighbours, "PIECE", piece)
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    for radius in (0.0, 1.0, 5.0, 10.0, 1000.0):
        first, second = make_list(kind, rng), make_list(kind, rng)
        tables = PointTable.build(first), PointTable.build(second)
        found = [
            (int(i), int(j))
            for pairs in iter_pairs(*tables, shift=NO_SHIFT, radius=radius, shape=shape)
            for i, j in zip(
                tables[0].index[pairs.first], tables[1].index[pairs.second], strict=True
            )
        ]
        assert len(found) == len(set(found))
        assert set(found) == brute_pairs(first, second, radius, shape)


def test_separations_are_first_minus_shift_minus_second() -> None:
    first, second = PointTable.build(np.array([[7.0, 9.0]])), PointTable.build(np.zeros((1, 2)))
    (pairs,) = iter_pairs(first, second, shift=(6.0, 10.0), radius=2.0, shape="circle")
    assert [*pairs.dx, *pairs.dy] == [1.0, -1.0]


def test_memory_does_not_grow_with_the_number_of_pairs() -> None:
    table = PointTable.build(np.random.default_rng(2).uniform(0, 10, (3000, 2)))
    tracemalloc.start()
    pieces = iter_pairs(table, table, shift=NO_SHIFT, radius=20.0, shape="square")
    n_pairs = sum(len(pairs.first) for pairs in pieces)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_pairs == 9_000_000
    assert peak < 10e6  # one array of all of them has 72e6


def test_nearest_is_that_of_brute_force() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.uniform(0, 100, (300, 2)), rng.uniform(0, 100, (200, 2))
    tables = PointTable.build(first), PointTable.build(second)
    nearest = find_nearest(*tables, shift=(2.0, -1.0), radius=4.0)
    apart = np.hypot(*np.moveaxis(first[tables[0].index, None] - [2.0, -1.0] - second, 2, 0))
    has_one = apart.min(axis=1) <= 4.0
    assert np.array_equal(nearest.second >= 0, has_one)
    assert np.allclose(nearest.distance[has_one], apart.min(axis=1)[has_one])
    found = tables[1].index[nearest.second[has_one]]
    assert np.array_equal(found, apart.argmin(axis=1)[has_one])


def test_a_table_does_not_depend_on_the_order_of_its_list() -> None:
    rng = np.random.default_rng(4)
    xy = np.round(rng.uniform(0, 100, (200, 2)))
    table, shuffled = PointTable.build(xy), PointTable.build(rng.permutation(xy))
    assert np.array_equal(table.x, shuffled.x)
    assert np.array_equal(table.y, shuffled.y)
    assert np.array_equal(np.stack([table.x, table.y], axis=1), xy[table.index])


def test_distinct_keeps_each_position_once() -> None:
    xy = np.random.default_rng(5).uniform(0, 100, (50, 2))
    table = PointTable.build(np.concatenate([xy, xy, xy[:7]])).distinct()
    assert sorted(table.index.tolist()) == list(range(50))


@pytest.mark.parametrize("size", [300, 20_000])
def test_the_number_of_pairs_is_estimated_from_a_sample(size: int) -> None:
    rng = np.random.default_rng(6)
    tables = [PointTable.build(rng.uniform(0, 1000, (size, 2))) for _ in range(2)]
    pieces = iter_pairs(*tables, shift=NO_SHIFT, radius=20.0, shape="square")
    n_pairs = sum(len(pairs.first) for pairs in pieces)
    estimate = estimate_pair_count(*tables, radius=20.0)
    assert estimate == pytest.approx(n_pairs, rel=1e-12 if size == 300 else 0.1)
