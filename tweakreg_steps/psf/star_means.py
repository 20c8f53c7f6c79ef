"""Positions averaged over exposures: what tells the PSF from an error that depends on the phase.

Anderson & King (2000, PASP 112, 1360): in one exposure a wrong PSF and an error of position that
depends on where in its pixel a star is look the same. Dithered exposures see a star at different
places in a pixel, and the mean of its positions has little left of such errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray

Index = IndexArray

ROUNDS = 12
"""Turns of averaging and fitting; each halves, at least, what two exposures differ by."""

OUTLIER = 4.0
"""Robust standard deviations from the mean beyond which an observation has no part in it."""

LINEAR = 12
"""Stars of an exposure from which on its six parameters are fitted, and not its shift alone."""


@dataclass(frozen=True, eq=False)
class Observations:
    """Stars seen in several exposures; arrays of shape (m,), one entry an observation.

    Attributes
    ----------
    star
        Number of the star, from 0.
    chip
        Number of the exposed chip that it was seen on, from 0.
    xy
        Where, in a plane common to all to a linear transformation, pixels, shape (m, 2).
    weight
        Inverse square of the error; 0 for what is not to be used.
    """

    star: Index
    chip: Index
    xy: FloatArray
    weight: FloatArray


@dataclass(frozen=True, eq=False)
class StarMeans:
    """Means over the exposures.

    Attributes
    ----------
    offset
        Mean of the star's positions minus this one, pixels of the plane, shape (m, 2); nan where
        the star has no other observation.
    used
        Whether the observation has part in the mean, shape (m,).
    scatter
        Robust standard deviation along one axis of an observation about the mean, pixels.
    """

    offset: FloatArray
    used: BoolArray
    scatter: float


def mean_positions(observed: Observations) -> StarMeans:
    """Average the positions of stars over exposed chips that are linearly related.

    With ``A_c`` of each chip and the mean ``m_s`` of each star, ``sum w |A_c xy - m_s|^2`` is
    minimised over both in turn.

    Parameters
    ----------
    observed
        The observations; the chips are laid over each other to a few pixels.
    """
    weight = observed.weight.copy()
    moved = observed.xy.copy()
    centre = moved.mean(axis=0) if len(moved) else np.zeros(2)
    scatter = np.nan
    for _ in range(ROUNDS):
        mean = _weighted_mean(observed.star, moved, weight)[observed.star]
        offset = mean - moved
        shared = _n_used(observed.star, weight)[observed.star] > 1
        if not shared.any():
            break
        length = np.hypot(*offset.T)
        scatter = float(np.median(length[shared & (weight > 0.0)]) / np.sqrt(2.0 * np.log(2.0)))
        near = np.nan_to_num(length) <= OUTLIER * scatter
        weight = np.where(near, observed.weight, 0.0)
        moved = _lay_over(observed, mean, weight * shared, centre)
    mean = _weighted_mean(observed.star, moved, weight)[observed.star]
    shared = _n_used(observed.star, weight)[observed.star] > 1
    offset = np.where(shared[:, None], mean - moved, np.nan)
    return StarMeans(offset, shared & (weight > 0.0), scatter)


def _n_used(star: Index, weight: FloatArray) -> Index:
    """Count the observations in each star's mean."""
    return np.bincount(star, weights=weight > 0.0, minlength=1).astype(np.intp)


def _weighted_mean(star: Index, xy: FloatArray, weight: FloatArray) -> FloatArray:
    """Mean position of each star, shape (number of stars, 2)."""
    total = np.bincount(star, weights=weight)
    sums = np.stack([np.bincount(star, weights=weight * values) for values in xy.T], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: FloatArray = sums / total[:, None]
    return mean


def _lay_over(
    observed: Observations, mean: FloatArray, weight: FloatArray, centre: FloatArray
) -> FloatArray:
    """Transform each chip's positions onto the means."""
    moved = observed.xy.copy()
    for chip in np.unique(observed.chip):
        own = np.flatnonzero(observed.chip == chip)
        used = own[(weight[own] > 0.0) & np.isfinite(mean[own, 0])]
        if not used.size:
            continue
        w = weight[used]
        if used.size < LINEAR:
            moved[own] += np.average(mean[used] - observed.xy[used], axis=0, weights=w)
            continue
        design = np.column_stack([np.ones(own.size), observed.xy[own] - centre])
        root = np.sqrt(w)[:, None]
        within = design[np.isin(own, used)]
        solution = np.linalg.lstsq(within * root, (mean[used] - observed.xy[used]) * root)[0]
        moved[own] += design @ solution
    return moved
