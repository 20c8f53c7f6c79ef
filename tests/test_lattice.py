"""Offsets that any step of a lattice would do as well, and the limits of the search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_matching import match, match_artifacts

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import ChanceOffsetError, NotAlignedError
from tweakreg_steps.matching.lattice import is_ambiguous
from tweakreg_steps.matching.source_list import SourceList


def lattice(columns: int, rows: int, step: float, turn: float = 0.0) -> FloatArray:
    """Return the positions of a lattice, turned by an angle in degrees."""
    plain = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    sine, cosine = np.sin(np.radians(turn)), np.cos(np.radians(turn))
    turned: FloatArray = step * plain @ np.array([[cosine, sine], [-sine, cosine]]) + 500.0
    return turned


def scattered(xy: FloatArray, rng: np.random.Generator) -> FloatArray:
    return xy + rng.normal(0.0, 0.05, xy.shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("searchrad", "fallback"), [(25.0, "brightest"), (100.0, "brightest"), (25.0, "triangles")]
)
@pytest.mark.parametrize("step", [20.0, 47.0, 150.0])
@pytest.mark.parametrize("shape", [(2, 2), (1, 4), (3, 3), (4, 5), (9, 9)])
def test_two_lattices_of_one_step_are_not_matched_whatever_their_size(
    shape: tuple[int, int], step: float, searchrad: float, fallback: str
) -> None:
    rng = np.random.default_rng(shape[0])
    image, reference = (scattered(lattice(*shape, step), rng) for _ in range(2))
    with pytest.raises(NotAlignedError):
        match(
            image + np.array([7.0, -4.0]),
            reference,
            minobj=3,
            searchrad=searchrad,
            fallback=fallback,
        )


@pytest.mark.parametrize(
    ("step", "turn"), [(30.0, 0.0), (45.0, 0.0), (30.0 * np.sqrt(2.0), 45.0), (20.0, 0.0)]
)
def test_lattices_of_commensurate_steps_are_not_matched(step: float, turn: float) -> None:
    rng = np.random.default_rng(3)
    image, reference = lattice(12, 12, 30.0), lattice(12, 12, step, turn)
    with pytest.raises(ChanceOffsetError):
        match(scattered(image, rng), scattered(reference, rng), minobj=3, searchrad=10.0)


@pytest.mark.parametrize("filled", [0.6, 0.8])
def test_lattices_with_holes_are_not_matched(filled: float) -> None:
    grid = lattice(8, 8, 60.0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        image, reference = (scattered(grid[rng.random(64) < filled], rng) for _ in range(2))
        with pytest.raises(NotAlignedError):
            match(image + np.array([7.0, -4.0]), reference, minobj=3, searchrad=25.0)


def test_brightness_tells_the_offset_of_a_lattice_wider_than_the_search() -> None:
    rng = np.random.default_rng(5)
    brightness = rng.pareto(1.0, 36)
    stars = lattice(6, 6, 90.0)
    lists = [
        replace(SourceList.of_positions(scattered(stars, rng) + shift), brightness=brightness)
        for shift in (7.0, 0.0)
    ]
    assert len(match_artifacts((lists[0], lists[1]), searchrad=25.0).image_index) == 36


@pytest.mark.slow
@pytest.mark.parametrize("number", [3, 4, 5, 8, 30])
def test_sources_at_random_are_no_lattice(number: int) -> None:
    rng = np.random.default_rng(number)
    for _ in range(100):
        common = rng.uniform(0.0, 1000.0, (number, 2))
        image, reference = (
            np.concatenate([common, rng.uniform(0.0, 1000.0, (2 * number, 2))]) for _ in range(2)
        )
        assert not is_ambiguous(image, reference, common, tolerance=1.0)


@pytest.mark.parametrize("roll", [0.0, 0.02])
@pytest.mark.parametrize("times", [1.1, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("searchrad", [2.0, 3.75, 25.0])
def test_an_offset_beyond_the_search_radius_is_never_taken(
    searchrad: float, times: float, roll: float
) -> None:
    sine = np.radians(roll)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        stars = rng.uniform(0.0, 2000.0, (150, 2))
        angle = rng.uniform(0.0, 2.0 * np.pi)
        far = np.array([np.cos(angle), np.sin(angle)])
        shift = times * searchrad * far / np.abs(far).max()
        image = scattered(stars + (stars - 1000.0) @ [[0.0, sine], [-sine, 0.0]] + shift, rng)
        try:
            offset = match(image, stars, minobj=3, searchrad=searchrad).overlay.offset
        except NotAlignedError:
            continue
        assert max(abs(offset.dx), abs(offset.dy)) <= searchrad


def test_who_searches_too_near_is_told_how_far_it_is() -> None:
    stars = np.random.default_rng(1).uniform(0.0, 2000.0, (1500, 2))
    with pytest.raises(
        ChanceOffsetError, match=r"\(5.20, -?0.00; histogram\).* 1.4 times as large"
    ) as error:
        match(stars + np.array([5.2, 0.0]), stars, searchrad=3.75)
    assert error.value.false_alarm == 1.0
    assert len(match(stars + np.array([5.2, 0.0]), stars, searchrad=1.4 * 3.75).distance) == 1500
