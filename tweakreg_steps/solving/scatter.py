"""How large the errors are beyond those that are known: floors, by maximum likelihood.

A detection's variance along one axis is taken as ``e^2 + t^2`` (e its known error; where fluxes
alone rank the errors, ``a^2 e^2 + t^2``), a reference star's covariance as ``C + r^2 1``. As in
`tweakreg_steps.matching.weights` the floors t (one a camera), r and the factors a are those that
make the residuals most likely. Here each star's place is unknown as well; integrated over it, the
likelihood of detections z_i of weights w_i and of a place g of information R is, a star::

    -2 ln L = - sum 2 ln w_i - ln det R + ln det N + f (sum w_i |z_i - f_s|^2 + |f_s - g|^2_R)

with N and f_s of `normal_equations`; the units' p numbers fitted as well make the residuals of n
degrees of freedom too small, for which the factor f = n / (n - p) allows.

What all units of a part have in common is fitted to its reference stars alone. A handful of them
then fit much better than they are known, so these numbers are integrated over as well (restricted
likelihood, Patterson & Thompson 1971, Biometrika 58, 545)::

    -2 ln L_R = -2 ln L + ln det sum F' (C + r^2 + 1/W)^-1 F

F being the fields of the common numbers at the stars and 1/W the variance of what detections say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.solving.detections import (
    inverses,
)
from tweakreg_steps.solving.normal_equations import StarPlaces, place_stars
from tweakreg_steps.solving.unit_parameters import fields_at

SAMPLE = 15_000
"""Detections that tell the floors: they then have errors of a hundredth of themselves."""

_WHOLE = 3.0
"""Decades below and above the typical residual in which a floor is looked for."""

_SPANS = (_WHOLE, 0.5)
"""The same for each round over all floors, the second about the first: each depends on the others,
but weakly."""

_NEGLIGIBLE = 1.0e-3
"""Part of the typical residual below which a floor counts as none."""


@dataclass(frozen=True, eq=False)
class Scatter:
    """What the errors are taken to be.

    Attributes
    ----------
    floor : (n_cameras,) float array
        Of detections, in pixels.
    factor : (n_cameras,) float array
        What their known errors are multiplied with.
    reference_floor : float
        Of reference stars, in pixels.
    """

    floor: FloatArray
    factor: FloatArray
    reference_floor: float

    def variances(self, errors: FloatArray, camera: IndexArray) -> FloatArray:
        """Return the variances of detections along one axis."""
        total = (self.factor[camera] * errors) ** 2 + self.floor[camera] ** 2
        return np.asarray(np.maximum(total, np.finfo(float).tiny))

    def covariances(self, known: FloatArray) -> FloatArray:
        """Return the covariances of reference stars, (m, 2, 2)."""
        return known + max(self.reference_floor, LEAST_ERROR) ** 2 * np.eye(2)


_MAD = 1.0 / np.sqrt(2.0 * np.log(2.0))
"""Standard deviation along one axis over the median distance, of a normal scatter in two."""

LEAST_ERROR = 1.0e-5
"""Pixels below which nothing is known: a reference without any error would fix its stars."""


@dataclass(frozen=True, eq=False)
class Sightings:
    """Detections and reference stars that count, with where the present solution puts them.

    Attributes
    ----------
    star, camera : (n,) int arrays
        Of each detection.
    moved : (n, 2) float array
        Where its unit puts it, in pixels.
    error : (n,) float array
        Its known error in pixels.
    reference_star : (m,) int array
        Stars known beforehand.
    places, covariance : (m, 2), (m, 2, 2) float arrays
        Their places and covariances in pixels.
    reference_part : (m,) int array
        Connected part of the mosaic that each of them is in.
    n_common : (n_parts,) int array
        How many numbers all units of a part may change alike.
    n_fitted : int
        Numbers that were fitted to all of these.
    """

    star: IndexArray
    camera: IndexArray
    moved: FloatArray
    error: FloatArray
    reference_star: IndexArray
    places: FloatArray
    covariance: FloatArray
    reference_part: IndexArray
    n_common: IndexArray
    n_fitted: int

    def sample(self, number: int) -> Sightings:
        """Return those of about every n-th star, so that no more than a number are left."""
        step = -(-len(self.star) // number)
        if step <= 1:
            return self
        own, known = self.star % step == 0, self.reference_star % step == 0
        return Sightings(
            star=self.star[own],
            camera=self.camera[own],
            moved=self.moved[own],
            error=self.error[own],
            reference_star=self.reference_star[known],
            places=self.places[known],
            covariance=self.covariance[known],
            reference_part=self.reference_part[known],
            n_common=self.n_common,
            n_fitted=self.n_fitted // step,
        )


def typical_size(residuals: FloatArray) -> float:
    """Return the standard deviation along one axis of normal residuals (n, 2), by their median."""
    distances = np.linalg.norm(residuals, axis=1)
    return max(float(np.median(distances)) * _MAD if len(distances) else 1.0, LEAST_ERROR)


def estimate_scatter(
    sightings: Sightings, start: Scatter, *, fit_factors: bool, again: bool
) -> Scatter:
    """Find the floors that make residuals most likely.

    Parameters
    ----------
    sightings : Sightings
        What counts.
    start : Scatter
        Where to begin.
    fit_factors : bool
        Whether known errors are known but for a factor.
    again : bool
        Whether the start is what was found before a few detections were rejected: then floors are
        looked for about it alone.
    """
    likelihood = _Likelihood.of(sightings.sample(SAMPLE))
    if not likelihood.cameras:
        return start
    found, typical = start, typical_size(likelihood.residuals(start))
    for span in _SPANS[1:] if again else _SPANS:
        for camera in likelihood.cameras:
            found = _improve(likelihood, found, "floor", camera, typical, span)
            if fit_factors:
                found = _improve(likelihood, found, "factor", camera, 1.0, span)
        if likelihood.has_reference:
            found = _improve(likelihood, found, "reference_floor", 0, typical, span)
    return found


def _improve(
    likelihood: _Likelihood, scatter: Scatter, name: str, camera: int, typical: float, span: float
) -> Scatter:
    """Return the scatter with one of its numbers at its best, within decades of what it is.

    It is looked for in the whole range where it is none, or has not been looked for.
    """

    def changed(value: float) -> Scatter:
        if name == "reference_floor":
            return replace(scatter, reference_floor=value)
        values = getattr(scatter, name).copy()
        values[camera] = value
        return replace(scatter, **{name: values})

    now = scatter.reference_floor if name == "reference_floor" else getattr(scatter, name)[camera]
    is_known = span < _WHOLE and now > _NEGLIGIBLE * typical
    middle, reach = (np.log10(now), span) if is_known else (np.log10(typical), _WHOLE)
    best = minimize_scalar(
        lambda exponent: likelihood.at(changed(10.0**exponent)),
        bounds=(middle - reach, middle + reach),
        method="bounded",
        options={"xatol": 1e-2},
    )
    value = float(10.0**best.x)
    if name != "factor" and likelihood.at(changed(_NEGLIGIBLE * typical)) <= best.fun:
        value = _NEGLIGIBLE * typical
    return changed(value)


_OF_REFERENCE = ("places", "covariance", "reference_part")


@dataclass(frozen=True, eq=False)
class _Likelihood:
    """The likelihood of sightings; stars are counted from 0 without a gap."""

    sightings: Sightings
    n_stars: int
    cameras: list[int]

    @classmethod
    def of(cls, given: Sightings) -> _Likelihood:
        """Drop what tells nothing: detections of stars that nothing else tells the place of."""
        n_stars = int(max(given.star.max(initial=-1), given.reference_star.max(initial=-1))) + 1
        counts = np.bincount(given.star, minlength=n_stars)
        known = np.zeros(n_stars, dtype=np.bool_)
        known[given.reference_star] = True
        useful: BoolArray = (counts >= 2) | ((counts == 1) & known)  # noqa: PLR2004 - two differ
        rank = np.cumsum(useful) - 1
        own, ref = useful[given.star], useful[given.reference_star]
        kept = replace(
            given,
            star=rank[given.star[own]],
            reference_star=rank[given.reference_star[ref]],
            **{name: getattr(given, name)[own] for name in ("camera", "moved", "error")},
            **{name: getattr(given, name)[ref] for name in _OF_REFERENCE},
        )
        return cls(kept, int(useful.sum()), np.unique(kept.camera).tolist())

    @property
    def has_reference(self) -> bool:
        """Tell whether any star has a place known beforehand."""
        return bool(len(self.sightings.reference_star))

    def residuals(self, scatter: Scatter) -> FloatArray:
        """Return the residuals of detections, (n, 2)."""
        s = self.sightings
        weights = 1.0 / scatter.variances(s.error, s.camera)
        stars = self._places(weights, inverses(scatter.covariances(s.covariance)))
        return np.asarray(s.moved - stars.xy[s.star])

    def _places(self, weights: FloatArray, information: FloatArray) -> StarPlaces:
        """Return the stars' places."""
        s = self.sightings
        known = s.reference_star, s.places, information
        return place_stars(s.star, weights, s.moved, n_stars=self.n_stars, known=known)

    def at(self, scatter: Scatter) -> float:
        """Return ``-2 ln L`` but for a constant."""
        s = self.sightings
        weights = 1.0 / scatter.variances(s.error, s.camera)
        covariances = scatter.covariances(s.covariance)
        information = inverses(covariances)
        stars = self._places(weights, information)
        own, other = s.moved - stars.xy[s.star], stars.xy[s.reference_star] - s.places
        squares = float(np.einsum("n,ni,ni->", weights, own, own))
        squares += float(np.einsum("ni,nij,nj->", other, information, other))
        xx, yy, xy = stars.inverse.T
        logs = -2.0 * np.log(weights).sum() + np.linalg.slogdet(covariances)[1].sum()
        logs -= np.log(xx * yy - xy**2).sum()
        spread = covariances + (1.0 / stars.weight[s.reference_star])[:, None, None] * np.eye(2)
        common, n_common = self._of_common(inverses(spread))
        n_degrees = 2 * (len(s.star) + len(s.reference_star) - self.n_stars)
        n_left = max(n_degrees - max(s.n_fitted - n_common, 0), 1)
        return float(logs + common + squares * n_degrees / n_left)

    def _of_common(self, information: FloatArray) -> tuple[float, int]:
        """Return ln det of the information on what each part's units have in common, and its size.

        Parameters
        ----------
        information : (m, 2, 2) float array
            On the place of each reference star, against that from the detections.
        """
        s, total, number = self.sightings, 0.0, 0
        for part in np.unique(s.reference_part).tolist():
            rows = np.flatnonzero(s.reference_part == part)
            n_told = min(int(s.n_common[part]), 2 * len(rows))
            if not n_told:
                continue
            fields = fields_at(s.places[rows] - s.places[rows].mean(axis=0))[:, :, :n_told]
            told = np.einsum("nik,nij,njl->kl", fields, information[rows], fields)
            sign, logarithm = np.linalg.slogdet(told)
            if sign > 0.0:
                total, number = total + float(logarithm), number + n_told
        return total, number
