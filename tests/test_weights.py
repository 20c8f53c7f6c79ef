"""What pairs count: known errors, fluxes, and errors that tell nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fits_of_pairs import Truth, fit, make_truth

from tweakreg_steps.matching.pairs import MatchedPairs
from tweakreg_steps.matching.weights import expected_errors, weigh

RUNS = 60


def rms_error(truths: list[Truth], weights: str) -> float:
    return float(np.sqrt(np.mean([t.error(fit(t.pairs, weights=weights)) ** 2 for t in truths])))


def photon_truths(*, floor: float) -> list[Truth]:
    """Pairs with errors by their fluxes, and a floor of the same for all."""
    rng = np.random.default_rng(3)
    truths = []
    for _ in range(RUNS):
        flux = 300.0 * (1.0 + rng.pareto(1.0, 80))
        error = 3.0 / np.sqrt(flux)
        noise = np.hypot(error, floor)
        truths.append(make_truth(np.eye(2), rng, number=80, noise=noise, flux=flux, error=error))
    return truths


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["flux", "errors"])
def test_weights_make_a_fit_better_where_errors_differ(weights: str) -> None:
    truths = photon_truths(floor=0.01)
    assert rms_error(truths, weights) < 0.7 * rms_error(truths, "none")


@pytest.mark.parametrize("weights", ["flux", "errors"])
def test_they_do_no_harm_where_all_scatter_alike(weights: str) -> None:
    truths = photon_truths(floor=2.0)
    assert rms_error(truths, weights) < 1.05 * rms_error(truths, "none")


@pytest.mark.parametrize("weights", ["flux", "errors"])
def test_a_wrong_pair_with_a_bright_source_is_clipped(weights: str) -> None:
    rng = np.random.default_rng(4)
    flux = np.array([1e6, *np.full(60, 300.0)])
    error = 3.0 / np.sqrt(flux)
    truth = make_truth(np.eye(2), rng, number=61, noise=error, flux=flux, error=error)
    truth.pairs.image[0] += 0.9
    found = fit(truth.pairs, weights=weights)
    assert not found.kept[0]
    assert truth.error(found) < 0.1


def test_the_weighted_rms_is_what_the_pairs_that_count_scatter_by() -> None:
    rng = np.random.default_rng(6)
    error = np.repeat([0.002, 0.2], 400)
    truth = make_truth(np.eye(2), rng, number=800, noise=error, error=error)
    plain, weighted = (fit(truth.pairs, weights=weights) for weights in ("none", "errors"))
    assert weighted.rms == pytest.approx(0.2 / np.sqrt(2.0), rel=0.15)
    assert weighted.weighted_rms == pytest.approx(0.002 * np.sqrt(2.0), rel=0.15)
    np.testing.assert_allclose(plain.weighted_rms, plain.rms)


def test_all_alike_is_no_weight_at_all() -> None:
    rng = np.random.default_rng(5)
    truth = make_truth(np.eye(2), rng, number=50, noise=0.1, error=np.full(50, 0.1))
    plain, weighted = (fit(truth.pairs, weights=weights) for weights in ("none", "errors"))
    assert np.allclose(weighted.weights, 1.0)
    assert np.allclose(weighted.matrix, plain.matrix, atol=1e-12)
    assert np.array_equal(weighted.kept, plain.kept)


def test_a_factor_in_all_errors_does_not_matter() -> None:
    (truth,) = photon_truths(floor=0.02)[:1]
    scaled = replace(truth.pairs, error=truth.pairs.error * 1000.0)
    one, other = (fit(pairs, weights="errors") for pairs in (truth.pairs, scaled))
    assert np.allclose(one.weights, other.weights)
    assert np.allclose(one.shift, other.shift)


def test_the_errors_of_the_reference_are_added() -> None:
    pairs = with_errors(error=[3.0, 3.0, np.nan], reference_error=[4.0, np.nan, 4.0])
    assert expected_errors(pairs, "errors") == pytest.approx([5.0, 5.0, 5.0])
    without = with_errors(error=[3.0, 1.0, np.nan], reference_error=[np.nan] * 3)
    assert expected_errors(without, "errors") == pytest.approx([3.0, 1.0, 3.0])


def test_what_is_not_known_counts_least() -> None:
    pairs = replace(with_errors([1.0] * 4, [1.0] * 4), flux=np.array([4.0, 1.0, -1.0, np.nan]))
    assert expected_errors(pairs, "flux") == pytest.approx([0.5, 1.0, 1.0, 1.0])
    assert expected_errors(pairs, "none") is None
    unknown = replace(pairs, flux=np.full(4, np.nan))
    assert expected_errors(unknown, "flux") is None


@pytest.mark.parametrize("floor", [0.0, 0.1, 10.0])
def test_the_floor_is_found_in_the_residuals(floor: float) -> None:
    rng = np.random.default_rng(6)
    errors = np.geomspace(0.01, 1.0, 4000)
    residuals = rng.normal(size=(4000, 2)) * np.hypot(errors, floor)[:, np.newaxis]
    found = weigh(errors, residuals, np.ones(4000, dtype=bool))
    ratio = found[0] / found[-1]
    assert ratio == pytest.approx((1.0 + floor**2) / (1e-4 + floor**2), rel=0.4)


def with_errors(error: list[float], reference_error: list[float]) -> MatchedPairs:
    nothing = np.zeros((len(error), 2))
    pairs = MatchedPairs.of_positions(nothing, nothing)
    return replace(pairs, error=np.array(error), reference_error=np.array(reference_error))
