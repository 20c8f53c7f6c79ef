"""The simultaneous solution: what it finds, what it claims, and what must not lead it astray."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mosaics
import numpy as np
import pytest

from tweakreg_steps.matching.fitting import fit_pairs
from tweakreg_steps.matching.linear_models import GEOMETRIES, Geometry
from tweakreg_steps.matching.pairs import MatchedPairs
from tweakreg_steps.solving.detections import Detections, ReferenceStars
from tweakreg_steps.solving.mosaic_state import Mosaic
from tweakreg_steps.solving.simultaneous import Gauge
from tweakreg_steps.solving.solution import solve


def _linear(geometry: Geometry) -> dict[str, Any]:
    """Truths that a geometry can follow."""
    return {"shift": {"rotation": 0.0}, "general": {"linear": 1e-4}}.get(geometry, {})


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_exact_data_give_the_truth(geometry: Geometry) -> None:
    scene = mosaics.draw(
        np.random.default_rng(1),
        mosaics.grid_corners(3, 2),
        noise=0.0,
        catalog_noise=0.0,
        **_linear(geometry),
    )
    found = mosaics.solved(scene.mosaic(geometry))
    assert np.abs(scene.errors(found)).max() < 1e-6
    assert list(found.geometries) == [geometry] * 6


def test_large_rotations_take_a_few_rounds() -> None:
    scene = mosaics.draw(
        np.random.default_rng(2),
        mosaics.strip_corners(4),
        noise=0.0,
        catalog_noise=0.0,
        rotation=0.1,
    )
    assert np.abs(scene.errors(mosaics.solved(scene.mosaic()))).max() < 1e-6


def test_one_exposure_is_the_fit_of_one_image() -> None:
    scene = mosaics.draw(np.random.default_rng(3), np.zeros((1, 2)), n_catalog=40, linear=1e-3)
    for geometry in GEOMETRIES:
        found = mosaics.solved(scene.mosaic(geometry), nclip=0)
        order = np.searchsorted(scene.detections.star, scene.catalog.star)
        image, center = scene.detections.xy[order], np.array([400.0, 600.0])
        single = fit_pairs(
            MatchedPairs.of_positions(image, scene.catalog.xy),
            center=center,
            fitgeometry=geometry,
            weights="none",
            robust_start=False,
            nclip=0,
            sigma=3.0,
        )
        same = found.plane_fit(0, center)
        # rscale and general differ by which of the two lists holds the noise
        assert same.matrix == pytest.approx(single.matrix, abs=2e-6)
        assert same.shift == pytest.approx(single.shift, abs=2e-3)


@pytest.mark.slow
def test_absolute_and_seam_errors_of_a_sparse_strip() -> None:
    """Twelve exposures with six catalog stars each: field.md's 11 and 6.6 mpx."""
    absolute, seams = [], []
    for seed in range(20):
        scene = mosaics.draw(np.random.default_rng(seed), mosaics.strip_corners(12))
        found = mosaics.solved(scene.mosaic())
        absolute.append(scene.errors(found))
        seams.append(scene.seams(found, [(i, i + 1) for i in range(11)]))
    assert mosaics.rms(np.array(absolute)) < 0.011
    assert mosaics.rms(np.array(seams)) < 0.0066


@pytest.mark.slow
@pytest.mark.parametrize(("wrong", "number"), [(0.0, 80), (0.2, 60)])
def test_the_claimed_errors_are_the_true_ones(wrong: float, number: int) -> None:
    """With a fifth of the detections wrong the errors stay what is claimed."""
    absolute, seams = [], []
    for seed in range(number):
        scene = mosaics.draw(
            np.random.default_rng(seed), mosaics.grid_corners(3, 2), wrong=wrong, density=100
        )
        found = mosaics.solved(scene.mosaic())
        for i in range(scene.n):
            place = scene.corners[i][None] + [200.0, 300.0]
            error = (found.move(i, place) - scene.truly(i, place))[0]
            covariance = found.covariances.at(i, found.move(i, place))[0]
            absolute.append(error / np.sqrt(np.diag(covariance)))
        for i, j in [(0, 1), (1, 4), (0, 5)]:
            place = (scene.corners[i] + scene.corners[j] + mosaics.SIZE) / 2
            gap = scene.seams(found, [(i, j)])[0]
            seams.append(gap / np.sqrt(np.diag(found.covariances.of_difference(i, j, place))))
    assert 0.85 < np.std(absolute) < 1.2
    assert 0.85 < np.std(seams) < 1.2


