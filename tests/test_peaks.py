"""Peaks of histograms with known counts."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_steps.matching.peaks import find_box_peak

WIDTHS = (1, 3, 5, 7)
BORDER = 6


def chance_counts(rate: float) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.random.default_rng(1).poisson(rate, (61, 61)).astype(np.int64)


@pytest.mark.parametrize(("row", "column"), [(24, 24), (0, 0), (48, 0), (48, 48), (3, 40)])
def test_a_peak_is_found_in_the_middle_and_in_corners(row: int, column: int) -> None:
    counts = chance_counts(2.0)
    counts[row + BORDER, column + BORDER] += 30
    peak = find_box_peak(counts, border=BORDER, widths=WIDTHS)
    assert (peak.row, peak.column) == (row, column)


def test_the_width_is_that_of_the_peak() -> None:
    counts = chance_counts(2.0)
    counts[28:33, 18:23] += 4
    peak = find_box_peak(counts, border=BORDER, widths=WIDTHS)
    assert (peak.row, peak.column, peak.width) == (24, 14, 5)


def test_of_equal_peaks_the_most_central_wins() -> None:
    counts = np.zeros((61, 61), dtype=np.int64)
    counts[[10, 33, 50], [10, 30, 50]] = 1
    peak = find_box_peak(counts, border=BORDER, widths=WIDTHS)
    assert (peak.row + BORDER, peak.column + BORDER) == (33, 30)


def test_a_broad_hill_of_chance_pairs_does_not_hide_a_peak() -> None:
    y, x = np.mgrid[-30:31, -30:31]
    hill = 50 * np.exp(-((x - 5) ** 2 + (y + 5) ** 2) / 1800)
    counts = np.random.default_rng(2).poisson(hill).astype(np.int64)
    counts[45, 15] += 40
    peak = find_box_peak(counts, border=BORDER, widths=WIDTHS)
    assert (peak.row + BORDER, peak.column + BORDER) == (45, 15)
