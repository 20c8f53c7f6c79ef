"""Fits of exact and noisy pairs, against the truth and against drizzlepac's stored results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.matching.fitting import LinearFit, fit_pairs
from tweakreg_steps.matching.geometry import wrap_degrees
from tweakreg_steps.matching.linear_models import GEOMETRIES, MINIMUM_PAIRS, Geometry
from tweakreg_steps.matching.pairs import MatchedPairs

PARITY = json.loads(
    Path(__file__).with_name("data").joinpath("fit_and_match_parity.json").read_text()
)
CENTER = np.array([2100.5, 1900.0])


def turn(degrees: float, scale: float = 1.0) -> FloatArray:
    angle = np.radians(degrees)
    sine, cosine = np.sin(angle), np.cos(angle)
    return scale * np.array([[cosine, sine], [-sine, cosine]])


def make_pairs(
    matrix: FloatArray, shift: FloatArray, *, number: int, noise: float = 0.0, seed: int = 1
) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    reference = rng.uniform(0, 4000, (number, 2))
    image = (reference - CENTER) @ matrix.T + CENTER + shift
    return image + rng.normal(0, noise, image.shape), reference


def fit(
    image: FloatArray,
    reference: FloatArray,
    fitgeometry: Geometry,
    nclip: int = 3,
    sigma: float = 3.0,
) -> LinearFit:
    return fit_pairs(
        MatchedPairs.of_positions(image, reference),
        center=CENTER,
        fitgeometry=fitgeometry,
        weights="none",
        robust_start=True,
        nclip=nclip,
        sigma=sigma,
    )


@given(
    geometry=st.sampled_from(GEOMETRIES),
    rotation=st.floats(-180, 180),
    scale=st.floats(0.5, 2),
    shear=st.floats(-0.2, 0.2),
    shift=st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
    number=st.integers(4, 30),
    seed=st.integers(0, 1000),
)
def test_an_exact_transformation_is_recovered_and_undone(
    geometry: Geometry,
    rotation: float,
    scale: float,
    shear: float,
    shift: tuple[float, float],
    number: int,
    seed: int,
) -> None:
    matrix = {
        "shift": np.eye(2),
        "rshift": turn(rotation),
        "rscale": turn(rotation, scale),
        "general": turn(rotation, scale) @ np.array([[1.0, shear], [0.0, 1.0]]),
    }[geometry]
    image, reference = make_pairs(matrix, np.array(shift), number=number, seed=seed)
    found = fit(image, reference, geometry)
    assert np.allclose(found.matrix, matrix, atol=1e-9)
    assert np.allclose(found.shift, shift, atol=1e-6)
    assert np.allclose(found.correct(image), reference, atol=1e-6)
    assert found.kept.all()
    if geometry in {"rshift", "rscale"}:
        assert wrap_degrees(found.rotation - rotation) == pytest.approx(0, abs=1e-7)
        assert found.scale == pytest.approx(scale if geometry == "rscale" else 1.0)


@pytest.mark.parametrize("case", PARITY["fits"])
def test_fit_and_clipping_are_those_of_drizzlepac(case: dict[str, Any]) -> None:
    found = fit_pairs(
        MatchedPairs.of_positions(case["image"], case["reference"]),
        weights="none",
        robust_start=True,
        **{name: case[name] for name in ("center", "fitgeometry", "nclip", "sigma")},
    )
    assert np.flatnonzero(found.kept).tolist() == case["kept"]
    assert np.allclose(found.matrix, case["matrix"], rtol=0, atol=1e-9)
    assert np.allclose(found.shift, case["shift"], rtol=0, atol=1e-6)
    assert np.allclose(found.rms, case["rms"], rtol=0, atol=1e-9)
    assert np.allclose([found.scale, found.scale_x, found.scale_y], case["scales"])
    for name in ("rotation", "rotation_x", "rotation_y"):
        assert wrap_degrees(getattr(found, name) - case[name]) == pytest.approx(0, abs=1e-9)


def test_a_rotation_just_under_a_full_turn_is_a_small_negative_one() -> None:
    found = fit(*make_pairs(turn(359.9999), np.zeros(2), number=20), "rscale")
    assert found.rotation == pytest.approx(-0.0001)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_residuals_are_image_minus_fit_and_rms_their_deviation(geometry: Geometry) -> None:
    image, reference = make_pairs(turn(0.01), np.array([1.0, 2.0]), number=50, noise=0.1)
    found = fit(image, reference, geometry, nclip=0)
    model = (reference - CENTER) @ found.matrix.T + found.shift + CENTER
    assert np.allclose(found.residuals, image - model, atol=1e-9)
    assert np.allclose(found.rms, found.residuals.std(axis=0))


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_no_other_transformation_of_the_kind_fits_better(geometry: Geometry) -> None:
    image, reference = make_pairs(turn(0.02, 1.001), np.ones(2), number=30, noise=0.2)
    found = fit(image, reference, geometry, nclip=0)
    least = np.sum(found.residuals**2)
    other_matrices = {
        "shift": [],
        "rshift": [turn(1e-4), turn(-1e-4)],
        "rscale": [turn(1e-4), turn(-1e-4), turn(0, 1 + 1e-6), turn(0, 1 - 1e-6)],
        "general": [np.eye(2) + np.array([[0, 1e-6], [0, 0]]), np.diag([1, 1 - 1e-6])],
    }[geometry]
    for matrix in (np.eye(2), *other_matrices):
        for shift in ([0.0, 0.0], [1e-3, 0.0], [0.0, -1e-3]):
            model = (reference - CENTER) @ (matrix @ found.matrix).T + found.shift + shift
            assert np.sum((image - CENTER - model) ** 2) >= least * (1 - 1e-9)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_large_coordinates_do_no_harm(geometry: Geometry) -> None:
    image, reference = make_pairs(turn(0.0), np.array([1.0, 2.0]), number=30, noise=0.1)
    near = fit(image, reference, geometry)
    far = fit_pairs(
        MatchedPairs.of_positions(image + 1e7, reference + 1e7),
        center=CENTER + 1e7,
        fitgeometry=geometry,
        weights="none",
        robust_start=True,
        nclip=3,
        sigma=3.0,
    )
    assert np.allclose(far.residuals, near.residuals, atol=1e-7)
    assert np.array_equal(far.kept, near.kept)


def test_wrong_pairs_are_clipped() -> None:
    image, reference = make_pairs(turn(0.01), np.array([1.0, 2.0]), number=100, noise=0.05)
    image[:10] += np.random.default_rng(2).uniform(0.8, 1, (10, 2))
    found = fit(image, reference, "rscale", nclip=5)
    assert not found.kept[:10].any()
    assert found.kept[10:].mean() > 0.9
    assert np.abs(found.shift - [1.0, 2.0]).max() < 0.03
    assert found.n_iterations >= 2


@pytest.mark.parametrize("nclip", [0, 1, 2, 3, 8])
def test_each_round_clips_further_and_nothing_comes_back(nclip: int) -> None:
    image, reference = make_pairs(np.eye(2), np.zeros(2), number=300, noise=0.1)
    image += np.random.default_rng(3).standard_t(2, image.shape) * 0.1
    kept = fit(image, reference, "general", nclip=nclip).kept
    after_one_more = fit(image, reference, "general", nclip=nclip + 1).kept
    assert np.all(kept | ~after_one_more)
    assert kept.all() == (nclip == 0)


def test_a_perfect_axis_is_not_clipped_and_does_not_save_the_other() -> None:
    image, reference = make_pairs(np.eye(2), np.array([3.0, 4.0]), number=50)
    image[:, 1] += np.random.default_rng(4).normal(0, 0.1, 50)
    image[7, 1] += 5.0
    assert np.flatnonzero(~fit(image, reference, "shift").kept).tolist() == [7]


def test_fewer_than_three_pairs_are_never_left_over() -> None:
    image, reference = make_pairs(np.eye(2), np.zeros(2), number=6, noise=1.0)
    assert fit(image, reference, "shift", sigma=0.01).kept.all()


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_least_number_of_pairs_is_fitted_exactly(geometry: Geometry) -> None:
    image, reference = make_pairs(
        np.eye(2), np.array([3.0, 4.0]), number=MINIMUM_PAIRS[geometry], seed=5
    )
    found = fit(image, reference, geometry)
    assert np.allclose(found.matrix, np.eye(2), atol=1e-9)
    assert np.allclose(found.shift, [3.0, 4.0])
    with pytest.raises(NotAlignedError, match="needs at least") as caught:
        fit(image[1:], reference[1:], geometry)
    assert caught.value.reason is Reason.SINGULAR_FIT


@pytest.mark.parametrize("geometry", ["rshift", "rscale", "general"])
@pytest.mark.parametrize("which", ["reference", "image", "both"])
def test_pairs_at_one_place_are_refused(geometry: Geometry, which: str) -> None:
    image, reference = make_pairs(np.eye(2), np.zeros(2), number=10)
    if which != "reference":
        image[:] = image[0]
    if which != "image":
        reference[:] = reference[0]
    with pytest.raises(NotAlignedError, match="one position") as caught:
        fit(image, reference, geometry)
    assert caught.value.reason is Reason.SINGULAR_FIT


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_pairs_on_a_line_give_a_rotation_but_no_general_fit(noise: float) -> None:
    rng = np.random.default_rng(6)
    along = rng.uniform(0, 4000, 20)
    reference = np.stack([along, 0.37 * along + 5], axis=1)
    image = (reference - CENTER) @ turn(0.02).T + CENTER
    image += rng.normal(0, noise, image.shape)
    reference += rng.normal(0, noise, image.shape)
    found = fit(image, reference, "rscale")
    assert found.rotation == pytest.approx(0.02, abs=2e-3)
    assert np.linalg.det(found.matrix) > 0
    with pytest.raises(NotAlignedError, match="on one line;") as caught:
        fit(image, reference, "general")
    assert caught.value.reason is Reason.SINGULAR_FIT


@pytest.mark.parametrize("geometry", ["rshift", "rscale", "general"])
def test_a_mirrored_image_is_recognised(geometry: Geometry) -> None:
    mirror = turn(12.0) @ np.diag([1.0, -1.0])
    found = fit(*make_pairs(mirror, np.ones(2), number=30, noise=0.1), geometry)
    assert np.allclose(found.matrix, mirror, atol=1e-3)
