"""What other parameters of the matching would match an image that was not matched.

Nothing of this is ever applied: it is looked for so that the user can be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from tweakreg_steps.curing.cure import Changes, round_up
from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.matching.matching import Matches, match_sources
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.quiet import quietly
from tweakreg_steps.sections import Fallback, ObjectMatching

MATCHING = "object_matching"

_GROWTH = 4.0
"""By what the search radius grows from one try to the next."""
_MARGIN = 1.25
"""A proposed search radius is so many times the offset found."""
_TOLERANCES = (2.0, 4.0)
"""The tolerances that are tried, in units of the present one."""
_NEVER = 1e-15
"""A probability below this is said to be so."""
FEWEST = 4
"""So many matches at least, whatever minobj asks for."""


class MatchChanges(TypedDict, total=False):
    """Other values of ``object_matching``."""

    use2dhist: bool
    searchrad: float
    fallback: Fallback
    tolerance: float
    minobj: int


@dataclass(frozen=True)
class MatchTrial:
    """What a look at other parameters has found.

    Attributes
    ----------
    changes
        The parameters with which the image is matched; empty where none was found.
    says
        With which result, or what was tried, in words.
    """

    changes: Changes
    says: str


def try_matching(
    image: SourceList,
    reference: SourceList,
    *,
    pixel_scale: float,
    max_false_alarm: float,
    matching: ObjectMatching,
) -> MatchTrial:
    """Look for the least change of parameters with which an image is matched.

    A larger search radius comes first, then triangles, a larger tolerance, and fewer matches.

    Parameters
    ----------
    image, reference : SourceList
        The lists, in pixels of the reference plane.
    pixel_scale : float
        Size of these pixels in arcseconds.
    max_false_alarm : float
        Largest probability with which unrelated lists may give the offset; it stays.
    matching : mapping
        The keywords of `tweakreg_steps.matching.matching.match_sources` from the recipe.
    """
    unit = pixel_scale if matching["searchunits"] == "arcseconds" else 1.0
    reach = farthest_overlap(image, reference) * unit
    if len(image) < FEWEST or len(reference) < FEWEST:
        return MatchTrial({}, f"{len(image)} sources and {len(reference)} of the reference")

    def match(own: MatchChanges, *, in_short: bool) -> Matches | None:
        given: ObjectMatching = {**matching, **own}
        if in_short and "fallback" not in own and given["method"] == "histogram":
            given["fallback"] = "none"  # the ways behind it have been tried, or will be
        try:
            return match_sources(
                image,
                reference,
                pixel_scale=pixel_scale,
                max_false_alarm=max_false_alarm,
                **given,
            )
        except NotAlignedError:
            return None

    with quietly():
        for own in match_changes(matching, reach=reach):
            found = match(own, in_short=True)
            if found is None:
                continue
            offset = max(abs(found.overlay.offset.dx), abs(found.overlay.offset.dy)) * unit
            final = _enough(own, matching, found, offset)
            if final != own:
                again = match(final, in_short=False)
                final, found = (own, found) if again is None else (final, again)
            return MatchTrial({MATCHING: final}, _say(found, pixel_scale))
    return MatchTrial({}, _say_nothing(matching, reach))


def match_changes(matching: ObjectMatching, *, reach: float) -> Iterator[MatchChanges]:
    """Yield the changes of the section ``object_matching`` that are worth trying, the least first.

    Parameters
    ----------
    matching : mapping
        The section as it is.
    reach : float
        The largest offset at which the lists overlap at all, in the unit of ``searchrad``.
    """
    base: MatchChanges = {} if matching["use2dhist"] else {"use2dhist": True}
    if base:
        yield base
    is_histogram = matching["method"] == "histogram"
    if is_histogram:
        for radius in search_radii(matching, reach):
            yield {**base, "searchrad": radius}
    has_triangles = "triangles" in (matching["method"], matching["fallback"])
    if not has_triangles:
        yield {**base, "fallback": "triangles"}
    for times in _TOLERANCES:
        yield {**base, "tolerance": matching["tolerance"] * times}
    if matching["minobj"] > FEWEST:
        yield {**base, "minobj": FEWEST}


def search_radii(matching: ObjectMatching, reach: float) -> Iterator[float]:
    """Yield larger and larger search radii, up to where the lists lie beside each other."""
    radius = matching["searchrad"]
    while radius < reach:
        radius = min(radius * _GROWTH, round_up(reach))
        yield radius


def farthest_overlap(image: SourceList, reference: SourceList) -> float:
    """Return the largest offset in x or y, in pixels, at which the boxes around lists overlap."""
    own, other = image.xy, reference.xy
    if not len(own) or not len(other):
        return 0.0
    least, largest = own.min(axis=0) - other.max(axis=0), own.max(axis=0) - other.min(axis=0)
    return float(np.max(np.abs([least, largest])))


def _enough(
    own: MatchChanges, matching: ObjectMatching, found: Matches, offset: float
) -> MatchChanges:
    """Return the changes with no larger a search radius, and no fewer matches, than it takes."""
    final: MatchChanges = {**own}
    if "searchrad" in own:
        final["searchrad"] = max(round_up(_MARGIN * offset), matching["searchrad"])
        if final["searchrad"] == matching["searchrad"]:
            del final["searchrad"]
    if "minobj" in own:
        final["minobj"] = min(len(found.distance), matching["minobj"])
    return final


def _say(found: Matches, pixel_scale: float) -> str:
    """Say how an image is matched."""
    offset = found.overlay.offset
    where = f"({offset.dx * pixel_scale:.3g}, {offset.dy * pixel_scale:.3g}) arcsec"
    similarity = found.overlay.similarity
    if similarity is not None:
        rotation = np.degrees(np.arctan2(similarity.matrix[1, 0], similarity.matrix[0, 0]))
        where = f"a rotation of {abs(rotation):.3g} deg"
    what = "by" if similarity is not None else "at the offset"
    chance = found.overlay.false_alarm
    how_much = f"of {chance:.1g}" if chance > _NEVER else f"below {_NEVER:g}"
    return (
        f"{len(found.distance)} pairs {what} {where}, which unrelated lists give with a"
        f" probability {how_much}"
    )


def _say_nothing(matching: ObjectMatching, reach: float) -> str:
    """Say what was tried in vain."""
    unit = "arcsec" if matching["searchunits"] == "arcseconds" else "pixels"
    radius = max(matching["searchrad"], round_up(reach) if reach > 0 else 0.0)
    return f"search radii up to {radius:g} {unit}, triangles, and tolerances up to 4 times as large"
