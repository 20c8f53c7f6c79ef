"""What a detection counts: reweighting, then rejection of the few that are left.

A detection is judged by its distance from where the others put its star, in standard deviations::

    u^2 = |z - f|^2 / (v - 2 a <N^-1> + <N^-1>^2 sum a^2 / v)

a (0 to 1) being what it and the others counted: the variance that is expected of the difference.
First all count by ``min(1, 1/u)``: the least sum of distances, which has one minimum whatever the
start (Huber 1964, Ann. Math. Stat. 35, 73). Then by ``(1 - (u/s)^2)^2``, so that what is far off
has no say. What remains beyond the limit is rejected as jointcal does: an outlier pulls the
numbers that it takes part in, and others look like outliers until it is gone, so in each round at
most one detection of each star and no more of each unit than it has free numbers. What is left
counts by Student's t.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.solving.detections import (
    inverses,
    sums,
)
from tweakreg_steps.solving.normal_equations import StarPlaces

_ROUNDING = 1.0e-6
"""Part of a detection's variance below which the expected one is rounding: nothing else tells."""

TAILS = 8.0
"""Degrees of freedom n of Student's t: those of DAOFIND's positions of painted stars."""

RETURN = 0.8
"""Part of the limit within which what was rejected counts again."""


@dataclass(frozen=True, eq=False)
class Deviations:
    """Distances in standard deviations, and residuals.

    Attributes
    ----------
    detections : (n,) float array
        u of the detections; nan where nothing else tells the star's place.
    reference : (m,) float array
        Of the reference stars.
    residuals : (n, 2) float array
        ``z - f`` in pixels; nan where the star has no place.
    reference_residuals : (m, 2) float array
        ``f - g`` in pixels, f from the detections alone.
    """

    detections: FloatArray
    reference: FloatArray
    residuals: FloatArray
    reference_residuals: FloatArray


@dataclass(frozen=True, eq=False)
class Votes:
    """Weights, about 0 to 1, under the names that a state has for them."""

    weights: FloatArray
    reference_weights: FloatArray

    @classmethod
    def within(cls, found: Deviations, sigma: float) -> Votes:
        """Let everything count fully that is within a limit, or of which nothing can be said."""
        return cls(
            (~(found.detections > sigma)).astype(np.float64),
            (~(found.reference > sigma)).astype(np.float64),
        )


def deviations(
    star: IndexArray,
    moved: FloatArray,
    *,
    weights: FloatArray,
    variances: FloatArray,
    stars: StarPlaces,
    reference_star: IndexArray,
    reference_xy: FloatArray,
    reference_covariances: FloatArray,
    reference_weights: FloatArray,
) -> Deviations:
    """Compare everything with what is expected.

    Parameters
    ----------
    star, moved, weights, variances
        Of each detection its star, its place z (n, 2) in pixels, what it counts (0 to 1), and its
        variance.
    stars : StarPlaces
        Places of the stars.
    reference_star, reference_xy, reference_covariances, reference_weights
        Of each reference star its number, place (m, 2), covariance, and what it counts.
    """
    residuals = moved - np.take(stars.xy, star, axis=0)
    squares = sums(star, weights**2 / variances, len(stars.xy))
    total = squares.copy()
    counted = inverses(reference_covariances) * reference_weights[:, None, None] ** 2
    total[reference_star] += (counted[:, 0, 0] + counted[:, 1, 1]) / 2.0
    spread = stars.inverse[:, :2].mean(axis=1)
    expected = variances - 2.0 * weights * spread[star] + (spread**2 * total)[star]
    tells = expected > _ROUNDING * variances
    squared = residuals[:, 0] ** 2 + residuals[:, 1] ** 2
    u = np.sqrt(squared / np.where(tells, expected, np.nan))
    alone, u_reference = _apart(
        stars, squares, reference_star, reference_xy, reference_covariances, reference_weights
    )
    return Deviations(u, u_reference, residuals, alone)


