"""What positions owe to where stars lie in their pixels, and the dithers that tell it."""

from __future__ import annotations

from dataclasses import replace

import mosaics
import numpy as np
import pytest
from test_mosaic import align, exposures_of, match

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.demo.painting import UVIS_PSF, paint_stars
from tweakreg_steps.finding.daofind import find_stars
from tweakreg_steps.solving.mosaic_input import Exposures
from tweakreg_steps.solving.pixel_phases import PixelPlaces, wave

NUMBERS = np.array([0.005, -0.02, 0.08, 0.0, 0.03, 0.03])
"""A wave of 65 mpx at the edges of pixels."""

TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
"""Detectors lie on their side on the plane."""


def waved(
    scene: mosaics.Scene, numbers: FloatArray, *, dithered: bool = True
) -> tuple[mosaics.Scene, Exposures]:
    """Return a scene whose positions owe waves to their pixels: the cameras' by turns, (n, 6).

    If not dithered each star lies on the same place in its pixel in all exposures.
    """
    d, given = scene.detections, exposures_of(scene)
    place = np.random.default_rng(1).uniform(-0.5, 0.5, d.xy.shape)
    true = np.array(
        [scene.detected(i, scene.stars[[s]])[0] for i, s in zip(d.unit, d.star, strict=True)]
    )
    place = place if dithered else place[d.star]
    frames = np.tile(TURN, (scene.n, 1, 1))
    camera = np.arange(scene.n) % len(numbers)
    own = np.zeros_like(place)
    for one, of in enumerate(numbers):
        mine = camera[d.unit] == one
        own[mine] = wave(of, place[mine])
    moved = replace(scene, detections=replace(d, xy=d.xy + own @ TURN.T))
    pixels = PixelPlaces(place + own + (d.xy - true) @ TURN, d.unit, frames, camera)
    return moved, replace(given, lists=moved.lists()[0], pixels=pixels)


def test_the_waves_of_two_cameras_are_taken_off() -> None:
    """One camera has none; seams are those of the noise alone, and so are the claimed errors."""
    rng = np.random.default_rng(5)
    clean = mosaics.draw(rng, mosaics.grid_corners(4, 2), noise=0.01)
    scene, exposures = waved(clean, np.array([NUMBERS, 0.0 * NUMBERS]))
    edges = match(scene, [(i, j) for i in range(8) for j in range(i + 1, 8) if j - i in (1, 4)])
    found, undisturbed, before = (
        align(scene, edges, exposures=own)
        for own in (exposures, exposures_of(clean), replace(exposures, pixels=None))
    )
    assert found.waves is not None
    assert not found.waves[1].any()
    edge = np.linspace(-0.45, 0.45, 19)
    both = np.column_stack([edge, edge])
    given, told = wave(NUMBERS, both), wave(found.waves[0], both)
    assert np.abs(told - given).max() < 0.01
    pairs = [(i, i + 4) for i in range(4)] + [(0, 1), (1, 2), (2, 3)]
    found_seams, own, seams = (
        mosaics.rms(clean.seams(of.solution, pairs)) for of in (found, undisturbed, before)
    )
    assert found_seams < 1.15 * own < 0.9 * seams
    assert found.solution.scatter.floor[0] < 0.006 < before.solution.scatter.floor[0]


@pytest.mark.parametrize("dithered", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_where_positions_owe_nothing_nothing_changes(seed: int, dithered: bool) -> None:
    """Nor where all exposures are of one pointing: there the phases hold the noise alone."""
    corners = mosaics.strip_corners(4, 0.25 if dithered else 1.0)
    scene = mosaics.draw(np.random.default_rng(seed), corners, density=60)
    edges = match(scene, [(i, i + 1) for i in range(3)])
    scene, exposures = waved(scene, np.zeros((1, 6)), dithered=dithered)
    found = align(scene, edges, exposures=exposures)
    assert found.waves is None
    assert found.exposures is exposures


def test_daofind_says_around_which_pixel_it_measured() -> None:
    """Stars near the edge of a pixel are off by as much as their phase tells, and no other way."""
    rng = np.random.default_rng(3)
    grid = np.array([(x, y) for x in range(20, 400, 24) for y in range(20, 400, 24)], dtype=float)
    true = grid + rng.uniform(-0.5, 0.5, grid.shape)
    x, y = true.T
    light = paint_stars((420, 420), x=x, y=y, flux=np.full(len(x), 3e4), psf=UVIS_PSF)
    stars = find_stars(
        light, np.ones(light.shape, dtype=bool), threshold_level=50.0, conv_width=2.5, peakmin=None,
        peakmax=None, fluxmin=None, fluxmax=None, nsigma=1.5, ratio=1.0, theta=0.0,
        use_sharp_round=False, sharplo=0.2, sharphi=1.0, roundlo=-1.0, roundhi=1.0,
    )  # fmt: skip
    nearest = np.argmin(np.hypot(stars.x[:, None] - x, stars.y[:, None] - y), axis=1)
    off = np.column_stack([stars.x - x[nearest], stars.y - y[nearest]])
    phase = np.column_stack([stars.phase_x, stars.phase_y])
    assert np.abs(stars.x - phase[:, 0] - np.rint(stars.x - phase[:, 0])).max() < 1e-9
    powers = np.stack([(2.0 * phase) ** k for k in (1, 3, 5)], axis=-1).reshape(-1, 3)
    fit = np.linalg.lstsq(powers, off.ravel(), rcond=None)[0]
    assert mosaics.rms(off) > 0.02
    assert mosaics.rms(off.ravel() - powers @ fit) < 0.003
