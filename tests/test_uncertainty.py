"""Formal uncertainties against the scatter of simulated fits."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from fits_of_pairs import CENTER, FIELD, MATRICES, fit, make_truth, turn

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.fitting import LinearFit
from tweakreg_steps.matching.geometry import decompose, gradients
from tweakreg_steps.matching.linear_models import GEOMETRIES, MINIMUM_PAIRS, Geometry
from tweakreg_steps.matching.uncertainty import student_factors

RUNS = 300
FREE: dict[Geometry, tuple[str, ...]] = {
    "shift": (),
    "rshift": ("rotation",),
    "rscale": ("rotation", "scale"),
    "general": ("rotation", "rotation_x", "rotation_y", "scale", "scale_x", "scale_y", "skew"),
}
"""Numbers of the decomposition that a geometry fits; the others follow from them."""


def noise_of(kind: str, number: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return flux and true standard deviation of sources, in pixels."""
    flux = 300.0 * (1.0 + rng.pareto(1.0, number))
    noise = {
        "alike": np.full(number, 0.1),
        "photon": np.hypot(3.0 / np.sqrt(flux), 0.02),
    }[kind]
    return flux, noise


def numbers_of(found: LinearFit) -> list[float]:
    return [*found.shift, *found.matrix.ravel(), *(getattr(found, n) for n in FREE[found.geometry])]


def errors_of(found: LinearFit) -> list[float]:
    assert found.uncertainty
    told = found.uncertainty
    derived = (getattr(told.decomposition, name) for name in FREE[found.geometry])
    return [*told.shift, *told.matrix.ravel(), *derived]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("geometry", "weights", "kind", "sigma"),
    [
        *((geometry, "none", "alike", 3.0) for geometry in GEOMETRIES),
        ("shift", "none", "alike", 2.0),
        ("general", "none", "alike", 2.0),
        ("rscale", "none", "photon", 3.0),
        ("rscale", "flux", "alike", 3.0),
        ("general", "flux", "photon", 3.0),
        ("rshift", "errors", "photon", 3.0),
        ("general", "errors", "photon", 2.5),
    ],
)
def test_they_are_the_scatter_of_fits_within_a_fifth(
    geometry: Geometry, weights: str, kind: str, sigma: float
) -> None:
    rng = np.random.default_rng(7)
    numbers, errors = [], []
    for _ in range(RUNS):
        flux, noise = noise_of(kind, 40, rng)
        truth = make_truth(
            MATRICES[geometry], rng, number=40, noise=noise, flux=flux, error=3.0 / np.sqrt(flux)
        )
        found = fit(truth.pairs, fitgeometry=geometry, weights=weights, sigma=sigma)
        numbers.append(numbers_of(found))
        errors.append(errors_of(found))
    scatter = np.std(numbers, axis=0)
    told = np.sqrt(np.mean(np.square(errors), axis=0))
    fitted = scatter > 1e-12
    assert fitted.sum() == len(scatter) - (4 if geometry == "shift" else 0)
    assert np.all(told[~fitted] == 0.0)
    assert np.allclose(told[fitted] / scatter[fitted], 1.0, atol=0.2)


def test_scatter_that_grows_with_the_distance_is_seen_in_the_rotation() -> None:
    rng = np.random.default_rng(8)
    rotations, errors = [], []
    for _ in range(RUNS):
        truth = make_truth(np.eye(2), rng, number=60, noise=0.0)
        distance = np.linalg.norm(truth.pairs.reference - FIELD / 2, axis=1) / FIELD
        truth.pairs.image[:] += rng.normal(size=(60, 2)) * (0.6 * distance**2)[:, np.newaxis]
        found = fit(truth.pairs, nclip=0)
        assert found.uncertainty
        rotations.append(found.rotation)
        errors.append(found.uncertainty.decomposition.rotation)
    assert np.std(rotations) == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=0.2)


@pytest.mark.slow
def test_wrong_pairs_that_are_clipped_leave_no_trace() -> None:
    rng = np.random.default_rng(9)
    shifts, errors = [], []
    for _ in range(RUNS):
        found = fit(make_truth(np.eye(2), rng, number=80, noise=0.05, wrong=8).pairs, nclip=8)
        assert found.uncertainty
        shifts.append(found.shift)
        errors.append(found.uncertainty.shift)
    told = np.sqrt(np.mean(np.square(errors), axis=0))
    assert np.allclose(told / np.std(shifts, axis=0), 1.0, atol=0.2)


