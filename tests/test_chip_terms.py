"""Terms that all exposures share for a chip, found where the dithers tell them."""

from __future__ import annotations

from dataclasses import replace

import mosaics
import numpy as np
import pytest

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.solving.chip_terms import ChipDetections
from tweakreg_steps.solving.mosaic_state import Mosaic

DITHERS = np.array([(i * 130.0, j * 290.0) for j in range(3) for i in range(2)])


def _two_chips(
    scene: mosaics.Scene, terms: FloatArray, *, geometry: Geometry = "shift", angle: float = 0.0
) -> Mosaic:
    """Let the upper and lower halves of all exposures be chips, each off by its term (2, 2).

    Detectors are turned against the plane by ``angle``; terms are in their own pixels.
    """
    d = scene.detections
    on_chip = (d.xy - scene.corners[d.unit] - mosaics.SIZE / 2) / (mosaics.SIZE / 2)
    chip = (on_chip[:, 1] > 0.0).astype(int)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    xy = d.xy - terms[chip] @ turn.T
    middle = np.where(chip[:, None] > 0, [0.0, 0.5], [0.0, -0.5])
    chips = ChipDetections(
        geometry, 2, chip, on_chip - middle, d.unit, np.tile(turn, (scene.n, 1, 1))
    )
    return replace(scene.mosaic(), detections=replace(d, xy=xy), chips=chips)


@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_a_wrong_gap_between_chips_is_found(angle: float) -> None:
    scene = mosaics.draw(np.random.default_rng(1), DITHERS, density=400)
    terms = np.array([[0.10, -0.06], [-0.10, 0.06]])
    found = mosaics.solved(_two_chips(scene, terms, angle=angle))
    assert found.chip_numbers[:, :2] == pytest.approx(terms, abs=0.004)
    assert not found.chip_numbers[:, 2:].any()


def test_the_terms_add_up_to_nothing() -> None:
    scene = mosaics.draw(np.random.default_rng(2), DITHERS, density=400, n_catalog=0)
    found = mosaics.solved(_two_chips(scene, np.array([[0.4, 0.0], [0.0, 0.2]])))
    assert np.abs(found.chip_numbers.sum(axis=0)).max() < 0.01
    assert found.chip_numbers[0, :2] == pytest.approx([0.2, -0.1], abs=0.005)


def test_without_dithers_there_are_no_terms() -> None:
    scene = mosaics.draw(np.random.default_rng(3), np.zeros((4, 2)), density=400, n_catalog=0)
    still = replace(scene, shifts=np.zeros((4, 2)), matrices=np.tile(np.eye(2), (4, 1, 1)))
    xy = still.stars[scene.detections.star]
    noise = np.random.default_rng(4).normal(0.0, 0.02, xy.shape)
    still = replace(still, detections=replace(scene.detections, xy=xy + noise))
    found = mosaics.solved(_two_chips(still, np.array([[0.3, 0.0], [-0.3, 0.0]])))
    assert np.abs(found.chip_numbers).max() < 1e-9


def test_a_scale_that_chips_do_not_share_is_found() -> None:
    scene = mosaics.draw(np.random.default_rng(5), DITHERS, density=400)
    mosaic = _two_chips(scene, np.zeros((2, 2)), geometry="rscale")
    grown = 0.05 * mosaic.chips.place * np.where(mosaic.chips.chip[:, None] > 0, 1.0, -1.0)
    stretched = replace(mosaic.detections, xy=mosaic.detections.xy - grown)
    found = mosaics.solved(replace(mosaic, detections=stretched))
    assert found.chip_numbers[1, 3] - found.chip_numbers[0, 3] == pytest.approx(0.1, abs=0.01)


def test_terms_take_a_gap_out_of_the_corrections() -> None:
    """Left alone a gap of 0.2 pixels bends the mosaic; with terms it does not."""
    scene = mosaics.draw(np.random.default_rng(6), mosaics.grid_corners(5, 2, 0.4), n_catalog=3)
    gap = np.array([[0.1, 0.0], [-0.1, 0.0]])
    mosaic = _two_chips(scene, gap)
    plain = replace(mosaic, chips=replace(mosaic.chips, n_chips=0))
    with_terms, without = (mosaics.solved(m) for m in (mosaic, plain))
    assert mosaics.rms(scene.errors(with_terms)) < 0.5 * mosaics.rms(scene.errors(without))


@pytest.mark.slow
def test_the_claimed_errors_hold_with_terms() -> None:
    pulls = []
    for seed in range(40):
        scene = mosaics.draw(np.random.default_rng(seed), DITHERS, density=100)
        found = mosaics.solved(_two_chips(scene, np.array([[0.1, 0.1], [-0.1, -0.1]])))
        for i in range(scene.n):
            place = scene.corners[i][None] + [500.0, 250.0]
            # the lower chip sees its stars where its term leaves them
            moved = found.move(i, place)
            sigma = np.sqrt(np.diag(found.covariances.at(i, moved)[0]))
            pulls.append((moved - scene.truly(i, place))[0] / sigma)
    assert 0.85 < np.std(pulls) < 1.2
