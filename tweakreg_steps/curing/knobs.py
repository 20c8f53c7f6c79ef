"""What `tweakreg suggest` varies to align an image, in the order of how little it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tweakreg_steps.curing.advice import FINDING
from tweakreg_steps.curing.cure import Changes, as_yaml, round_up
from tweakreg_steps.curing.fit_trials import FITTING
from tweakreg_steps.curing.match_trials import FEWEST, MATCHING, MatchChanges, search_radii
from tweakreg_steps.errors import Reason
from tweakreg_steps.sections import CatalogFitting, Finding, ObjectMatching

_LOWER = 5
"""So many times the threshold is halved."""
_LEAST_THRESHOLD = 3.0
_WIDTHS = (0.6, 1.6, 2.5)
"""Widths of the kernel that are tried, in units of the present one."""
_SIMPLER = ("rshift", "shift")
_BEFORE_THE_FIT = (
    Reason.NO_SOURCES,
    Reason.FEW_SOURCES,
    Reason.NO_OVERLAP,
    Reason.NO_SIGNIFICANT_OFFSET,
    Reason.FEW_MATCHES,
)
"""The reasons of images that come to no fit."""
_STRICTER = 2.5
_MORE_CLIPS = 10


@dataclass(frozen=True)
class Knob:
    """Something to turn: its name, and the changes to try one after the other.

    Attributes
    ----------
    name
        What it is about.
    trials
        The changes, the least first.
    finds_again
        Whether the sources have to be found again.
    """

    name: str
    trials: Sequence[Changes]
    finds_again: bool = False


def knobs(
    reason: Reason,
    values: Mapping[str, Any],
    *,
    reach: float,
    has_pixels: bool,
    lower: Sequence[Sequence[float]],
) -> Iterator[Knob]:
    """Yield what can be turned for an image; nothing is tried that is set already.

    What could not matter is left out: the fit of an image that was not matched, and the matching
    of one without sources.

    Parameters
    ----------
    reason
        Why the image is not aligned.
    values
        The complete recipe as it holds for the image.
    reach
        The largest offset at which the lists overlap, in the unit of ``searchrad``.
    has_pixels
        Whether the sources of the image were found in its pixels, so that they can be found again.
    lower
        Numbers of sources at lower thresholds, as the catalog knows them; rows of (threshold,
        number), the present one first.
    """
    matching = values[MATCHING]
    if reason is not Reason.NO_SOURCES:
        yield from _matching_knobs(matching, reach)
    if has_pixels:
        yield from _finding_knobs(values[FINDING], lower, matching["minobj"])
    if reason not in _BEFORE_THE_FIT:
        yield from _fitting_knobs(values[FITTING])


def _matching_knobs(matching: ObjectMatching, reach: float) -> Iterator[Knob]:
    """Yield what the matching can be told."""
    base: MatchChanges = {} if matching["use2dhist"] else {"use2dhist": True}
    if base:
        yield Knob("use2dhist", [{MATCHING: base}])
    if matching["method"] == "histogram":
        radii = search_radii(matching, reach)
        yield Knob("searchrad", [{MATCHING: {**base, "searchrad": r}} for r in radii])
    if "triangles" not in (matching["method"], matching["fallback"]):
        yield Knob("triangles", [{MATCHING: {**base, "fallback": "triangles"}}])
    wider = [{MATCHING: {**base, "tolerance": matching["tolerance"] * t}} for t in (2.0, 4.0)]
    yield Knob("tolerance", wider)
    if matching["minobj"] > FEWEST:
        yield Knob("minobj", [{MATCHING: {**base, "minobj": FEWEST}}])


def _finding_knobs(
    finding: Finding, lower: Sequence[Sequence[float]], minobj: int
) -> Iterator[Knob]:
    """Yield what the search for sources can be told."""
    yield Knob("threshold", list(_thresholds(finding, lower, minobj)), finds_again=True)
    widths = [float(f"{finding['conv_width'] * w:.2g}") for w in _WIDTHS]
    yield Knob("conv_width", [{FINDING: {"conv_width": w}} for w in widths], finds_again=True)


def _thresholds(
    finding: Finding, lower: Sequence[Sequence[float]], minobj: int
) -> Iterator[Changes]:
    """Yield other thresholds: those known to give enough sources, else lower ones; a higher one."""
    present = finding["threshold"]
    if present is None:
        return
    known = [threshold for threshold, number in list(lower)[1:] if number >= minobj]
    halves = [present / 2.0**k for k in range(1, _LOWER + 1)]
    for threshold in known or [t for t in halves if t > _LEAST_THRESHOLD] or [_LEAST_THRESHOLD]:
        if threshold < present:
            yield {FINDING: {"threshold": float(f"{threshold:.3g}")}}
    if not lower:
        yield {FINDING: {"threshold": float(f"{present * 3.0:.3g}")}}


def _fitting_knobs(fitting: CatalogFitting) -> Iterator[Knob]:
    """Yield what the fit can be told."""
    if fitting["weights"] != "errors":
        yield Knob("weights", [{FITTING: {"weights": "errors"}}])
    geometries = [g for g in _SIMPLER if g != fitting["fitgeometry"]]
    if fitting["fitgeometry"] == "shift":
        geometries = []
    yield Knob("fitgeometry", [{FITTING: {"fitgeometry": g}} for g in geometries])
    if fitting["sigma"] > _STRICTER or fitting["nclip"] < _MORE_CLIPS:
        yield Knob("clip", [{FITTING: {"nclip": _MORE_CLIPS, "sigma": _STRICTER}}])


def with_changes(values: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """Return a recipe with changes laid over it."""
    return {
        **values,
        **{section: {**values[section], **own} for section, own in changes.items()},
    }


def joined(one: Changes, other: Changes) -> dict[str, dict[str, object]]:
    """Return two sets of changes as one; the second goes before."""
    return {
        section: {**one.get(section, {}), **other.get(section, {})} for section in {**one, **other}
    }


def in_words(changes: Changes) -> str:
    """Name changes in a few words."""
    return ", ".join(
        f"{name}: {as_yaml(value)}" for own in changes.values() for name, value in own.items()
    )


def enough_radius(shift: float) -> float:
    """Return a search radius that reaches a shift with some room."""
    return round_up(1.25 * shift)