def test_the_error_anywhere_is_the_scatter_of_where_fits_put_sources() -> None:
    rng = np.random.default_rng(11)
    places = np.array([[0.0, 0.0], [FIELD / 2, 0.0], [-FIELD, FIELD / 3]])
    put, told = [], []
    for _ in range(RUNS):
        found = fit(make_truth(np.eye(2), rng, number=40, noise=0.1).pairs)
        assert found.uncertainty
        put.append(places @ found.matrix.T + found.shift)
        told.append(found.uncertainty.at(places))
    assert np.allclose(np.sqrt(np.mean(np.square(told), axis=0)) / np.std(put, axis=0), 1, atol=0.2)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_just_enough_pairs_tell_none(geometry: Geometry) -> None:
    rng = np.random.default_rng(10)
    least = MINIMUM_PAIRS[geometry]
    truth = make_truth(np.eye(2), rng, number=least, noise=0.1)
    left_over = 2 * least - {"shift": 2, "rshift": 3, "rscale": 4, "general": 6}[geometry]
    assert (fit(truth.pairs, fitgeometry=geometry).uncertainty is None) == (left_over == 0)


def test_the_covariance_tells_the_error_anywhere() -> None:
    rng = np.random.default_rng(11)
    there = np.array([200.0, 3500.0]) - CENTER
    gradient = np.array([*there, 0.0, 0.0, 1.0, 0.0])
    places, variances = [], []
    for _ in range(RUNS):
        found = fit(make_truth(turn(0.02), rng, number=30, noise=0.1).pairs)
        assert found.uncertainty
        places.append((found.matrix @ there + found.shift)[0])
        variances.append(gradient @ found.uncertainty.covariance @ gradient)
    assert np.std(places) == pytest.approx(np.sqrt(np.mean(variances)), rel=0.2)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_gradients_are_those_of_the_decomposition(mirror: float) -> None:
    matrix = turn(20.0, 1.2) @ np.array([[1.0, 0.1], [0.0, mirror]])
    step = 1e-6
    for i in range(4):
        change = np.zeros(4)
        change[i] = step
        up, down = (decompose(matrix + s * change.reshape(2, 2)) for s in (1.0, -1.0))
        for name, gradient in gradients(matrix).items():
            slope: Any = (getattr(up, name) - getattr(down, name)) / (2.0 * step)
            sign = mirror if name == "rotation" else 1.0
            assert gradient[i] == pytest.approx(sign * slope, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("number", [4, 5, 6, 8, 10, 12])
def test_few_pairs_do_not_claim_more_than_they_know(geometry: Geometry, number: int) -> None:
    rng = np.random.default_rng(number)
    pulls, at_pairs = [], []
    for _ in range(RUNS):
        truth = make_truth(MATRICES[geometry], rng, number=number, noise=0.1)
        found = fit(truth.pairs, fitgeometry=geometry, robust_start=True)
        assert found.uncertainty
        pulls.append((found.shift - truth.shift) / found.uncertainty.shift)
        kept = truth.pairs.reference[found.kept] - CENTER
        off = kept @ (found.matrix - truth.matrix).T + found.shift - truth.shift
        at_pairs.append(np.sqrt(np.mean(np.sum(off**2, axis=1))) / found.uncertainty.at_pairs)
    assert np.sqrt(np.mean(np.square(pulls))) < 1.25
    assert 0.8 < np.sqrt(np.mean(np.square(at_pairs))) < 1.25


def test_many_pairs_need_no_allowance() -> None:
    assert student_factors(np.array([1000.0, 30.0, 6.0])) == pytest.approx(
        [1.0, 1.04, 1.26], abs=0.01
    )


@pytest.mark.parametrize("n_right", [17, 23])
@pytest.mark.parametrize("geometry", ["shift", "rscale"])
def test_a_fit_that_throws_away_half_of_its_pairs_owns_to_it(
    geometry: Geometry, n_right: int
) -> None:
    """Whether the majority is right or not, the others agree on 0.3 pixels elsewhere."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        truth = make_truth(np.eye(2), rng, number=40, noise=0.02)
        truth.pairs.image[n_right:] += np.array([0.3, 0.0])
        found = fit(truth.pairs, fitgeometry=geometry, robust_start=True)
        if found.kept.sum() > 30:
            continue
        assert found.from_robust_start
        assert found.uncertainty
        assert found.uncertainty.at_pairs > 0.2
        assert found.uncertainty.shift[0] > 0.2


def test_pairs_by_chance_on_all_sides_do_not_widen_the_errors() -> None:
    pulls = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        truth = make_truth(np.eye(2), rng, number=60, noise=0.03, wrong=24)
        found = fit(truth.pairs, robust_start=True)
        assert found.uncertainty
        pulls.append(found.uncertainty.at_pairs)
    assert np.median(pulls) < 0.02


def test_the_memory_of_a_fit_grows_no_faster_than_its_pairs() -> None:
    rng = np.random.default_rng(5)

    def peak(number: int) -> int:
        truth = make_truth(MATRICES["general"], rng, number=number, noise=0.1)
        tracemalloc.start()
        try:
            fit(truth.pairs, fitgeometry="general")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # imports
    assert peak(8000) < 5 * peak(2000)
