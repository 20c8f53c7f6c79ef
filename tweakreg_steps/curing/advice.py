"""The cure of each reason, from what was found and what is set: an entry for every code.

Nothing is advised that is set already, and nothing that was tried in vain. Where a change was
measured to align the image, or to match it, that is the cure; else what the numbers say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tweakreg_steps.curing.cure import Changes, Cure, Present, round_down, round_up, settings
from tweakreg_steps.errors import Reason

FINDING = "imagefindpars"
GATES = "acceptance"

_WANTED = 4
"""So many times minobj sources are wanted of a lower threshold."""

NOTHING_HELPS = frozenset({Reason.UNREADABLE, Reason.NO_PIXELS, Reason.REJECTED})
"""Reasons for which no other value of the recipe is worth trying."""

GATES_OF: Mapping[Reason, str] = {
    Reason.FEW_KEPT: "min_matches",
    Reason.LARGE_RMS: "max_rms",
    Reason.LARGE_ERROR: "max_error",
    Reason.LARGE_SHIFT: "max_shift",
    Reason.LARGE_ROTATION: "max_rotation",
    Reason.LARGE_SCALE: "max_scale",
    Reason.SMALL_COVERAGE: "min_coverage",
    Reason.NOT_BETTER: "never_worse",
}
"""The gate of ``acceptance`` that each reason is about."""


@dataclass(frozen=True)
class Found:
    """What is known of an image that is not aligned.

    Attributes
    ----------
    n_sources, n_matched, n_fit
        Sources, pairs, and pairs that the fit kept.
    found_in
        ``pixels``, or ``catalogs`` made elsewhere.
    reference
        Image or catalog that the image was to be aligned with.
    lower
        Numbers of sources at lower thresholds, rows of (threshold, number), the present first;
        empty where the image has enough sources.
    changes
        Changes with which the image was matched, or fitted, when they were tried; empty where
        none was found or tried.
    says
        What came of that try, or what was tried in vain.
    measured
        Value of each gate of ``acceptance``, by its name.
    failed
        The reasons that gates gave, in their order.
    way_out
        What to do about a file that is not whole.
    """

    n_sources: int = 0
    n_matched: int = 0
    n_fit: int = 0
    found_in: str = "pixels"
    reference: str = ""
    lower: Sequence[Sequence[float]] = ()
    changes: Changes = field(default_factory=dict)
    says: str = ""
    measured: Mapping[str, float | None] = field(default_factory=dict)
    failed: Sequence[Reason] = ()
    way_out: str = "get the file again"


def advise(reason: Reason, found: Found, present: Present) -> Cure:
    """Return the cure of an image that is not aligned.

    Parameters
    ----------
    reason
        Why it is not.
    found
        What is known of it.
    present
        What is set.
    """
    return _ADVICE[reason](found, present)


def _no_file(found: Found, present: Present) -> Cure:
    """Return what to do about a file without an image in it."""
    del present
    return _nothing(f"{found.way_out}, or take it out of input")


def _nothing(way_out: str) -> Cure:
    """Return that no parameter helps."""
    return Cure(f"nothing in the recipe can align it: {way_out}", {})


def _more_sources(found: Found, present: Present) -> Cure:
    """Return how an image gets sources enough: what was tried, a lower threshold, wide limits."""
    if found.changes:
        return _measured(found, present)
    lowered = _lower_threshold(found, present)
    if lowered is not None:
        return lowered
    if found.found_in == "catalogs":
        return Cure(
            "widen the limits of coordinate_file (minflux, maxflux, nbright), or leave the image's"
            " catalogs out, so that its sources are found in its pixels",
            {},
        )
    return _lift_limits(found, present) or _nothing(_too_few_to_see(found))


def _lower_threshold(found: Found, present: Present) -> Cure | None:
    """Return the highest threshold that gives sources enough, or as many as possible."""
    at = _threshold_for(found, present)
    if at is None:
        return None
    threshold, number = at
    changes = {FINDING: {"threshold": float(threshold)}}
    return Cure(f"{settings(changes, present)}: {number:.0f} sources are found with it", changes)


def _threshold_for(found: Found, present: Present) -> tuple[float, float] | None:
    """Return a threshold below the present one, and how many sources are above it."""
    minobj = _minobj(present)
    for wanted in (_WANTED * minobj, 2 * minobj, minobj):
        for threshold, number in list(found.lower)[1:]:
            if number >= wanted:
                return threshold, number
    return None


def _minobj(present: Present) -> int:
    """Return how many sources and matches an image needs."""
    return int(present.get("object_matching", {}).get("minobj", 1))


def _lift_limits(found: Found, present: Present) -> Cure | None:
    """Return which limits of the search may have left the sources out."""
    del found
    finding = present.get(FINDING, {})
    limits = ("peakmin", "peakmax", "fluxmin", "fluxmax")
    given = [name for name in limits if finding.get(name) is not None]
    own: dict[str, object] = dict.fromkeys(given)
    if finding.get("use_sharp_round"):
        own["use_sharp_round"] = False
    changes = {FINDING: own}
    return (
        Cure(f"{settings(changes, present)}: lower thresholds do not help", changes)
        if own
        else None
    )


def _too_few_to_see(found: Found) -> str:
    """Say that no lower threshold helps, and what is left to do."""
    if len(found.lower) < 2:  # noqa: PLR2004  the present one alone
        return (
            f"it shows {found.n_sources} sources; take it out of input, or give a deeper exposure"
        )
    threshold, number = found.lower[-1]
    return (
        f"even a threshold of {threshold:g} gives no more than {number:.0f} sources; take it out of"
        " input, or match it by hand (object_matching.use2dhist: false with xoffset and yoffset)"
    )


def _reference_sources(found: Found, present: Present) -> Cure:
    """Return how the reference gets sources."""
    del present
    return Cure(
        f"give the reference {found.reference} sources: lower its threshold"
        " (imagefindpars.threshold below its name in images, refimagefindpars.threshold for a"
        " refimage), or widen rminflux, rmaxflux and refnbright of a refcat",
        {},
    )


def _other_matching(found: Found, present: Present) -> Cure:
    """Return with which parameters the image is matched, if any does."""
    if found.changes:
        return _measured(found, present)
    lowered = _lower_threshold(found, present)
    if lowered is not None:
        return lowered
    tried = f"; {found.says} were tried in vain" if found.says else ""
    return _nothing(
        f"no offset of it is more than chance{tried}; look whether it shows the field of"
        f" {found.reference or 'the reference'}, `tweakreg suggest` looks at other thresholds and"
        " widths; otherwise take it out of input"
    )


def _measured(found: Found, present: Present) -> Cure:
    """Return the change that was tried with success."""
    return Cure(f"{settings(found.changes, present)}: {found.says}", found.changes)


def _other_fit(found: Found, present: Present) -> Cure:
    """Return with which parameters the pairs determine a fit."""
    if found.changes:
        return _measured(found, present)
    return _more_sources(found, present)


def _other_gates(found: Found, present: Present) -> Cure:
    """Return with which parameters the fit is accepted, or which limits let it pass."""
    if found.changes:
        return _measured(found, present)
    own = {
        GATES_OF[reason]: _let_pass(GATES_OF[reason], found.measured)
        for reason in found.failed
        if reason in GATES_OF
    }
    changes = {GATES: own}
    if not own:
        return _nothing("take it out of input")
    return Cure(f"{settings(changes, present)}, if the fit is good enough for you", changes)


def _let_pass(gate: str, measured: Mapping[str, float | None]) -> float | None:
    """Return the value of a gate that a fit passes; None takes the gate away."""
    if gate == "never_worse":
        return False
    value = measured.get(gate)
    if value is None or value <= 0.0:
        return None
    if gate == "min_matches":
        return int(value)
    return min(round_up(value * 1.05), 1e30) if gate.startswith("max") else round_down(value * 0.95)


def _simpler_geometry(found: Found, present: Present) -> Cure:
    """Return a geometry that every WCS can hold."""
    del found
    geometry = present.get("catalog_fitting", {}).get("fitgeometry")
    if geometry in ("shift", "rshift"):
        return _nothing("its header holds a projection that cannot be shifted; report it, please")
    changes = {"catalog_fitting": {"fitgeometry": "rshift" if geometry else "rscale"}}
    return Cure(settings(changes, present), changes)


def _decide_again(found: Found, present: Present) -> Cure:
    """Return how a rejection is taken back."""
    del found, present
    return Cure("`tweakreg review RECIPE --all` asks about it again", {})


_ADVICE: Mapping[Reason, Callable[[Found, Present], Cure]] = {
    Reason.UNREADABLE: _no_file,
    Reason.NO_PIXELS: _no_file,
    Reason.NO_SOURCES: _more_sources,
    Reason.FEW_SOURCES: _more_sources,
    Reason.NO_REFERENCE_SOURCES: _reference_sources,
    Reason.NO_OVERLAP: _other_matching,
    Reason.NO_SIGNIFICANT_OFFSET: _other_matching,
    Reason.FEW_MATCHES: _other_matching,
    Reason.SINGULAR_FIT: _other_fit,
    Reason.FEW_KEPT: _other_gates,
    Reason.LARGE_RMS: _other_gates,
    Reason.LARGE_ERROR: _other_gates,
    Reason.LARGE_SHIFT: _other_gates,
    Reason.LARGE_ROTATION: _other_gates,
    Reason.LARGE_SCALE: _other_gates,
    Reason.SMALL_COVERAGE: _other_gates,
    Reason.NOT_BETTER: _other_gates,
    Reason.WCS_NOT_REPRESENTABLE: _simpler_geometry,
    Reason.REJECTED: _decide_again,
}
"""What to do about each reason."""
