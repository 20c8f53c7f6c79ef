"""Groups of near sources, against photutils."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_steps.psf.grouping import group_sources, near_pairs


def scattered(number: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.random.default_rng(1).uniform(0.0, 300.0, (2, number))
    return x, y


@pytest.mark.parametrize("number", [1, 2, 50, 800])
def test_groups_are_those_of_photutils(number: int) -> None:
    from photutils.psf import SourceGrouper

    x, y = scattered(number)
    ours = group_sources(x, y, distance=6.0, largest=number)
    theirs = SourceGrouper(6.0)(x, y) if number > 1 else np.ones(1)
    same = ours[:, None] == ours
    assert (same == (theirs[:, None] == theirs)).all()


@pytest.mark.slow
@pytest.mark.parametrize("largest", [1, 3, 6])
def test_no_group_is_too_large_and_its_members_were_linked(largest: int) -> None:
    x, y = scattered(2500)
    linked = group_sources(x, y, distance=6.0, largest=2500)
    groups = group_sources(x, y, distance=6.0, largest=largest)
    assert np.bincount(groups).max() <= largest
    for group in np.unique(groups):
        assert len(set(linked[groups == group])) == 1


def test_sources_at_one_place_are_divided_too() -> None:
    groups = group_sources(np.zeros(20), np.zeros(20), distance=3.0, largest=6)
    assert np.bincount(groups).max() <= 6


def test_pairs_are_in_both_orders() -> None:
    pairs = near_pairs(np.array([0.0, 1.0, 9.0]), np.zeros(3), 2.0)
    assert sorted(map(tuple, pairs.tolist())) == [(0, 1), (1, 0)]
