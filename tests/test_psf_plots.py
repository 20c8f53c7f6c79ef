"""The pictures of the PSF and of the residuals' phases show what the arrays say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from optics import uvis
from psf_scenes import library

from tweakreg_steps.errors import REASON_TEXTS, Reason
from tweakreg_steps.reporting.plot_phases import draw_phases, measure_phase_bias
from tweakreg_steps.reporting.plot_psf import draw_psf, node_differences


def wave(amplitude: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions, and residuals that depend on the phase of x."""
    rng = np.random.default_rng(1)
    xy = rng.uniform(1.0, 4096.0, (2000, 2))
    residuals = rng.normal(0.0, 0.01, (2000, 2))
    residuals[:, 0] += amplitude * np.sin(2 * np.pi * xy[:, 0])
    return xy, residuals


def test_a_wave_of_the_phase_is_measured_and_seen() -> None:
    xy, residuals = wave(0.02)
    in_x, in_y = (measure_phase_bias(xy[:, i], residuals[:, i]) for i in (0, 1))
    assert np.allclose(in_x.mean, 0.02 * np.sin(2 * np.pi * in_x.phase), atol=0.003)
    assert in_y.largest < 0.003
    figure = draw_phases(
        image="j1", xy=xy, residuals=residuals, kept=np.ones(2000, bool), labelsize=8, reason=""
    )
    notes = [axes.texts[0].get_text() for axes in figure.axes]
    assert notes[0] == f"largest mean {in_x.largest:.4f} px"
    assert np.size(figure.axes[0].lines[1].get_xdata()) == 2000


def test_the_phase_is_that_from_the_middle_of_a_pixel() -> None:
    bias = measure_phase_bias(np.full(20, 7.3), np.full(20, 0.5))
    assert bias.phase[np.isfinite(bias.mean)] == pytest.approx([0.25 + 0.0], abs=0.051)
    assert np.isnan(measure_phase_bias(np.ones(3), np.ones(3)).largest)


def test_clipped_pairs_are_not_drawn_and_without_pairs_the_reason_is() -> None:
    xy, residuals = wave(0.0)
    style: dict[str, Any] = {"image": "j1", "xy": xy, "residuals": residuals, "labelsize": 8}
    some = draw_phases(**style, kept=np.arange(2000) < 1500, reason="")
    assert np.size(some.axes[1].lines[1].get_xdata()) == 1500
    none = draw_phases(**style, kept=np.zeros(2000, bool), reason=Reason.FEW_MATCHES.value)
    words = " ".join(text.get_text() for text in none.texts).replace("\n", " ")
    assert REASON_TEXTS[Reason.FEW_MATCHES] in words


def test_the_picture_of_a_psf_shows_every_node() -> None:
    psf = library(uvis((300, 300)), nodes=3)
    tiles = node_differences(psf)
    assert tiles.shape == (3 * 25 + 2 * 3, 3 * 25 + 2 * 3)
    mean = psf.images.mean(axis=(0, 1))
    corner = (psf.images[2, 0] - mean)[48, 48] / mean.max()
    assert tiles[2 * 28 + 12, 12] == pytest.approx(corner)
    figure = draw_psf(
        name="WFC3UV F606W", psfs={1: psf, 2: psf}, note="700 stars", if_single="", labelsize=8
    )
    pictures = [axes for axes in figure.axes if axes.images]
    assert len(pictures) == 4
    labels = [tick.get_text() for tick in pictures[1].get_xticklabels()]
    assert labels == ["0", "150", "300"]


def test_a_mean_of_stars_does_not_say_that_they_are_the_same_everywhere() -> None:
    psf = library(uvis((300, 300)), nodes=1)
    figure = draw_psf(name="a", psfs={1: psf}, note="", if_single="not measured", labelsize=8)
    assert [text.get_text() for text in figure.axes[1].texts] == ["not measured"]
