"""What each reason usually comes from, and what helps."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from tweakreg_steps.errors import REASON_TEXTS, Reason

_WIDTH = 88


@dataclass(frozen=True)
class ReasonHelp:
    """Help on a reason.

    Attributes
    ----------
    causes
        What it usually comes from.
    cures
        What helps.
    """

    causes: str
    cures: str


REASON_HELP: Mapping[Reason, ReasonHelp] = {
    Reason.UNREADABLE: ReasonHelp(
        "The file was cut off while it was copied or downloaded, is empty, holds a page that a "
        "server sent in its place, lacks extensions that it promises, or the disk is bad. The "
        "other images are aligned; for this one nothing is written, and a copy in aligned/ that "
        "an earlier run made of the whole file stays.",
        "No parameter helps. Fetch the file again, or take it out of input; the next run does what "
        "is missing. Where the first image is the reference, or the refimage is damaged, nothing "
        "is run.",
    ),
    Reason.NO_PIXELS: ReasonHelp(
        "The exposure failed, or its pixels were blanked: each of them is nan or infinite.",
        "No parameter helps. Fetch the file again, or take it out of input.",
    ),
    Reason.NO_SOURCES: ReasonHelp(
        "The exposure is much shorter, or through a narrower filter, than those for which the "
        "threshold was chosen; or peakmin, peakmax, fluxmin, fluxmax, the sharpness and roundness "
        "limits, dqbits or a region file leave nothing over; or conv_width is far from the width "
        "of the stars.",
        "Lower imagefindpars.threshold for this image: an image with few sources is searched at "
        "lower thresholds, too, and the cure names the highest that gives enough. Where none "
        "does, lift the limits that are set.",
    ),
    Reason.FEW_SOURCES: ReasonHelp(
        "As with no_sources: the image is fainter than the others, or its field is sparse.",
        "Lower imagefindpars.threshold for this image. In a field with few stars lower "
        "object_matching.minobj: acceptance.max_false_alarm still guards against a chance match.",
    ),
    Reason.NO_REFERENCE_SOURCES: ReasonHelp(
        "The first image, refimage or the catalog has no source left: by its threshold, or by "
        "rminflux, rmaxflux and refnbright.",
        "Lower the threshold of the image that is the reference (imagefindpars.threshold below its "
        "name in images; refimagefindpars.threshold for a refimage), or widen the catalog's "
        "limits. Every image then has something to be matched with.",
    ),
    Reason.NO_OVERLAP: ReasonHelp(
        "The header is farther off than object_matching.searchrad, or the image shows another "
        "part of the sky than the reference.",
        "A larger object_matching.searchrad, where one was found that matches the image. For a "
        "mosaic whose images overlap each other but not the first, set expand_refcat: true, or "
        "give a reference catalog. Align distant fields with separate recipes.",
    ),
    Reason.NO_SIGNIFICANT_OFFSET: ReasonHelp(
        "The header is farther off than object_matching.searchrad; or the image is rolled, so "
        "that no one offset fits; or most of its sources are cosmic rays or hot pixels; or it "
        "shows another field; or the sources stand on a grid, where several offsets are as good.",
        "A larger object_matching.searchrad for an offset, object_matching.fallback: triangles "
        "for a roll or a wrong scale: both have been tried for the image, and the cure is what "
        "matched. Otherwise fewer false sources (a higher threshold, a conv_width as wide as the "
        "stars, dqbits) or more true ones (a lower threshold): `tweakreg suggest` measures that. "
        "Do not raise acceptance.max_false_alarm: it is what keeps wrong solutions out.",
    ),
    Reason.FEW_MATCHES: ReasonHelp(
        "The offset is certain, but fewer than object_matching.minobj sources have a partner: a "
        "small overlap, a sparse field, a roll (partners lie within the tolerance only near the "
        "middle), or an image much fainter than the reference.",
        "A larger object_matching.tolerance or object_matching.fallback: triangles for a roll, a "
        "lower threshold for more sources, and in a sparse field a lower object_matching.minobj.",
    ),
    Reason.SINGULAR_FIT: ReasonHelp(
        "The pairs are too few for catalog_fitting.fitgeometry, or lie at one place or on a line.",
        "A simpler catalog_fitting.fitgeometry (rshift, shift), or more sources.",
    ),
    Reason.FEW_KEPT: ReasonHelp(
        "The clip threw away pairs until fewer than acceptance.min_matches were left.",
        "More sources (a lower threshold), a milder clip (catalog_fitting.sigma, nclip), or a "
        "lower acceptance.min_matches.",
    ),
    Reason.LARGE_RMS: ReasonHelp(
        "The sources are faint, wrong pairs are among them, or the distortion in the header is "
        "not right.",
        "A stricter clip, a higher threshold so that only good stars count, "
        "catalog_fitting.weights: errors; or a higher acceptance.max_rms, if it will do.",
    ),
    Reason.LARGE_ERROR: ReasonHelp(
        "The pairs are few, or their positions bad, so that the fit is not known to "
        "acceptance.max_error.",
        "More sources, a simpler catalog_fitting.fitgeometry, catalog_fitting.weights: errors; or "
        "a higher acceptance.max_error, if it will do.",
    ),
    Reason.LARGE_SHIFT: ReasonHelp(
        "The header is farther off than acceptance.max_shift allows, or the match is wrong.",
        "Look at the plots of the image. If the match is right, raise acceptance.max_shift for it.",
    ),
    Reason.LARGE_ROTATION: ReasonHelp(
        "The header's roll is farther off than acceptance.max_rotation, or few pairs determine "
        "the rotation badly.",
        "catalog_fitting.fitgeometry: shift where the pairs are few; a higher "
        "acceptance.max_rotation where the match is right.",
    ),
    Reason.LARGE_SCALE: ReasonHelp(
        "The match is wrong, the pairs are few, or the header has another pixel scale.",
        "catalog_fitting.fitgeometry: rshift keeps the scale; a higher acceptance.max_scale where "
        "it is right.",
    ),
    Reason.SMALL_COVERAGE: ReasonHelp(
        "The pairs lie in one corner of the image: a small overlap with the reference.",
        "A lower acceptance.min_coverage, or a reference that covers more of the image "
        "(expand_refcat, a catalog).",
    ),
    Reason.NOT_BETTER: ReasonHelp(
        "Fits that have not seen a pair predict it worse than the present header does: few pairs "
        "for so free a geometry, or wrong ones among them.",
        "A simpler catalog_fitting.fitgeometry, or more sources. acceptance.never_worse: false "
        "applies the fit all the same.",
    ),
    Reason.WCS_NOT_REPRESENTABLE: ReasonHelp(
        "The header's projection cannot hold what the fit does, such as a skew in a gwcs.",
        "A simpler catalog_fitting.fitgeometry: rshift or shift.",
    ),
    Reason.REJECTED: ReasonHelp(
        "You said so.", "`tweakreg review RECIPE --all` asks about it again."
    ),
}
"""Help on every reason."""


def explain_code(reason: Reason) -> str:
    """Return some lines that explain a reason, for a terminal."""
    given = REASON_HELP[reason]
    lines = [f"{reason.value} (a reason of summary.ecsv)"]
    for label, text in (
        ("means", REASON_TEXTS[reason]),
        ("causes", given.causes),
        ("cures", given.cures),
    ):
        start = f"    {label + ':':<9}"
        lines += textwrap.wrap(
            text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start)
        )
    return "\n".join(lines) + "\n"
