"""What holds a simultaneous solution where the detections do not tell all of it."""

from __future__ import annotations

from dataclasses import replace

import mosaics
import numpy as np
import pytest

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.solving.detections import Priors, ReferenceStars


def test_without_a_reference_the_first_exposure_is_held() -> None:
    scene = mosaics.draw(np.random.default_rng(5), mosaics.strip_corners(5))
    found = mosaics.solved(scene.mosaic(catalog=False))
    assert np.array_equal(found.matrices[0], np.eye(2))
    assert np.array_equal(found.shifts[0], [0.0, 0.0])
    assert found.parts[0].held == "shift, rotation of its first unit held"
    assert mosaics.rms(scene.seams(found, [(i, i + 1) for i in range(4)])) < 0.01


def test_without_a_reference_the_mean_can_be_held() -> None:
    scene = mosaics.draw(np.random.default_rng(5), mosaics.strip_corners(5), rotation=1e-2)
    first, mean = (mosaics.solved(scene.mosaic(catalog=False), gauge=g) for g in ("first", "mean"))
    assert mean.parts[0].held == "shift, rotation of the mean of its units held"
    assert np.abs(mean.shifts.mean(axis=0)).max() < 1e-6
    assert np.abs((mean.matrices[:, 1, 0] - mean.matrices[:, 0, 1]).mean()) < 1e-9
    pairs = [(i, i + 1) for i in range(4)]
    assert np.hypot(*scene.seams(mean, pairs).T) == pytest.approx(
        np.hypot(*scene.seams(first, pairs).T), abs=1e-6
    )
    assert mean.kept.all() == first.kept.all()


def test_an_image_that_is_the_reference_stays_as_it_is() -> None:
    scene = mosaics.draw(np.random.default_rng(6), mosaics.strip_corners(4))
    found = mosaics.solved(scene.mosaic(catalog=False, held=[2]))
    assert np.array_equal(found.matrices[2], np.eye(2))
    assert np.array_equal(found.shifts[2], [0.0, 0.0])
    assert found.parts[0].held == ""
    assert not found.covariances.of_units[2].any()
    assert found.covariances.of_units[3][0, 0] > found.covariances.of_units[1][0, 0] > 0.0


def _two_strips() -> FloatArray:
    """Three exposures here, three far away."""
    return np.concatenate([mosaics.strip_corners(3), mosaics.strip_corners(3) + np.array([0, 9e3])])


def test_islands_are_solved_each_and_those_without_reference_said() -> None:
    corners = _two_strips()
    scene = mosaics.draw(np.random.default_rng(7), corners, density=100)
    near = scene.stars[scene.catalog.star][:, 1] < 4000.0
    catalog = ReferenceStars(*(a[near] for a in vars(scene.catalog).values()))
    found = mosaics.solved(replace(scene, catalog=catalog).mosaic())
    first, second = (found.parts[k] for k in found.component[[0, 3]])
    assert (first.units.tolist(), second.units.tolist()) == ([0, 1, 2], [3, 4, 5])
    assert (first.held, first.n_reference > 3) == ("", True)
    assert second.held == "shift, rotation of its first unit held"
    assert second.n_reference == 0
    assert mosaics.rms(scene.errors(found)[:3]) < 0.05
    assert mosaics.rms(scene.seams(found, [(3, 4), (4, 5)])) < 0.02


def test_an_exposure_that_shares_no_star_is_not_solved() -> None:
    corners = np.concatenate([mosaics.strip_corners(3), [[0.0, 9000.0]]])
    found = mosaics.solved(mosaics.draw(np.random.default_rng(8), corners).mosaic(catalog=False))
    assert found.solved.tolist() == [True, True, True, False]


def test_an_exposure_with_one_star_gets_a_shift_only() -> None:
    scene = mosaics.draw(np.random.default_rng(9), mosaics.strip_corners(4))
    d = scene.detections
    shared = np.flatnonzero((d.unit == 3) & np.isin(d.star, d.star[d.unit == 2]))
    kept = (d.unit != 3) | np.isin(np.arange(len(d)), shared[:1])
    found = mosaics.solved(replace(scene, detections=d.choose(kept)).mosaic(catalog=False))
    assert list(found.geometries) == ["rshift"] * 3 + ["shift"]
    assert found.solved.all()


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_few_reference_stars_tell_what_they_can(number: int) -> None:
    scene = mosaics.draw(np.random.default_rng(10), mosaics.grid_corners(2, 2))
    catalog = ReferenceStars(*(a[:number] for a in vars(scene.catalog).values()))
    found = mosaics.solved(replace(scene, catalog=catalog).mosaic("general"))
    words = ["shift, rotation, scale, stretch, shear", "rotation, scale, stretch, shear",
             "stretch, shear", ""]  # fmt: skip
    assert found.parts[0].held.split(" of ")[0] == words[number]


@pytest.mark.slow
def test_general_matrices_do_not_shrink_along_a_strip() -> None:
    """Noise of 0.5 pixels over overlaps of 60: as arguments it would shrink each by 0.1 %."""
    scales = []
    for seed in range(40):
        scene = mosaics.draw(
            np.random.default_rng(seed), mosaics.strip_corners(4, 0.06), noise=0.5, density=2000,
            rotation=0.0,
        )  # fmt: skip
        found = mosaics.solved(scene.mosaic("general", catalog=False, held=[0]), nclip=0)
        scales.append(found.matrices[3, 0, 0] - 1.0)
    assert abs(np.mean(scales)) < 3.0 * np.std(scales) / np.sqrt(40)


def test_a_prior_keeps_the_scale_from_drifting() -> None:
    scene = mosaics.draw(np.random.default_rng(11), mosaics.strip_corners(10), noise=0.1)
    free = mosaics.solved(scene.mosaic("general", catalog=False))
    tied = mosaics.solved(
        scene.mosaic("general", catalog=False, priors=Priors(None, None, 1e-6)), gauge="mean"
    )
    drifts = [np.abs(np.linalg.det(s.matrices) - 1.0).max() for s in (free, tied)]
    assert drifts[1] < 1e-5 < drifts[0]


def test_a_prior_holds_what_nothing_else_tells() -> None:
    scene = mosaics.draw(np.random.default_rng(12), mosaics.strip_corners(4))
    priors = Priors(3.0, 1e-3, None)
    found = mosaics.solved(scene.mosaic(catalog=False, priors=priors))
    assert found.parts[0].held == ""
    assert np.abs(found.shifts.mean(axis=0)).max() < 1e-3
    # four pointings of three pixels each tell the whole to half of that
    assert np.sqrt(found.covariances.of_units[1][0, 0]) > 1.4