def test_a_fifth_of_wrong_detections_changes_nothing_beyond_the_claimed_errors() -> None:
    corners = mosaics.strip_corners(8)
    for seed in range(5):
        clean = mosaics.draw(np.random.default_rng(seed), corners)
        rng = np.random.default_rng(100 + seed)
        xy = clean.detections.xy.copy()
        bad = rng.random(len(xy)) < 0.2
        xy[bad] += rng.uniform(-2.0, 2.0, (int(bad.sum()), 2))
        spoilt = replace(clean, detections=replace(clean.detections, xy=xy))
        one, two = (mosaics.solved(scene.mosaic()) for scene in (clean, spoilt))
        for i in range(clean.n):
            place = corners[i][None] + 500.0
            claimed = np.sqrt(np.diag(two.covariances.at(i, two.move(i, place))[0]))
            assert np.all(np.abs(two.move(i, place) - one.move(i, place)) < 4.0 * claimed)


@pytest.mark.parametrize("seed", [10071, 20010])
def test_no_exposure_follows_a_few_wrong_stars(seed: int) -> None:
    """Of an exposure at the end of a strip few stars are seen by others, a third of them wrong."""
    scene = mosaics.draw(np.random.default_rng(seed), mosaics.strip_corners(6), wrong=0.2)
    found = mosaics.solved(scene.mosaic())
    for i in range(scene.n):
        place = scene.corners[i][None] + 500.0
        error = (found.move(i, place) - scene.truly(i, place))[0]
        claimed = np.sqrt(np.diag(found.covariances.at(i, found.move(i, place))[0]))
        assert np.all(np.abs(error) < 5.0 * claimed)


@pytest.mark.slow
def test_a_handful_of_catalog_stars_does_not_look_better_known_than_it_is() -> None:
    """Five stars, whose errors nobody knows, tell what four dithers have in common."""
    floors = []
    for seed in range(60):
        corners = 60.0 * np.array([(np.cos(0.8 * i), np.sin(0.8 * i)) for i in range(4)])
        scene = mosaics.draw(np.random.default_rng(seed), corners, density=60, catalog_noise=0.05)
        known = scene.catalog
        few = ReferenceStars(known.star[:5], known.xy[:5], np.zeros((5, 2, 2)))
        found = mosaics.solved(replace(scene, catalog=few).mosaic())
        floors.append(found.scatter.reference_floor)
    assert np.mean(np.square(floors)) == pytest.approx(0.05**2, rel=0.2)


def test_the_floor_is_what_the_errors_lack() -> None:
    scene = mosaics.draw(np.random.default_rng(4), mosaics.grid_corners(4, 3), noise=0.05)
    halved = replace(scene.detections, error=np.full(len(scene.detections), 0.03))
    found = mosaics.solved(replace(scene, detections=halved).mosaic())
    assert found.scatter.floor[0] == pytest.approx(0.04, rel=0.05)


def test_repeated_pointings_share_their_stars() -> None:
    scene = mosaics.draw(np.random.default_rng(13), np.zeros((8, 2)), n_catalog=0)
    found = mosaics.solved(scene.mosaic(held=[0]))
    assert mosaics.rms(scene.errors(found) - scene.errors(found)[:1]) < 0.02 / np.sqrt(20)
    errors = np.sqrt(found.covariances.relative[:, 0, 0])
    # each of n stars is told by the other seven: 0.02 (8/7)^1/2 n^-1/2, less the mean's own part
    assert errors == pytest.approx(0.02 / np.sqrt(150) * np.sqrt(7 / 8), rel=0.25)


