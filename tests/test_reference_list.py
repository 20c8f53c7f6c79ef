"""Which sources of an aligned image join the reference list, and where."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from strips import FITTING, GATES, MATCHING, MAX_FALSE_ALARM, list_strip, sky_table

from tweakreg_steps.alignment.fitted_image import fit_image
from tweakreg_steps.alignment.lists_on_plane import on_plane
from tweakreg_steps.alignment.match_table import make_match_table
from tweakreg_steps.alignment.reference_list import add_new_sources, list_of_image
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.sections import CatalogFitting
from tweakreg_steps.tables.ecsv import ColumnTable

PLANE = list_strip(np.random.default_rng(0), number=1).plane
SHIFT = np.array([1.5, -2.25])
COMMON = np.random.default_rng(4).uniform(0.0, 400.0, (50, 2))


def grown(
    reference: FloatArray, image: FloatArray, *, separation: float = 0.0, **fitting: object
) -> tuple[ColumnTable, ColumnTable]:
    """Align an image (shifted by SHIFT) with a reference; return the list before and after."""
    start = list_of_image(sky_table(PLANE, reference), "ref")
    sky = sky_table(PLANE, image + SHIFT)
    matching = MATCHING | {"separation": separation}
    matches = make_match_table(
        sky,
        start,
        plane=PLANE,
        image="img",
        is_reference=False,
        matching=matching,
        max_false_alarm=MAX_FALSE_ALARM,
        look_further=False,
    )
    fitted = fit_image(
        matches, plane=PLANE, fitting=cast("CatalogFitting", {**FITTING, **fitting}), gates=GATES
    )
    after = add_new_sources(
        start, sky, fitted, plane=PLANE, tolerance=1.0, separation=separation, epoch=None
    )
    return start, after


def new_places(start: ColumnTable, after: ColumnTable) -> FloatArray:
    """Return where the new sources are on the plane."""
    return on_plane(PLANE, after, whose="list")[len(start) :]


def test_a_new_source_joins_where_the_fit_puts_it_with_number_and_origin() -> None:
    new = np.array([[450.0, 10.0], [460.0, 200.0]])
    start, after = grown(COMMON, np.concatenate([COMMON, new]))
    assert np.allclose(new_places(start, after), new, atol=1e-6)
    assert list(after["id"][-2:]) == [50, 51]
    assert list(after["origin"][-3:]) == ["ref", "img", "img"]
    assert np.allclose(after["x0"][-2:], new[:, 0] + SHIFT[0])
    assert all(np.array_equal(after[c][: len(start)], start[c]) for c in start.columns)
    assert after.meta == start.meta


def test_a_second_source_near_a_reference_source_is_no_new_one() -> None:
    second = COMMON[:1] + np.array([0.6, 0.0])
    _, after = grown(COMMON, np.concatenate([COMMON, second]))
    assert len(after) == len(COMMON)


def test_a_clipped_pair_adds_nothing() -> None:
    moved = COMMON.copy()
    moved[0, 0] += 0.9
    start, after = grown(COMMON, moved)
    assert len(after) == len(start)


def test_what_only_the_rotation_brings_together_is_no_new_source() -> None:
    angle = np.radians(0.2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    far = np.array([[1500.0, 0.0], [0.0, 1500.0]])
    everything = np.concatenate([COMMON, far])
    start, after = grown(everything, (everything - 200.0) @ turn.T + 200.0, fitgeometry="rshift")
    assert len(after) == len(start)


@pytest.mark.parametrize(("separation", "n_new"), [(0.0, 2), (4.0, 1)])
def test_of_sources_too_close_to_each_other_one_joins(separation: float, n_new: int) -> None:
    pair = np.array([[600.0, 50.0], [602.0, 50.0]])
    apart = np.random.default_rng(1).permutation(
        np.stack(np.meshgrid(np.arange(0.0, 400.0, 50.0), np.arange(0.0, 400.0, 57.0)), -1).reshape(
            -1, 2
        )
    ) + np.random.default_rng(2).uniform(0.0, 20.0, (64, 2))
    start, after = grown(apart, np.concatenate([apart, pair]), separation=separation)
    assert len(after) - len(start) == n_new


def test_an_image_without_a_fit_adds_nothing() -> None:
    other = np.random.default_rng(8).uniform(1000.0, 1400.0, (50, 2))
    start, after = grown(COMMON, other)
    assert after is start