def _apart(
    stars: StarPlaces,
    squares: FloatArray,
    which: IndexArray,
    places: FloatArray,
    covariances: FloatArray,
    counted: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the residuals of reference stars from the detections alone, and their u.

    With ``N = W 1 + R`` (R the reference's information) the place from the detections alone is
    ``f0 = f + R (f - g) / W``, of variance ``sum a^2 / v / W^2`` (a what each counts).
    """
    weight = stars.weight[which]
    seen = weight > 0.0
    weight = np.where(seen, weight, np.nan)
    information = counted[:, None, None] * inverses(covariances)
    pulled = stars.xy[which] - places
    alone = pulled + np.einsum("nij,nj->ni", information, pulled) / weight[:, None]
    total = covariances + np.eye(2) * (squares[which] / weight**2)[:, None, None]
    u = np.full(len(which), np.nan)
    if seen.any():
        solved = np.linalg.solve(total[seen], alone[seen][:, :, None])[:, :, 0]
        u[seen] = np.sqrt(np.sum(alone[seen] * solved, axis=1))
    return alone, u


def huber_weights(found: Deviations) -> Votes:
    """Return ``min(1, 1/u)``."""
    return Votes(*(1.0 / np.fmax(u, 1.0) for u in (found.detections, found.reference)))


def redescending_weights(found: Deviations, sigma: float) -> Votes:
    """Return ``(1 - (u/s)^2)^2``, zero from u = s on; 1 where nothing can be said."""

    def weigh(u: FloatArray) -> FloatArray:
        inside = np.fmin(np.nan_to_num(u, nan=0.0) / sigma, 1.0)
        return np.asarray((1.0 - inside**2) ** 2)

    return Votes(weigh(found.detections), weigh(found.reference))


def tail_weights(found: Deviations, votes: Votes) -> Votes:
    """Return what counts, the less the farther off it is: ``(n + 2) / (n + u^2)``.

    The likelihood of Student's t in two dimensions. Positions have longer tails than a normal
    distribution, by blends and rays below the limit; where they have none, hardly anything
    changes. The few stars of the reference keep what they count.
    """
    u = np.nan_to_num(found.detections, nan=np.sqrt(2.0))
    weights = (TAILS + 2.0) / (TAILS + u**2)
    return Votes(np.where(votes.weights > 0.0, weights, 0.0), votes.reference_weights)


def reject(
    found: Deviations,
    star: IndexArray,
    unit: IndexArray,
    *,
    weights: FloatArray,
    reference_star: IndexArray,
    reference_weights: FloatArray,
    n_free: IndexArray,
    sigma: float,
    may_return: bool,
) -> Votes | None:
    """Reject the worst outliers; None where there is none.

    Parameters
    ----------
    found : Deviations
        How far everything is off.
    star, unit, weights
        Of each detection; weights are 1 or 0.
    reference_star, reference_weights
        Of each reference star.
    n_free : (n_units,) int array
        Free numbers of each unit.
    sigma : float
        The limit.
    may_return : bool
        Whether what was rejected and is now well within the limit counts again.
    """
    n_own = len(star)
    u = np.concatenate([found.detections, found.reference])
    counted = np.concatenate([weights, reference_weights]) > 0.0
    stars = np.concatenate([star, reference_star])
    units = np.concatenate([unit, np.full(len(reference_star), -1)])
    outliers = np.flatnonzero(counted & (u > sigma))
    returning = may_return & ~counted & (u < RETURN * sigma)
    if not len(outliers) and not returning.any():
        return None
    outliers = outliers[np.argsort(-u[outliers], kind="stable")]
    outliers = outliers[np.sort(np.unique(stars[outliers], return_index=True)[1])]
    chosen = outliers[_within_allowance(units[outliers], n_free)]
    counted = (counted | returning) & ~_mask(chosen, len(u))
    values = counted.astype(np.float64)
    return Votes(values[:n_own], values[n_own:])


def _within_allowance(units: IndexArray, n_free: IndexArray) -> BoolArray:
    """Return which of units, worst first, are among the first of their own that may go."""
    order = np.argsort(units, kind="stable")
    ordered = units[order]
    rank = np.empty(len(units), dtype=np.intp)
    rank[order] = np.arange(len(units)) - np.searchsorted(ordered, ordered)
    allowed = np.where(units < 0, len(units), np.maximum(n_free[units], 1))
    return np.asarray(rank < allowed)


def _mask(places: IndexArray, size: int) -> BoolArray:
    """Return the mask of places."""
    mask = np.zeros(size, dtype=np.bool_)
    mask[places] = True
    return mask