def test_two_cameras_have_a_floor_each() -> None:
    scene = mosaics.draw(np.random.default_rng(14), mosaics.grid_corners(3, 3), density=400)
    camera = np.arange(9) % 2
    rng = np.random.default_rng(15)
    coarse = camera[scene.detections.unit] == 1
    xy = scene.detections.xy + rng.normal(0.0, 0.1, (len(coarse), 2)) * coarse[:, None]
    scene = replace(scene, detections=replace(scene.detections, xy=xy))
    found = mosaics.solved(scene.mosaic(camera=camera.tolist()))
    assert found.scatter.floor[0] < 0.01
    assert found.scatter.floor[1] == pytest.approx(0.1, rel=0.1)


def test_a_group_shares_one_correction() -> None:
    scene = mosaics.draw(np.random.default_rng(16), mosaics.strip_corners(6))
    unit = [0, 0, 0, 1, 1, 1]
    center = mosaics.SIZE / 2
    shifts, matrices = scene.shifts.copy(), scene.matrices.copy()
    for first in (0, 3):  # exposures of a group are off by one and the same rigid motion
        for k in range(first, first + 3):
            matrices[k] = matrices[first]
            away = scene.corners[k] - scene.corners[first]
            shifts[k] = shifts[first] + (matrices[first] - np.eye(2)) @ away
    grouped = replace(scene, shifts=shifts, matrices=matrices)
    xy = np.concatenate(
        [
            grouped.detected(i, scene.truly(i, scene.detections.xy[scene.detections.unit == i]))
            for i in range(6)
        ]
    )
    grouped = replace(grouped, detections=replace(scene.detections, xy=xy))
    found = mosaics.solved(grouped.mosaic(unit=unit))
    assert len(found.shifts) == 2
    assert mosaics.rms(grouped.errors(found, unit)) < 0.01
    assert center == 500.0


def test_an_exposure_that_fits_nobody_does_not_bend_the_others() -> None:
    scene = mosaics.draw(np.random.default_rng(17), mosaics.grid_corners(3, 2))
    xy = scene.detections.xy.copy()
    strange = scene.detections.unit == 4
    xy[strange] += np.random.default_rng(18).uniform(-2.0, 2.0, (int(strange.sum()), 2))
    found = mosaics.solved(replace(scene, detections=replace(scene.detections, xy=xy)).mosaic())
    others = [0, 1, 2, 3, 5]
    assert mosaics.rms(scene.errors(found)[others]) < 0.02
    assert found.kept[strange].mean() < 0.1


def test_anisotropic_errors_of_the_reference_count_by_axis() -> None:
    scene = mosaics.draw(np.random.default_rng(19), np.zeros((1, 2)), n_catalog=0)
    star = scene.detections.star[:2]
    places = scene.stars[star] + [[0.1, 0.0], [0.0, 0.1]]
    covariance = np.array([np.diag([1.0, 1e-4]), np.diag([1e-4, 1.0])])
    xy = scene.stars[scene.detections.star] - scene.shifts[0]
    truth = replace(
        scene,
        catalog=ReferenceStars(star, places, covariance),
        detections=replace(scene.detections, xy=xy),
    )
    found = mosaics.solved(truth.mosaic("shift"), nclip=0)
    assert np.abs(found.shifts[0] - scene.shifts[0]).max() < 0.02


def test_nothing_to_solve_is_no_error() -> None:
    none = np.zeros(0, dtype=int)
    nothing = Detections(none, none, np.zeros((0, 2)), np.zeros(0))
    mosaic = Mosaic(
        nothing,
        ReferenceStars.none(),
        ["rshift"] * 2,
        np.zeros(2, dtype=bool),
        [mosaics.NO_PRIORS] * 2,
        np.zeros(2, dtype=int),
    )
    found = mosaics.solved(mosaic)
    assert not found.solved.any()


