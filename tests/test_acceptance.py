"""Gates, and that a fit must be better than the WCS that is there."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from fits_of_pairs import FIELD, SHIFT, fit, make_truth, turn

from tweakreg_steps.errors import REASON_TEXTS, Reason
from tweakreg_steps.matching.acceptance import (
    Judgement,
    compare_with_present,
    judge_fit,
    keep_present,
)
from tweakreg_steps.matching.coverage import hull_area
from tweakreg_steps.matching.fitting import LinearFit
from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.matching.pairs import MatchedPairs

PIXEL = 0.05  # arcsec
OPEN: dict[str, Any] = {
    "min_matches": None,
    "max_rms": None,
    "max_error": None,
    "max_shift": None,
    "max_rotation": None,
    "max_scale": None,
    "min_coverage": None,
    "never_worse": True,
}


def judge(found: LinearFit, pairs: MatchedPairs, **gates: float | None) -> Judgement:
    return judge_fit(
        found,
        pairs,
        comparison=compare_with_present(found, pairs),
        pixel_scale=PIXEL,
        rms_sky=found.rms * PIXEL * 1000.0,
        field_area=FIELD**2,
        **(OPEN | gates),
    )


def half_turned() -> MatchedPairs:
    """Forty pairs on the left half of the field, half a degree turned, of a scale of 1.01."""
    truth = make_truth(turn(0.5, 1.01), np.random.default_rng(1), number=80, noise=0.1)
    left = truth.pairs.reference[:, 0] < FIELD / 2
    return MatchedPairs.of_positions(truth.pairs.image[left], truth.pairs.reference[left])


@pytest.mark.parametrize(
    ("gate", "passed", "failed", "reason"),
    [
        ("min_matches", 20, 60, Reason.FEW_KEPT),
        ("max_rms", 8.0, 3.0, Reason.LARGE_RMS),
        ("max_error", 3.0, 1.0, Reason.LARGE_ERROR),
        ("max_shift", 2.5, 1.0, Reason.LARGE_SHIFT),
        ("max_rotation", 0.51, 0.49, Reason.LARGE_ROTATION),
        ("max_scale", 0.011, 0.009, Reason.LARGE_SCALE),
        ("min_coverage", 0.3, 0.6, Reason.SMALL_COVERAGE),
    ],
)
def test_each_gate_opens_and_closes(
    gate: str, passed: float, failed: float, reason: Reason
) -> None:
    pairs = half_turned()
    found = fit(pairs)
    assert judge(found, pairs, **{gate: passed}).failures == ()
    ((code, text),) = judge(found, pairs, **{gate: failed}).failures
    assert code is reason
    assert text.endswith(f"acceptance.{gate}: {failed}")
    assert reason in REASON_TEXTS


def test_all_closed_gates_are_told_the_first_being_the_reason() -> None:
    pairs = half_turned()
    judgement = judge(fit(pairs), pairs, min_matches=60, max_rotation=0.1, min_coverage=0.9)
    assert [reason for reason, _ in judgement.failures] == [
        Reason.FEW_KEPT,
        Reason.LARGE_ROTATION,
        Reason.SMALL_COVERAGE,
    ]
    assert judgement.as_record()["failed"] == ["few_kept", "large_rotation", "small_coverage"]


def test_the_correction_is_measured_where_the_sources_are() -> None:
    truth = make_truth(turn(0.02), np.random.default_rng(2), number=50, noise=0.0)
    moves = np.linalg.norm(truth.pairs.image - truth.pairs.reference, axis=1)
    measured = judge(fit(truth.pairs), truth.pairs).measured
    assert measured["max_shift"] == pytest.approx(moves.max() * PIXEL)
    assert measured["max_shift"] > 1.1 * np.hypot(*SHIFT) * PIXEL


def test_sheared_axes_count_as_turned_and_scaled() -> None:
    matrix = np.array([[1.0, 0.02], [0.0, 1.0]])
    truth = make_truth(matrix, np.random.default_rng(3), number=50, noise=0.0)
    measured = judge(fit(truth.pairs, fitgeometry="general"), truth.pairs).measured
    assert measured["max_rotation"] == pytest.approx(np.degrees(np.arctan(0.02)))
    assert measured["max_scale"] == pytest.approx(np.hypot(1.0, 0.02) - 1.0)


@pytest.mark.parametrize(("number", "area"), [(0, 0.0), (1, 0.0), (2, 0.0), (4, 6.0)])
def test_area_of_a_hull(number: int, area: float) -> None:
    corners = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 3.0], [0.0, 3.0]])
    assert hull_area(corners[:number]) == pytest.approx(area)


@pytest.mark.slow
@pytest.mark.parametrize("geometry", ["shift", "rscale", "general"])
@pytest.mark.parametrize("number", [10, 40])
def test_a_real_correction_is_better(geometry: Geometry, number: int) -> None:
    rng = np.random.default_rng(4)
    for _ in range(30):
        pairs = make_truth(np.eye(2), rng, number=number, noise=0.2).pairs
        found = fit(pairs, fitgeometry=geometry)
        comparison = compare_with_present(found, pairs)
        assert comparison
        assert comparison.is_better
        assert judge(found, pairs).failures == ()


@pytest.mark.slow
@pytest.mark.parametrize("geometry", ["shift", "rscale", "general"])
@pytest.mark.parametrize("number", [15, 60])
def test_an_aligned_image_is_confirmed_never_refused(geometry: Geometry, number: int) -> None:
    rng = np.random.default_rng(5)
    confirmed = 0
    for _ in range(60):
        truth = make_truth(np.eye(2), rng, number=number, noise=0.2)
        pairs = MatchedPairs.of_positions(truth.pairs.image - SHIFT, truth.pairs.reference)
        found = fit(pairs, fitgeometry=geometry)
        comparison = compare_with_present(found, pairs)
        assert comparison
        assert judge(found, pairs).failures == ()
        confirmed += comparison.is_confirmed
    assert confirmed > 45


def test_aligning_again_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    for _ in range(30):
        pairs = make_truth(turn(0.02), rng, number=25, noise=0.1).pairs
        again = MatchedPairs.of_positions(fit(pairs).correct(pairs.image), pairs.reference)
        comparison = compare_with_present(fit(again), again)
        assert comparison
        assert comparison.is_confirmed


def test_keeping_the_present_wcs_moves_nothing() -> None:
    pairs = make_truth(turn(0.02), np.random.default_rng(7), number=25, noise=0.1).pairs
    found = fit(pairs)
    kept = keep_present(found, pairs)
    assert np.allclose(kept.correct(pairs.image), pairs.image, rtol=0.0, atol=1e-12 * FIELD)
    assert (kept.rotation, kept.scale, kept.skew) == (0.0, 1.0, 0.0)
    assert np.array_equal(kept.residuals, pairs.image - pairs.reference)
    assert kept.uncertainty is found.uncertainty


@pytest.mark.parametrize(("geometry", "least"), [("rscale", 30), ("general", 70)])
def test_most_fits_to_four_pairs_of_noise_are_refused(geometry: Geometry, least: int) -> None:
    rng = np.random.default_rng(8)
    refused = 0
    for _ in range(100):
        reference = rng.uniform(0.0, 200.0, (4, 2))
        pairs = MatchedPairs.of_positions(reference + rng.uniform(-50.0, 50.0, (4, 2)), reference)
        found = fit(pairs, fitgeometry=geometry)
        for reason, text in judge(found, pairs).failures:
            refused += 1
            assert reason is Reason.NOT_BETTER
            assert "acceptance.never_worse: false" in text
        assert judge(found, pairs, never_worse=False).failures == ()
    assert refused > least


def test_without_pairs_to_hold_out_nothing_is_said() -> None:
    reference = np.array([[0.0, 0.0], [1000.0, 0.0]])
    pairs = MatchedPairs.of_positions(reference + 5.0, reference)
    found = fit(pairs)
    assert compare_with_present(found, pairs) is None
    record = judge(found, pairs).as_record()
    assert record["comparison"] is None
    json.dumps(record, allow_nan=False)
    assert judge(found, pairs).failures == ()
