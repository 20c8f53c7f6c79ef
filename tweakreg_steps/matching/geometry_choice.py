"""The simplest geometry that the pairs do not speak against."""

from __future__ import annotations

import logging

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.clipping import CentredPairs, ClippedFit
from tweakreg_steps.matching.held_out import held_out_residuals
from tweakreg_steps.matching.linear_models import (
    GEOMETRIES,
    Geometry,
)
from tweakreg_steps.matching.tuning import FEW_PAIRS

log = logging.getLogger(__name__)


def choose_geometry(pairs: CentredPairs, freest: ClippedFit) -> Geometry:
    """Choose the geometry by what it predicts of pairs that it has not seen.

    Of each pair and geometry the loss is ``w (dx^2 + dy^2)`` with the residuals from the other
    parts (`held_out_residuals`). Chosen is the simplest geometry whose mean loss exceeds the
    least of all by no more than one standard error of the mean difference of the two, pair by
    pair (the one-standard-error rule of Breiman et al. 1984, Classification and Regression Trees,
    3.4.3, for paired losses). Noise alone asks for more than a shift in one or two cases of a
    hundred.

    Parameters
    ----------
    pairs : CentredPairs
        All pairs.
    freest : ClippedFit
        The fit of the freest geometry that they determine. Its clip rejects the outliers for all:
        where a geometry is too simple, the pairs at the edges are no outliers.

    Returns
    -------
    {"shift", "rshift", "rscale", "general"}
        A shift where there are too few pairs.
    """
    losses: dict[Geometry, FloatArray] = {}
    for geometry in GEOMETRIES[: GEOMETRIES.index(freest.solution.geometry) + 1]:
        residuals = held_out_residuals(
            pairs.image,
            pairs.reference,
            kept=freest.kept,
            weights=freest.weights,
            geometry=geometry,
        )
        if residuals is not None:
            losses[geometry] = freest.weights[freest.kept] * np.sum(residuals**2, axis=1)
    if not losses:
        return "shift"
    least = min(losses.values(), key=np.mean)
    chosen = next(name for name, loss in losses.items() if _is_as_good(loss, least))
    shown = ", ".join(f"{name} {np.sqrt(loss.mean()):.4g}" for name, loss in losses.items())
    log.info("held-out rms in pixels: %s; chosen: %s", shown, chosen)
    return chosen


def _is_as_good(loss: FloatArray, least: FloatArray) -> bool:
    """Return whether a mean loss exceeds the least one by no more than a standard error."""
    excess, number = loss - least, len(loss)
    standard_error = excess.std() / np.sqrt(max(1, number - 1))
    return bool(excess.mean() <= (1.0 + FEW_PAIRS / number) * standard_error)