def test_the_covariance_of_a_fit_is_that_of_its_unit() -> None:
    scene = mosaics.draw(np.random.default_rng(20), mosaics.strip_corners(3), rotation=0.2)
    found = mosaics.solved(scene.mosaic())
    center = np.array([700.0, 100.0])
    fit, covariance = found.plane_fit(1, center), found.fit_covariance(1, center, relative=False)
    place = np.array([1300.0, 650.0])
    x, y = place - center
    rows = np.array([[x, y, 0, 0, 1, 0], [0, 0, x, y, 0, 1]])
    # the fit leads from the sky to the image, the unit the other way
    there = rows @ covariance @ rows.T
    back = fit.matrix @ found.covariances.at(1, place[None])[0] @ fit.matrix.T
    assert there == pytest.approx(back, rel=1e-6)


def test_units_that_share_no_star_have_a_covariance_as_well() -> None:
    scene = mosaics.draw(np.random.default_rng(21), mosaics.strip_corners(6))
    found = mosaics.solved(scene.mosaic(catalog=False, held=[0]))
    cov = found.covariances
    dense = np.linalg.inv(cov.matrix.toarray())
    unit = cov.columns.unit
    block = dense[np.ix_(unit == 1, unit == 5)][:2, :2]
    assert cov.between(1, 5)[:2, :2] == pytest.approx(block, rel=1e-6)
    assert cov.between(5, 1) == pytest.approx(cov.between(1, 5).T)


def test_the_same_input_gives_the_same_numbers() -> None:
    scene = mosaics.draw(np.random.default_rng(22), mosaics.grid_corners(3, 3), wrong=0.1)
    one, two = (mosaics.solved(scene.mosaic()) for _ in range(2))
    assert np.array_equal(one.shifts, two.shifts)
    assert np.array_equal(one.covariances.of_units, two.covariances.of_units)


def test_the_order_of_the_detections_does_not_matter() -> None:
    scene = mosaics.draw(np.random.default_rng(23), mosaics.grid_corners(3, 2), wrong=0.1)
    order = np.random.default_rng(0).permutation(len(scene.detections))
    mixed = replace(scene, detections=scene.detections.choose(order))
    one, two = (mosaics.solved(s.mosaic()) for s in (scene, mixed))
    assert two.shifts == pytest.approx(one.shifts, abs=1e-9)
    assert np.array_equal(two.kept, one.kept[order])
    assert two.residuals == pytest.approx(one.residuals[order], abs=1e-8, nan_ok=True)


@pytest.mark.parametrize("gauge", ["first", "mean"])
def test_stars_residuals_and_units_belong_together(gauge: Gauge) -> None:
    scene = mosaics.draw(np.random.default_rng(25), mosaics.strip_corners(4), wrong=0.1)
    found = mosaics.solved(scene.mosaic(catalog=False), gauge=gauge)
    d = scene.detections
    moved = np.array([found.move(u, xy[None])[0] for u, xy in zip(d.unit, d.xy, strict=True)])
    residuals = moved - found.stars[d.star]
    length = np.linalg.norm(residuals, axis=1)
    told = np.isfinite(length)
    assert length[told] == pytest.approx(np.linalg.norm(found.residuals[told], axis=1), abs=1e-9)
    assert mosaics.rms(residuals[found.kept]) < 0.02


def test_what_the_others_tell_of_a_star_leaves_its_own_detection_out() -> None:
    scene = mosaics.draw(np.random.default_rng(24), np.zeros((2, 2)), n_catalog=0)
    found = mosaics.solved(scene.mosaic(held=[0]))
    d = scene.detections
    row = np.flatnonzero(d.unit == 1)[7]
    twin = np.flatnonzero((d.unit == 0) & (d.star == d.star[row]))[0]
    assert found.without_own[row] == pytest.approx(d.xy[twin])


