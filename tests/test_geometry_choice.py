"""``fitgeometry: auto`` against pairs made with each geometry."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from fits_of_pairs import MATRICES, fit, make_truth, turn

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.matching.held_out import held_out_residuals
from tweakreg_steps.matching.linear_models import GEOMETRIES, Geometry
from tweakreg_steps.matching.pairs import MatchedPairs


def choose(matrix: FloatArray, *, number: int, noise: float, runs: int) -> Counter[str]:
    rng = np.random.default_rng(1)
    return Counter(
        fit(make_truth(matrix, rng, number=number, noise=noise).pairs, fitgeometry="auto").geometry
        for _ in range(runs)
    )


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize(("number", "noise"), [(20, 0.02), (100, 0.1), (1000, 0.3)])
def test_the_geometry_that_made_the_pairs_is_chosen(
    geometry: Geometry, number: int, noise: float
) -> None:
    assert choose(MATRICES[geometry], number=number, noise=noise, runs=8)[geometry] >= 7


@pytest.mark.slow
@pytest.mark.parametrize("number", [6, 15, 60])
def test_noise_alone_asks_for_no_more(number: int) -> None:
    assert choose(np.eye(2), number=number, noise=0.1, runs=100)["shift"] >= 96


def test_what_the_noise_hides_is_not_fitted() -> None:
    hidden = choose(turn(1e-4), number=30, noise=0.3, runs=40)
    assert hidden["shift"] >= 36


def test_a_scale_without_a_rotation_is_found() -> None:
    assert choose(turn(0.0, 1.0002), number=40, noise=0.05, runs=10)["rscale"] >= 9


@pytest.mark.slow
def test_wrong_pairs_ask_for_no_more() -> None:
    rng = np.random.default_rng(2)
    chosen = [
        fit(
            make_truth(np.eye(2), rng, number=60, noise=0.05, wrong=10).pairs,
            fitgeometry="auto",
            robust_start=True,
        ).geometry
        for _ in range(30)
    ]
    assert chosen.count("shift") >= 28


@pytest.mark.parametrize("number", [1, 2, 3])
def test_too_few_pairs_get_a_shift(number: int) -> None:
    rng = np.random.default_rng(3)
    truth = make_truth(np.eye(2), rng, number=number, noise=0.1)
    assert fit(truth.pairs, fitgeometry="auto").geometry == "shift"


def test_pairs_at_one_place_get_a_shift_and_no_pairs_none() -> None:
    place = np.full((20, 2), 7.0) + np.random.default_rng(4).normal(0.0, 1e-9, (20, 2))
    assert fit(MatchedPairs.of_positions(place, place), fitgeometry="auto").geometry == "shift"
    with pytest.raises(NotAlignedError) as caught:
        fit(MatchedPairs.of_positions(place[:0], place[:0]), fitgeometry="auto")
    assert caught.value.reason is Reason.SINGULAR_FIT


def test_the_order_of_the_pairs_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    pairs = make_truth(turn(0.01), rng, number=47, noise=0.3).pairs
    order = rng.permutation(47)
    one, other = (
        held_out_residuals(
            pairs.image[places],
            pairs.reference[places],
            kept=np.ones(47, dtype=bool),
            weights=np.ones(47),
            geometry="rscale",
        )
        for places in (np.arange(47), order)
    )
    assert one is not None
    assert other is not None
    assert np.allclose(one[order], other, atol=1e-9)


def test_held_out_residuals_are_those_of_a_fit_without_the_pair() -> None:
    rng = np.random.default_rng(6)
    pairs = make_truth(turn(0.01), rng, number=8, noise=0.3).pairs
    found = held_out_residuals(
        pairs.image,
        pairs.reference,
        kept=np.ones(8, dtype=bool),
        weights=np.ones(8),
        geometry="general",
    )
    others = MatchedPairs.of_positions(pairs.image[1:], pairs.reference[1:])
    without = fit(others, fitgeometry="general", nclip=0)
    assert found is not None
    assert np.allclose(without.correct(pairs.image[:1] - found[:1]), pairs.reference[:1])
