"""How well images agree that overlap, whatever their fits to a reference say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tweakreg_steps.alignment.misfits import (
    Field,
    Misfit,
    misfits_of_fields,
    misfits_of_stars,
    misfits_of_table,
    table_of_misfits,
)
from tweakreg_steps.reporting.qualities import notes_on_overlaps, qualities

NOISE = 0.05
NAMES = ["a", "b", "c"]


def fields(*offsets: tuple[float, float], n: int = 200, seed: int = 1) -> list[Field]:
    """See the same stars from images that lie at offsets, each with others of its own."""
    rng = np.random.default_rng(seed)
    stars = rng.uniform(0.0, 1000.0, (n, 2))
    found = []
    for offset in offsets:
        seen = stars + rng.normal(0.0, NOISE, (n, 2)) + offset
        xy = np.concatenate([seen, rng.uniform(0.0, 1000.0, (n, 2))])
        found.append(Field(xy, np.full(2 * n, NOISE), rng.uniform(0.0, 1.0, 2 * n)))
    return found


def test_images_that_lie_apart_are_found_with_an_honest_error() -> None:
    pulls = []
    for seed in range(60):
        (found,) = misfits_of_fields(fields((0.0, 0.0), (0.2, -0.1), seed=seed), [(0, 1)])
        assert found.error == pytest.approx(NOISE * np.sqrt(2.0 / found.n), rel=0.2)
        pulls += [(found.dx + 0.2) / found.error, (found.dy - 0.1) / found.error]
    assert 0.8 < np.std(pulls) < 1.25
    assert abs(np.mean(pulls)) < 0.4
    assert found.apart == pytest.approx(np.hypot(0.2, 0.1), abs=0.02)
    assert found.rms == pytest.approx(np.sqrt(2 * NOISE**2 + 0.05 / 2), rel=0.1)


def test_unrelated_images_are_not_compared() -> None:
    one, other = fields((0.0, 0.0))[0], fields((0.0, 0.0), seed=2)[0]
    assert misfits_of_fields([one, other], [(0, 1)]) == []
    assert misfits_of_fields([one, None], [(0, 1)]) == []


def test_stars_are_compared_by_those_that_two_images_share() -> None:
    star = np.repeat(np.arange(6), 2)
    image = np.tile([0, 2], 6)
    xy = np.column_stack([np.where(image == 0, 0.0, 2.0), np.zeros(12)])
    (found,) = misfits_of_stars(star, image, xy, np.ones(12))
    assert (found.one, found.other, found.n) == (0, 2, 6)
    assert (found.dx, found.dy, found.error) == (-2.0, 0.0, 0.0)
    assert found.chi2 == pytest.approx(2.0**2 * 6 / 2)
    assert misfits_of_stars(star[:8], image[:8], xy[:8], np.ones(8)) == []


def test_a_table_holds_the_worst_first() -> None:
    good = Misfit(0, 1, 50, 0.1, 0.0, 0.1, 1.0, float("nan"))
    bad = replace(good, other=2, dx=3.0)
    table = table_of_misfits([good, bad], NAMES)
    read = misfits_of_table(table, {name: i for i, name in enumerate(NAMES)})
    assert repr(read) == repr([bad, good])  # nan is nan
    assert table["other"].tolist() == ["c", "b"]


def test_a_perfect_fit_to_the_reference_hides_no_seam() -> None:
    """Two images fit their catalog stars to 0.1 mas, and lie 3 mas apart by all others."""
    records = [
        {"image": name, "status": "aligned", "n_fit": 6, "rms_ra": 0.1, "rms_dec": 0.1}
        for name in NAMES
    ]
    apart = Misfit(0, 1, 50, 3.0, 0.0, 0.1, 3.2, 1800.0)
    near = Misfit(1, 2, 150, 0.05, 0.0, 0.1, 0.7, 0.1)
    first, second, third = qualities(records, [apart, near])
    assert first["rms_absolute"] == pytest.approx(0.1)
    assert first["rms_relative"] == pytest.approx(3.2)
    assert (first["worst_neighbour"], first["worst_offset"]) == ("b", 3.0)
    assert (second["n_relative"], second["worst_neighbour"]) == (200, "a")
    assert third["worst_offset"] == 0.05
    (note,) = notes_on_overlaps([near, apart], NAMES)
    assert note == "a and b lie 3.00 +- 0.10 mas apart by their 50 sources in common"
