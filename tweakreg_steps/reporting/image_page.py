"""The page of an image: words and numbers; its script draws the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tweakreg_steps.alignment.match_meta import MatchMeta
from tweakreg_steps.errors import REASON_TEXTS, Reason
from tweakreg_steps.finding.catalog_meta import CatalogMeta
from tweakreg_steps.records.statement import Statement, sign_page
from tweakreg_steps.reporting.image_report import ImageDrawing, ImageFacts
from tweakreg_steps.reporting.rendering import format_chance, format_number, render
from tweakreg_steps.reporting.star_motions import motions_in_words

_STATUS_TEXTS = {
    "reference": "reference",
    "aligned": "aligned",
    "not_aligned": "not aligned",
}


def image_page(
    facts: ImageFacts,
    data: ImageDrawing,
    *,
    found: CatalogMeta,
    match: MatchMeta,
    files: Mapping[str, str],
    log: str,
    said: Statement,
) -> str:
    """Write the page of an image.

    Parameters
    ----------
    facts
        `tweakreg_steps.reporting.image_report.summarize_image`.
    data
        `tweakreg_steps.reporting.image_report.describe_image`, with ``offsets``.
    found
        The metadata of its catalog.
    match
        The metadata of its match.
    files
        Files that belong to it, relative to the page, by what they are.
    log
        What its jobs had to say, relative to the page.
    said
        What the page says of its making.
    """
    offsets = data["offsets"]
    page = render(
        "image.html",
        {
            "facts": facts,
            "data": data,
            "status": _STATUS_TEXTS.get(facts["status"], facts["status"]),
            "verdict": verdict(facts),
            "numbers": list(_numbers(facts)),
            "story": [*_search(found), *_story(facts, match)],
            "files": files,
            "log": log,
            "peaks": offsets["peaks"] if offsets else [],
        },
    )
    return sign_page(page, said)


def verdict(facts: ImageFacts) -> str:
    """Say in words what became of an image."""
    if facts["status"] == "reference":
        return "It is the reference: the others are aligned with it."
    if facts["status"] == "aligned":
        return f"Aligned with {facts['reference']}."
    return f"Not aligned: {reason_text(facts['reason'])}. Its header stays as it is."


def reason_text(reason: str) -> str:
    """Say a reason in words; one that this version does not know as it is."""
    try:
        return REASON_TEXTS[Reason(reason)] if reason else ""
    except ValueError:
        return reason


def _numbers(facts: ImageFacts) -> Iterator[tuple[str, str]]:
    """Yield the numbers of a fit, each with what it is called, in px and mas."""
    yield "sources found", str(facts["n_sources"])
    if facts["status"] == "reference":
        return
    yield "pairs kept / matched", f"{facts['n_fit']} / {facts['n_matched']}"
    chance = facts["false_alarm"]
    yield "probability of a false offset", format_chance(chance)
    if facts["dx"] is None:
        return
    scale = facts["plane_scale"]
    for axis, shift in (("x", facts["dx"]), ("y", facts["dy"])):
        in_mas = format_number(None if shift is None else shift * scale, 1)
        yield f"shift along {axis}", f"{format_number(shift, 3)} px ({in_mas} mas)"
    yield "rotation", f"{format_number(facts['rotation'], 5)}°"
    yield "scale", format_number(facts["scale"], 6)
    for sky, axis, rms, weighted, on_axis in (
        ("RA", "x", facts["rms_ra"], facts["wrms_ra"], facts["rms_x"]),
        ("Dec", "y", facts["rms_dec"], facts["wrms_dec"], facts["rms_y"]),
    ):
        in_px = format_number(on_axis, 3)
        yield f"rms in {sky}", f"{format_number(rms, 2)} mas ({axis}: {in_px} px)"
        if weighted != rms:
            yield f"rms in {sky}, weighted as in the fit", f"{format_number(weighted, 2)} mas"
    for axis, error in (("x", facts["error_x"]), ("y", facts["error_y"])):
        if error is not None:
            in_px = format_number(error / scale, 4)
            yield f"standard error along {axis}", f"{format_number(error, 2)} mas ({in_px} px)"
    yield "geometry of the fit", facts["fitgeometry"]


def _search(found: CatalogMeta) -> Iterator[str]:
    """Yield how the sources of each chip were found, and what the search warned of."""
    for chip in found.get("chips") or ():
        said = [f"chip {chip.get('chip')}: {chip.get('n_sources')} sources"]
        if isinstance(chip.get("threshold_level"), int | float):
            said.append(f"above {chip['threshold_level']:.4g}")
        if isinstance(chip.get("sky_sigma"), int | float):
            said.append(f"noise of the sky {chip['sky_sigma']:.4g}")
        yield ", ".join(said)
        yield from (f"chip {chip.get('chip')}: {text}" for text in chip.get("warnings") or ())


def _story(facts: ImageFacts, match: MatchMeta) -> Iterator[str]:
    """Yield what happened, step by step, in the order of the work."""
    yield f"{facts['n_sources']} sources, {match['n_reference']} in the reference list"
    motions = facts.get("motions")
    if motions:
        yield motions_in_words(motions)
    narrow, fixed = match.get("n_narrow"), match.get("n_fixed")
    if narrow is not None:
        yield (
            f"{narrow} sources too narrow for a star, {fixed} at a fixed place on the detector; "
            f"{match.get('n_left_out', 0)} sources left out of the matching"
        )
    if "search_radius" in match:
        yield (
            f"offset sought within {match['search_radius']:.4g} px; "
            f"a pair may be off by {match['tolerance']:.4g} px"
        )
    if "offset" in match:
        x, y = match["offset"]
        yield (
            f"offset found by {match.get('way', 'histogram')}: dx {x:.3f}, dy {y:.3f} px; "
            f"{match.get('n_peak', 0):.0f} pairs there, "
            f"{match.get('n_expected', 0):.3g} expected by chance"
        )
    if facts["n_matched"]:
        yield f"{facts['n_matched']} pairs matched, {facts['n_fit']} kept by the fit"
