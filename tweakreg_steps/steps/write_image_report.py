"""The page of one image: what it looks like, what was matched, and how well it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict, cast

from tweakreg_steps.fit_file import read_fit
from tweakreg_steps.fits_files.header_cards import Cards
from tweakreg_steps.json_file import read_json
from tweakreg_steps.records.outdir_files import log_of_image
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.records.verdict import after_review
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import LAST_SOURCES, is_reported
from tweakreg_steps.steps.declaration import Per, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.preloads import ENCODER_MODULES, MATCHING_MODULES
from tweakreg_steps.steps.products import (
    CATALOG,
    FIT,
    FOOTPRINT,
    IMAGE_PAGE,
    IMAGE_REPORT,
    MATCHES,
    OFFSETS_PLOT,
    PAIRS,
    PLANE,
    QUICKLOOK,
    RESIDUALS_PLOT,
    SKY,
    VECTORS_PLOT,
)
from tweakreg_steps.steps.subject import Subject

if TYPE_CHECKING:
    from tweakreg_steps.astrometry.footprint import Footprint
    from tweakreg_steps.finding.catalog_meta import CatalogMeta
    from tweakreg_steps.reporting.quicklook import Quicklook

_LINKED = {
    "fit": FIT,
    "pairs of the fit": PAIRS,
    "plot of the offsets": OFFSETS_PLOT,
    "plot of the residuals": RESIDUALS_PLOT,
    "plot of the vectors": VECTORS_PLOT,
}
"""What the page leads to, as far as it was asked for."""


class Facts(TypedDict):
    """What the header says for people, whether the fit was rejected, a digest of the page.

    Where reference stars move, the epoch of the image, too.
    """

    labels: Cards
    rejected: bool
    pages: str
    epoch: NotRequired[float | None]


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where there is a page."""
    if not is_reported(subject):
        return None
    from tweakreg_steps.reporting.rendering import pages_digest

    facts: Facts = {
        "labels": dict(subject.this.labels),
        "rejected": subject.decide(subject.this) is Decision.REJECT,
        "pages": pages_digest(),
    }
    if subject.findings.refcat_moves:
        facts["epoch"] = subject.this.epoch
    return facts


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    reads={
        "footprint": FOOTPRINT,
        "look": QUICKLOOK,
        "catalog": CATALOG,
        "sky": SKY,
        "matches": MATCHES,
        "plane": PLANE,
        "fit": FIT,
        "pairs": PAIRS,
        **LAST_SOURCES,
    },
    writes={"page": IMAGE_PAGE, "facts": IMAGE_REPORT},
    imports=(
        "tweakreg_steps.reporting.image_report",
        "tweakreg_steps.reporting.offset_peaks",
        "tweakreg_steps.reporting.offsets_of_match",
        "tweakreg_steps.reporting.image_page",
        "tweakreg_steps.reporting.all_templates",
        *ENCODER_MODULES,
        *MATCHING_MODULES,
    ),
)


def run(call: StepCall[NoParameters, Facts]) -> None:
    """Write ``report/<image>.html``, and beside it what the page of the run says of the image."""
    from tweakreg_steps.alignment.match_meta import match_meta
    from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale, read_reference_plane
    from tweakreg_steps.atomic import write_text_atomically
    from tweakreg_steps.records.statement import merged_parameters
    from tweakreg_steps.reporting.image_page import image_page
    from tweakreg_steps.reporting.image_report import describe_image, summarize_image
    from tweakreg_steps.reporting.offset_peaks import find_offsets
    from tweakreg_steps.reporting.star_motions import describe_motions

    footprint: Footprint = read_json(call.file("footprint"))
    look: Quicklook = read_json(call.file("look"))
    fit = after_review(read_fit(call.file("fit")), rejected=call.inputs["rejected"])
    plane = read_reference_plane(call.file("plane"))
    found = cast("CatalogMeta", call.read_meta("catalog"))
    sky, matches, pairs = (call.read_table(name) for name in ("sky", "matches", "pairs"))
    sources = call.read_table("expanded" if call.optional_file("expanded") else "sources")
    scale = plane_pixel_scale(plane) * 1000.0
    facts = summarize_image(footprint["chips"], call.inputs["labels"], fit, scale)
    facts["motions"] = describe_motions(sources, pairs, call.inputs.get("epoch"))
    facts["parameters"] = merged_parameters(fit, sources.meta, found, matches.meta)
    used = sources.head(match_meta(matches)["n_reference"])
    drawn = describe_image(call.name, footprint["chips"], look, fit, pairs, sky, used, plane)
    offsets = find_offsets(call.name, matches, sky, sources, call.file("plane"))
    page = image_page(
        facts,
        {**drawn, "offsets": offsets},
        found=found,
        match=match_meta(matches),
        files={text: f"../{product.path(image=call.name)}" for text, product in _LINKED.items()},
        log=f"../{log_of_image(call.name)}",
        said=call.statement,
    )
    write_text_atomically(call.file("page"), page)
    call.write_record("facts", facts)