def test_errors_that_nobody_knows_are_found_from_the_scatter() -> None:
    scene = mosaics.draw(
        np.random.default_rng(26), mosaics.grid_corners(3, 2), noise=0.05, n_catalog=60,
        catalog_noise=0.08,
    )  # fmt: skip
    unknown = np.full(len(scene.detections), np.nan)
    catalog = replace(scene.catalog, covariance=np.zeros_like(scene.catalog.covariance))
    scene = replace(scene, detections=replace(scene.detections, error=unknown), catalog=catalog)
    found = mosaics.solved(scene.mosaic())
    assert found.scatter.floor[0] == pytest.approx(0.05, rel=0.07)
    assert found.scatter.reference_floor == pytest.approx(0.08, rel=0.15)
    assert mosaics.rms(scene.errors(found)) < 0.03


def test_errors_known_but_for_a_factor_get_it() -> None:
    rng = np.random.default_rng(27)
    scene = mosaics.draw(rng, mosaics.grid_corners(4, 3), noise=0.0, density=300)
    relative = rng.uniform(1.0, 10.0, len(scene.detections))
    noise = 0.01 * relative[:, None] * rng.normal(size=(len(relative), 2))
    noisy = replace(scene.detections, xy=scene.detections.xy + noise, error=relative)
    found = solve(
        replace(scene, detections=noisy).mosaic(), gauge="first", sigma=5.0, nclip=20,
        fit_factors=True,
    )  # fmt: skip
    assert found.scatter.factor[0] == pytest.approx(0.01, rel=0.05)
    assert found.scatter.floor[0] < 0.01


def test_a_thousand_wrong_stars_and_few_right_ones() -> None:
    """Detections of unrelated stars, each a star of its own, take no part and do no harm."""
    scene = mosaics.draw(np.random.default_rng(28), mosaics.strip_corners(3), density=60)
    d, rng = scene.detections, np.random.default_rng(29)
    more = 1000
    alone = Detections(
        np.concatenate([d.unit, rng.integers(0, 3, more)]),
        np.concatenate([d.star, len(scene.stars) + np.arange(more)]),
        np.concatenate([d.xy, rng.uniform(0.0, 1000.0, (more, 2))]),
        np.concatenate([d.error, np.full(more, 0.02)]),
    )
    one, two = (mosaics.solved(replace(scene, detections=x).mosaic()) for x in (d, alone))
    place = np.array([[900.0, 500.0]])
    assert two.move(1, place) == pytest.approx(one.move(1, place), abs=1e-3)
    assert not two.kept[len(d) :].any()


@pytest.mark.slow
def test_a_handful_of_right_stars_of_unknown_errors_stays() -> None:
    """The least sum of distances meets two of four stars: the others are no outliers for that."""
    rejected = []
    for seed in range(60):
        rng, corners = np.random.default_rng(seed), np.zeros((1, 2))
        scene = mosaics.draw(rng, corners, density=8, n_catalog=4, noise=0.03, catalog_noise=0.01)
        d, known = scene.detections, scene.catalog
        unsure = replace(
            scene,
            detections=replace(d, error=np.full(len(d), 1e-3)),
            catalog=replace(known, covariance=np.zeros_like(known.covariance)),
        )
        rejected.append(int(np.sum(~mosaics.solved(unsure.mosaic()).kept_reference)))
    assert max(rejected) <= 1
    assert np.mean(rejected) < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("tails", [0.0, 0.25])
def test_long_tails_count_for_less(tails: float) -> None:
    """A quarter of positions thrice as wrong: what is left of it is far below the least squares."""
    errors = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        scene = mosaics.draw(rng, mosaics.strip_corners(4), density=80, noise=1e-6)
        d = scene.detections
        size = np.where(rng.random(len(d)) < tails, 0.09, 0.03)
        xy = d.xy + size[:, None] * rng.normal(size=d.xy.shape)
        noisy = replace(scene, detections=replace(d, xy=xy, error=np.full(len(d), 0.03)))
        errors.append(
            [scene.errors(mosaics.solved(noisy.mosaic(), nclip=n)).ravel() for n in (20, 0)]
        )
    robust, squares = np.sqrt(np.mean(np.square(errors), axis=(0, 2)))
    assert robust / squares < (0.93 if tails else 1.05)
