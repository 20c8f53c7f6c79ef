"""What other parameters of the fit would make it one that is accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypedDict

from tweakreg_steps.curing.cure import Changes
from tweakreg_steps.errors import Reason
from tweakreg_steps.sections import FitGeometry, WeightedFitting, Weighting

FITTING = "catalog_fitting"

_SIMPLER: Mapping[FitGeometry, Sequence[FitGeometry]] = {
    "general": ("rscale", "rshift", "shift"),
    "rscale": ("rshift", "shift"),
    "rshift": ("shift",),
    "auto": ("rshift", "shift"),
    "shift": (),
}
"""The geometries that allow less than each."""

_BY_GEOMETRY = (Reason.SINGULAR_FIT, Reason.NOT_BETTER, Reason.LARGE_ERROR)
"""What a simpler geometry may be the cure of."""
_MORE_CLIPS = 10
_STRICTER = 2.5


class FitChanges(TypedDict, total=False):
    """Other values of ``catalog_fitting``."""

    fitgeometry: FitGeometry
    weights: Weighting
    nclip: int
    sigma: float


def try_fits(
    reason: Reason, fitting: WeightedFitting, is_accepted: Callable[[WeightedFitting], bool]
) -> Changes:
    """Return the first change of ``catalog_fitting`` with which a fit is accepted.

    Parameters
    ----------
    reason
        Why the present one is not.
    fitting
        The section as it is.
    is_accepted
        Fits the pairs with another section, and tells whether the fit is accepted.

    Returns
    -------
    mapping
        Empty where there is none.
    """
    for own in fit_changes(reason, fitting):
        if is_accepted({**fitting, **own}):
            return {FITTING: own}
    return {}


def fit_changes(reason: Reason, fitting: WeightedFitting) -> Iterator[FitChanges]:
    """Yield the changes of ``catalog_fitting`` that are worth trying for a reason."""
    if reason in _BY_GEOMETRY:
        for geometry in _SIMPLER[fitting["fitgeometry"]]:
            yield {"fitgeometry": geometry}
    if reason in (Reason.LARGE_RMS, Reason.LARGE_ERROR, Reason.NOT_BETTER):
        if fitting["weights"] != "errors":
            yield {"weights": "errors"}
        if fitting["nclip"] < _MORE_CLIPS:
            yield {"nclip": _MORE_CLIPS}
        if fitting["sigma"] > _STRICTER:
            yield {"nclip": _MORE_CLIPS, "sigma": _STRICTER}
