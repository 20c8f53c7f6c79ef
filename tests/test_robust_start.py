"""Where the clipping begins: many wrong pairs, and none at all."""

from __future__ import annotations

import numpy as np
import pytest
from fits_of_pairs import MATRICES, fit, make_truth

from tweakreg_steps.matching.linear_models import GEOMETRIES, Geometry


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_third_of_the_pairs_all_wrong_to_one_side_do_not_mislead(geometry: Geometry) -> None:
    rng = np.random.default_rng(1)
    plain, robust = [], []
    for _ in range(20):
        truth = make_truth(
            MATRICES[geometry], rng, number=60, noise=0.03, wrong=20, wrong_center=0.5
        )
        found = [
            fit(truth.pairs, fitgeometry=geometry, robust_start=start) for start in (False, True)
        ]
        plain.append(truth.error(found[0]))
        robust.append(truth.error(found[1]))
    assert np.mean(plain) > 0.1
    assert np.mean(robust) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("number", [5, 15, 40])
def test_without_wrong_pairs_the_answer_is_tweakregs(geometry: Geometry, number: int) -> None:
    rng = np.random.default_rng(2)
    for _ in range(40):
        pairs = make_truth(MATRICES[geometry], rng, number=number, noise=0.1).pairs
        plain, robust = (
            fit(pairs, fitgeometry=geometry, robust_start=start) for start in (False, True)
        )
        assert not robust.from_robust_start
        assert np.array_equal(plain.matrix, robust.matrix)


def test_a_few_wrong_pairs_are_left_to_the_clip() -> None:
    rng = np.random.default_rng(3)
    truth = make_truth(np.eye(2), rng, number=100, noise=0.05, wrong=5)
    found = fit(truth.pairs, robust_start=True)
    assert not found.from_robust_start
    assert not found.kept[:5].any()


def test_without_clipping_there_is_nothing_to_start() -> None:
    rng = np.random.default_rng(4)
    truth = make_truth(np.eye(2), rng, number=60, noise=0.03, wrong=20, wrong_center=0.5)
    assert fit(truth.pairs, robust_start=True, nclip=0).kept.all()
    assert fit(truth.pairs, robust_start=True).from_robust_start
