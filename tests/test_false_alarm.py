"""Probabilities of chance peaks."""

from __future__ import annotations

import pytest
from scipy import stats

from tweakreg_steps.matching.false_alarm import poisson_tail, scan_probability


@pytest.mark.parametrize("mean", [1e-3, 0.7, 10.0, 3e4])
@pytest.mark.parametrize("sigmas", [-3, -0.5, 0, 0.5, 3, 8])
def test_poisson_tail_is_that_of_scipy(mean: float, sigmas: float) -> None:
    count = max(0, round(mean + sigmas * mean**0.5))
    expected = stats.poisson.sf(count - 1, mean)
    assert poisson_tail(count, mean) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_poisson_tail_of_what_cannot_happen_is_zero() -> None:
    assert poisson_tail(3, 0.0) == 0.0
    assert poisson_tail(100_000, 1.0) == 0.0
    assert poisson_tail(0, 0.0) == 1.0


def test_more_windows_make_a_peak_likelier_by_chance() -> None:
    few = scan_probability(8, 1.0, n_windows=10, n_scales=1, dimensions=2)
    many = scan_probability(8, 1.0, n_windows=1000, n_scales=6, dimensions=2)
    assert 0 < few < many < 1


def test_a_window_that_is_not_moved_is_a_plain_poisson_test() -> None:
    found = scan_probability(8, 1.0, n_windows=1.0, n_scales=1, dimensions=0)
    assert found == pytest.approx(poisson_tail(8, 1.0), rel=1e-4)


def test_each_dimension_of_the_search_makes_a_peak_likelier_by_chance() -> None:
    by_dimension = [
        scan_probability(12, 1.0, n_windows=10, n_scales=1, dimensions=d) for d in (0, 2, 4)
    ]
    assert sorted(by_dimension) == by_dimension
    assert len(set(by_dimension)) == len(by_dimension)
