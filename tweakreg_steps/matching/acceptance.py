"""Whether a fit may be applied: the gates of the recipe, and that it must not make things worse.

A fit is applied where it predicts pairs that it has not seen better than the present WCS does.
Where it does not, and would move the sources by less than they scatter, both say the same within
the noise: the image is aligned as it is, and its WCS stays. Otherwise the pairs contradict each
other, and the image is not aligned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import Reason
from tweakreg_steps.fit_file import AcceptanceRecord, ComparisonRecord
from tweakreg_steps.matching.coverage import hull_area
from tweakreg_steps.matching.fitting import LinearFit
from tweakreg_steps.matching.geometry import decompose
from tweakreg_steps.matching.held_out import held_out_residuals
from tweakreg_steps.matching.pairs import MatchedPairs

_REASONS: Mapping[str, Reason] = {
    "min_matches": Reason.FEW_KEPT,
    "max_rms": Reason.LARGE_RMS,
    "max_error": Reason.LARGE_ERROR,
    "max_shift": Reason.LARGE_SHIFT,
    "max_rotation": Reason.LARGE_ROTATION,
    "max_scale": Reason.LARGE_SCALE,
    "min_coverage": Reason.SMALL_COVERAGE,
}
"""What it means that a gate is closed."""

_TEXTS: Mapping[str, str] = {
    "min_matches": "the fit keeps {value} pairs",
    "max_rms": "the pairs scatter by {value:.3g} mas",
    "max_error": "the fit is only known to {value:.3g} mas",
    "max_shift": "a matched source would move by {value:.4g} arcsec",
    "max_rotation": "the image would turn by {value:.4g} deg",
    "max_scale": "its scale would change by {value:.3g}",
    "min_coverage": "the pairs cover {value:.3g} of the image's field",
}


@dataclass(frozen=True)
class Comparison:
    """Distances of the kept pairs before and after the fit: weighted rms in pixels.

    Attributes
    ----------
    present : float
        By the image's present WCS.
    held_out : float
        By fits that have not seen the pair (`held_out_residuals`).
    fitted : float
        By the fit itself.
    moved : float
        How far the fit moves the sources.
    """

    present: float
    held_out: float
    fitted: float
    moved: float

    def as_record(self) -> ComparisonRecord:
        """Return it as JSON holds it."""
        return {
            "present": self.present,
            "held_out": self.held_out,
            "fitted": self.fitted,
            "moved": self.moved,
        }

    @property
    def is_better(self) -> bool:
        """Return whether the fit predicts unseen pairs better than the present WCS."""
        return self.held_out < self.present

    @property
    def is_confirmed(self) -> bool:
        """Return whether fit and present WCS say the same, so that the latter stays."""
        return not self.is_better and self.moved <= self.fitted


@dataclass(frozen=True)
class Judgement:
    """What was measured of a fit, and what speaks against it.

    Attributes
    ----------
    measured : dict
        Value of each gate by the name of its parameter.
    comparison : Comparison or None
        None where too few pairs are left to hold some out.
    failures : tuple of (Reason, str)
        What speaks against the fit, each with a sentence; empty where nothing does.
    """

    measured: Mapping[str, float]
    comparison: Comparison | None
    failures: tuple[tuple[Reason, str], ...]

    def as_record(self) -> AcceptanceRecord:
        """Return it as JSON holds it, which knows no infinite number: None stands for it."""
        return {
            "measured": {
                name: value if isfinite(value) else None for name, value in self.measured.items()
            },
            "comparison": self.comparison.as_record() if self.comparison else None,
            "failed": [reason.value for reason, _ in self.failures],
        }


def judge_fit(
    fit: LinearFit,
    pairs: MatchedPairs,
    *,
    comparison: Comparison | None,
    pixel_scale: float,
    rms_sky: FloatArray,
    field_area: float,
    min_matches: int | None,
    max_rms: float | None,
    max_error: float | None,
    max_shift: float | None,
    max_rotation: float | None,
    max_scale: float | None,
    min_coverage: float | None,
    never_worse: bool,
) -> Judgement:
    """Judge a fit.

    Parameters
    ----------
    fit : LinearFit
        The fit, as it is to be applied.
    pairs : MatchedPairs
        The pairs that it was made from.
    comparison : Comparison or None
        Of `compare_with_present`.
    pixel_scale : float
        Size of the reference plane's pixels in arcseconds.
    rms_sky : (2,) float array
        Rms of the kept pairs along right ascension and declination in mas.
    field_area : float
        Area of the convex hull of all sources of the image, in square pixels of the plane.
    min_matches : int or None
        Least number of kept pairs; None for no limit, here as below.
    max_rms : float or None
        Largest rms along either axis in mas.
    max_error : float or None
        Largest standard error of the fit at the kept pairs, rms of them, in mas.
    max_shift : float or None
        Farthest that a kept pair's source may be moved, in arcseconds.
    max_rotation : float or None
        Largest rotation of either axis in degrees.
    max_scale : float or None
        Largest difference of either axis's scale from 1.
    min_coverage : float or None
        Least area of the convex hull of the kept pairs, as a part of `field_area`.
    never_worse : bool
        Whether a fit that is no better than the present WCS is refused, unless it confirms it.

    Returns
    -------
    Judgement
        Everything that speaks against the fit, in the order of the parameters.
    """
    limits = {
        "min_matches": min_matches,
        "max_rms": max_rms,
        "max_error": max_error,
        "max_shift": max_shift,
        "max_rotation": max_rotation,
        "max_scale": max_scale,
        "min_coverage": min_coverage,
    }
    moves = fit.correct(pairs.image[fit.kept]) - pairs.image[fit.kept]
    measured = {
        "min_matches": int(fit.kept.sum()),
        "max_rms": float(np.max(rms_sky)),
        "max_error": _standard_error(fit) * pixel_scale * 1000.0,
        "max_shift": float(np.hypot(*moves.T).max()) * pixel_scale,
        "max_rotation": max(abs(fit.rotation_x), abs(fit.rotation_y)),
        "max_scale": max(abs(fit.scale_x - 1.0), abs(fit.scale_y - 1.0)),
        "min_coverage": _coverage(pairs.image[fit.kept], field_area),
    }
    failures = [
        (_REASONS[name], f"{_TEXTS[name].format(value=measured[name])}; acceptance.{name}: {limit}")
        for name, limit in limits.items()
        if limit is not None and _is_closed(name, measured[name], limit)
    ]
    if never_worse and comparison and not (comparison.is_better or comparison.is_confirmed):
        failures.append((Reason.NOT_BETTER, _explain_worse(comparison)))
    return Judgement(measured, comparison, tuple(failures))


def compare_with_present(fit: LinearFit, pairs: MatchedPairs) -> Comparison | None:
    """Compare a fit with the present WCS of the image, on its kept pairs.

    Returns
    -------
    Comparison or None
        None where what is left without some pairs does not determine the fit.
    """
    image, reference = pairs.image - fit.center, pairs.reference - fit.center
    held_out = held_out_residuals(
        image, reference, kept=fit.kept, weights=fit.weights, geometry=fit.geometry
    )
    if held_out is None:
        return None
    weights = fit.weights[fit.kept]
    present, fitted = (image - reference)[fit.kept], fit.residuals[fit.kept]
    return Comparison(
        present=_rms(present, weights),
        held_out=_rms(held_out, weights),
        fitted=_rms(fitted, weights),
        moved=_rms(present - fitted, weights),
    )


def keep_present(fit: LinearFit, pairs: MatchedPairs) -> LinearFit:
    """Return the fit that leaves an image where it is, with the pairs that another one kept.

    Its uncertainty is the other's: what the pairs could have measured.
    """
    residuals = pairs.image - pairs.reference
    return replace(
        fit,
        matrix=np.eye(2),
        shift=np.zeros(2),
        residuals=residuals,
        rms=residuals[fit.kept].std(axis=0),
        **vars(decompose(np.eye(2))),
    )


def _standard_error(fit: LinearFit) -> float:
    """Return the standard error of a fit at its kept pairs in pixels; infinite if unknown."""
    return float("inf") if fit.uncertainty is None else fit.uncertainty.at_pairs


def _coverage(xy: FloatArray, field_area: float) -> float:
    """Return the area of the hull of positions as a part of an area; 0 where that is none."""
    return min(1.0, hull_area(xy) / field_area) if field_area > 0.0 else 0.0


def _is_closed(name: str, value: float, limit: float) -> bool:
    """Return whether a value does not pass its limit."""
    return value < limit if name.startswith("min") else value > limit


def _rms(residuals: FloatArray, weights: FloatArray) -> float:
    """Return the weighted rms length of residuals (n, 2)."""
    return float(np.sqrt(np.average(np.sum(residuals**2, axis=1), weights=weights)))


def _explain_worse(comparison: Comparison) -> str:
    """Explain that a fit is worse than what is there."""
    return (
        f"fits without them put the pairs at {comparison.held_out:.3g} pixels from the reference, "
        f"the present WCS at {comparison.present:.3g}; only acceptance.never_worse: false would "
        "apply it"
    )
