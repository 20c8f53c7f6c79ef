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
        "The file was cut off while it was copied or downloaded, is empty, or is a web page "
        "that a server sent instead; it lacks extensions that its headers announce; or the disk "
        "is damaged. The other images are aligned. Nothing is written for this one, and a copy "
        "in aligned/ that an earlier run made of the intact file stays there.",
        "No parameter helps. Fetch the file again, or take it out of input; the next run then "
        "does what is missing. If the file is the reference (the first image, or refimage), "
        "nothing is run.",
    ),
    Reason.NO_PIXELS: ReasonHelp(
        "The exposure failed, or its pixels were blanked: all of them are NaN or infinite.",
        "No parameter helps. Fetch the file again, or take it out of input.",
    ),
    Reason.NO_SOURCES: ReasonHelp(
        "The exposure is much shorter, or was taken through a narrower filter, than those for "
        "which the threshold was chosen. Or no source passes the selection by peakmin, peakmax, "
        "fluxmin, fluxmax, sharpness and roundness, dqbits or a region file. Or conv_width "
        "differs much from the width of the stars.",
        "Lower imagefindpars.threshold for this image. Images with few sources are also "
        "searched at lower thresholds, and the cure gives the highest one that finds enough. If "
        "none does, relax the selection.",
    ),
    Reason.FEW_SOURCES: ReasonHelp(
        "The same as for no_sources: the image is fainter than the others, or the field is sparse.",
        "Lower imagefindpars.threshold for this image. In a field with few stars, lower "
        "object_matching.minobj: acceptance.max_false_alarm still protects against chance "
        "matches.",
    ),
    Reason.NO_REFERENCE_SOURCES: ReasonHelp(
        "No source was found in the first image or in refimage, or none is left of the catalog "
        "after the cuts by rminflux, rmaxflux and refnbright.",
        "Lower the threshold of the reference image (imagefindpars.threshold for this image in "
        "images, or refimagefindpars.threshold for a refimage), or relax the limits of the "
        "catalog. Without reference sources no image can be matched.",
    ),
    Reason.NO_OVERLAP: ReasonHelp(
        "The pointing in the header is wrong by more than object_matching.searchrad, or the "
        "image shows a different part of the sky than the reference.",
        "Increase object_matching.searchrad; the cure gives a value if one was found at which "
        "the image matches. For a mosaic whose images overlap each other but not the first one, "
        "set expand_refcat: true, or use a reference catalog. Align separate fields with "
        "separate recipes.",
    ),
    Reason.NO_SIGNIFICANT_OFFSET: ReasonHelp(
        "The pointing in the header is wrong by more than object_matching.searchrad; the roll "
        "angle is wrong, so that no single offset fits; most of the sources are cosmic rays or "
        "hot pixels; the image shows another field; or the sources form a regular grid, on "
        "which several offsets fit equally well.",
        "Increase object_matching.searchrad if the pointing is wrong; set "
        "object_matching.fallback: triangles if the roll or the scale is. Both have been tried "
        "for this image, and the cure is the one that matched. Otherwise find fewer false "
        "sources (a higher threshold, a conv_width equal to the width of the stars, dqbits) or "
        "more real ones (a lower threshold); `tweakreg suggest` tries this out. Do not raise "
        "acceptance.max_false_alarm: it keeps wrong solutions out.",
    ),
    Reason.FEW_MATCHES: ReasonHelp(
        "The offset is certain, but fewer than object_matching.minobj sources have a "
        "counterpart. The overlap may be small, the field sparse, or the image much fainter "
        "than the reference; or the roll angle is wrong, so that counterparts lie within the "
        "tolerance only near the centre.",
        "Increase object_matching.tolerance, or set object_matching.fallback: triangles if the "
        "roll is wrong. A lower threshold gives more sources. In a sparse field, lower "
        "object_matching.minobj.",
    ),
    Reason.SINGULAR_FIT: ReasonHelp(
        "There are too few pairs for catalog_fitting.fitgeometry, or all of them lie at one "
        "position or on a line.",
        "Use a simpler catalog_fitting.fitgeometry (rshift or shift), or find more sources.",
    ),
    Reason.FEW_KEPT: ReasonHelp(
        "Sigma clipping rejected so many pairs that fewer than acceptance.min_matches were left.",
        "Find more sources (a lower threshold), clip less strictly (catalog_fitting.sigma, "
        "nclip), or lower acceptance.min_matches.",
    ),
    Reason.LARGE_RMS: ReasonHelp(
        "The sources are faint, some pairs are wrong, or the distortion model in the header is "
        "not correct.",
        "Clip more strictly, use only bright stars (a higher threshold), or set "
        "catalog_fitting.weights: errors. If the accuracy is sufficient for your purpose, raise "
        "acceptance.max_rms.",
    ),
    Reason.LARGE_ERROR: ReasonHelp(
        "There are few pairs, or their positions are uncertain, so that the standard error of "
        "the fit exceeds acceptance.max_error.",
        "Find more sources, use a simpler catalog_fitting.fitgeometry, or set "
        "catalog_fitting.weights: errors. If the accuracy is sufficient for your purpose, raise "
        "acceptance.max_error.",
    ),
    Reason.LARGE_SHIFT: ReasonHelp(
        "The pointing in the header is wrong by more than acceptance.max_shift, or the match is "
        "wrong.",
        "Look at the plots of the image. If the match is right, raise acceptance.max_shift for "
        "this image.",
    ),
    Reason.LARGE_ROTATION: ReasonHelp(
        "The roll angle in the header is wrong by more than acceptance.max_rotation, or there "
        "are too few pairs to measure the rotation well.",
        "Set catalog_fitting.fitgeometry: shift if there are few pairs; raise "
        "acceptance.max_rotation if the match is right.",
    ),
    Reason.LARGE_SCALE: ReasonHelp(
        "The match is wrong, there are few pairs, or the pixel scale in the header is wrong.",
        "Set catalog_fitting.fitgeometry: rshift, which keeps the scale; raise "
        "acceptance.max_scale if the scale is right.",
    ),
    Reason.SMALL_COVERAGE: ReasonHelp(
        "All pairs lie in one part of the image, usually because it overlaps little with the "
        "reference.",
        "Lower acceptance.min_coverage, or use a reference that covers more of the image "
        "(expand_refcat, a catalog).",
    ),
    Reason.NOT_BETTER: ReasonHelp(
        "In cross-validation, the fit predicts the pairs that were left out of it worse than "
        "the present header does. There are too few pairs for such a flexible geometry, or some "
        "of them are wrong.",
        "Use a simpler catalog_fitting.fitgeometry, or find more sources. With "
        "acceptance.never_worse: false the fit is applied anyway.",
    ),
    Reason.WCS_NOT_REPRESENTABLE: ReasonHelp(
        "The WCS model of this image cannot express the fitted correction, for example a skew "
        "in a gwcs.",
        "Use a simpler catalog_fitting.fitgeometry: rshift or shift.",
    ),
    Reason.REJECTED: ReasonHelp(
        "You rejected the fit in `tweakreg review`.",
        "`tweakreg review RECIPE --all` asks about it again.",
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
