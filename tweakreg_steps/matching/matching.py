"""Which source of an image is which source of the reference.

The lists are laid over each other by an offset, or by the transformation found by triangles,
which must be more than chance; then each reference source takes the nearest source of the image.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tweakreg_steps.arrays import FloatArray, IndexArray
from tweakreg_steps.errors import ChanceOffsetError, NotAlignedError, Reason
from tweakreg_steps.matching.artifacts import Selection, find_artifacts, tiers
from tweakreg_steps.matching.attempts import (
    TRIANGLES,
    Fallback,
    Method,
    Overlay,
    Wanted,
    lay_over,
    overlays,
    triangle_overlays,
)
from tweakreg_steps.matching.lattice import is_ambiguous
from tweakreg_steps.matching.pairing import ListMatch, match_tables, thin
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.matching.tuning import BRIGHTNESS_AGREEMENT, FAR_MORE, FEW_PAIRED, RETURNING

log = logging.getLogger(__name__)

SearchUnits = Literal["arcseconds", "pixels"]


@dataclass(frozen=True)
class Matches:
    """The matched sources of an image.

    Attributes
    ----------
    overlay : Overlay
        How the lists were laid over each other, and how far that is more than chance.
    n_narrow, n_fixed : int
        Sources of the image that are too narrow for stars, or fixed on the detector.
    n_left_out : int
        Sources of the image that took no part.
    n_by_chance : float
        Pairs expected by chance within the tolerance.
    image_index, reference_index : (n,) int arrays
        Indices of the two lists; in increasing order of that of the reference list.
    distance : (n,) float array
        Distance in pixels once the lists lie over each other.
    """

    overlay: Overlay
    n_narrow: int
    n_fixed: int
    n_left_out: int
    n_by_chance: float
    image_index: IndexArray
    reference_index: IndexArray
    distance: FloatArray


def match_sources(
    image: SourceList,
    reference: SourceList,
    *,
    pixel_scale: float,
    max_false_alarm: float,
    minobj: int,
    searchrad: float,
    searchunits: SearchUnits,
    method: Method,
    fallback: Fallback,
    mirrored: bool,
    use2dhist: bool,
    leave_out_narrow: bool,
    leave_out_fixed: bool,
    tolerance: float,
    separation: float,
    xoffset: float | None,
    yoffset: float | None,
) -> Matches:
    """Match the sources of an image with those of the reference.

    The sources that are neither narrow nor fixed on the detector are tried first, then all but
    those that are both. What is left out comes back where it makes many more pairs than chance
    would: then it is the camera that makes narrow stars.

    Parameters
    ----------
    image, reference : SourceList
        The two lists, in pixels of the reference plane.
    pixel_scale : float
        Size of these pixels in arcseconds.
    max_false_alarm : float
        Largest probability with which unrelated lists may give the offset.
    minobj : int
        Least number of sources, and of matches.
    searchrad : float
        Search radius of the offset.
    searchunits : {"arcseconds", "pixels"}
        Unit of ``searchrad``.
    method : {"histogram", "triangles"}
        Whether an offset is looked for first, or any rotation, offset and a scale within 6 %.
    fallback : {"none", "brightest", "triangles"}
        What is tried where the histogram has no peak that is more than chance.
    mirrored : bool
        Whether triangles may be each other's mirror images.
    use2dhist : bool
        Whether the offset is the peak of all pair separations.
    leave_out_narrow, leave_out_fixed : bool
        Whether sources that are too narrow for stars, or fixed on the detector, are left out.
    tolerance : float
        Matching radius in pixels after the offset.
    separation : float
        Sources of one list this close in pixels count as one.
    xoffset, yoffset : float or None
        Offset in pixels, image minus reference, when ``use2dhist`` is false; None is 0.

    Returns
    -------
    Matches
        The matched sources, at least ``minobj``.

    Raises
    ------
    NotAlignedError
        FEW_SOURCES, NO_REFERENCE_SOURCES, NO_OVERLAP, NO_SIGNIFICANT_OFFSET (a ChanceOffsetError),
        FEW_MATCHES.
    """
    _check_numbers(len(image), len(reference), minobj)
    wanted = Wanted(
        method=method,
        fallback=fallback,
        mirrored=mirrored,
        tolerance=tolerance,
        max_false_alarm=max_false_alarm,
        searchrad=searchrad / pixel_scale if searchunits == "arcseconds" else searchrad,
        given=None if use2dhist else (xoffset or 0.0, yoffset or 0.0),
    )
    artifacts = find_artifacts(image, reference, narrow=leave_out_narrow, fixed=leave_out_fixed)
    lists = _Lists(image, reference, tiers(image, reference, artifacts), wanted, separation)
    paired = _bring_back(lists, _prefer_triangles(lists, _first_good(lists, minobj)))
    n_found = len(paired.pairs.distance)
    offset = paired.overlay.offset
    log.info(
        "%d matches, %s: offset (%.3f, %.3f)", n_found, paired.overlay.way, offset.dx, offset.dy
    )
    return Matches(
        overlay=paired.overlay,
        n_narrow=int(artifacts[0].narrow.sum()),
        n_fixed=int(artifacts[0].fixed.sum()),
        n_left_out=len(image) - len(paired.overlay.selection.image),
        n_by_chance=paired.by_chance,
        image_index=paired.pairs.image_index,
        reference_index=paired.pairs.reference_index,
        distance=paired.pairs.distance,
    )


@dataclass(frozen=True)
class _Lists:
    """Two lists, the parts of them that are tried, and what the recipe says."""

    image: SourceList
    reference: SourceList
    tiers: list[Selection]
    wanted: Wanted
    separation: float


@dataclass(frozen=True)
class _Paired:
    """An overlay with its pairs, and how many of them are expected by chance."""

    overlay: Overlay
    pairs: ListMatch
    by_chance: float

    @property
    def beyond_chance(self) -> float:
        """Return the number of pairs that chance does not explain."""
        return len(self.pairs.distance) - self.by_chance


def _first_good(lists: _Lists, minobj: int) -> _Paired:
    """Pair the first overlay that is more than chance and gives enough matches."""
    best: Overlay | None = None
    few: _Paired | None = None
    doubtful: Overlay | None = None
    for tries, found in enumerate(_overlays(lists), start=1):
        overlay = found.among(tries)
        if doubtful is None and (overlay.offset.has_rival or overlay.offset.is_beyond):
            doubtful = overlay
        if best is None or overlay.false_alarm < best.false_alarm:
            best = overlay
        if overlay.false_alarm > lists.wanted.max_false_alarm:
            continue
        paired = _pair(lists, overlay)
        if _is_one_of_many(lists, paired, doubtful):
            doubtful = doubtful or overlay.with_rival()
            continue
        if len(paired.pairs.distance) >= minobj:
            return paired
        if few is None or len(few.pairs.distance) < len(paired.pairs.distance):
            few = paired
    raise _too_few(lists, few, minobj) if few else _by_chance(lists, doubtful or best)


def _is_one_of_many(lists: _Lists, paired: _Paired, doubtful: Overlay | None) -> bool:
    """Return whether other overlays are as good, and the brightness of the pairs does not decide.

    An offset that the recipe gives is not one of many.
    """
    if lists.wanted.given is not None:
        return False
    has_rival = doubtful is not None and doubtful.offset.has_rival
    return (has_rival or _is_ambiguous(lists, paired)) and not _agree_in_brightness(
        lists, paired.pairs
    )


def _is_ambiguous(lists: _Lists, paired: _Paired) -> bool:
    """Return whether the lists would lie over each other elsewhere about as well."""
    image, reference = (np.column_stack([table.x, table.y]) for table in paired.overlay.tables)
    offset = paired.overlay.offset
    return is_ambiguous(
        image - (offset.dx, offset.dy),
        reference,
        lists.reference.xy[paired.pairs.reference_index],
        tolerance=lists.wanted.tolerance,
    )


def _agree_in_brightness(lists: _Lists, pairs: ListMatch) -> bool:
    """Return whether bright sources are paired with bright ones, beyond chance.

    The correlation r of the ranks of n unrelated pairs has a standard deviation of (n - 1)^-1/2.
    """
    brightness = np.stack(
        [
            lists.image.brightness[pairs.image_index],
            lists.reference.brightness[pairs.reference_index],
        ]
    )
    n_pairs = brightness.shape[1]
    if n_pairs < 3 or not np.isfinite(brightness).all():  # noqa: PLR2004 - two always agree
        return False
    one, other = np.argsort(np.argsort(brightness, axis=1), axis=1) - (n_pairs - 1) / 2
    correlation = (one @ other) / np.sqrt((one @ one) * (other @ other))
    return bool(correlation * np.sqrt(n_pairs - 1) > BRIGHTNESS_AGREEMENT)


def _overlays(lists: _Lists) -> Iterator[Overlay]:
    """Yield all overlays, in the order in which they are tried."""
    given = lists.image, lists.reference
    apart: NotAlignedError | None = None
    found_any = False
    if lists.wanted.method == "histogram":
        for selection in lists.tiers:
            try:
                for overlay in overlays(*given, selection, lists.wanted):
                    found_any = True
                    yield overlay
            except NotAlignedError as error:
                apart = error
    if "triangles" in (lists.wanted.method, lists.wanted.fallback):
        yield from _by_triangles(lists)
    elif apart and not found_any:
        raise apart


def _by_triangles(lists: _Lists) -> Iterator[Overlay]:
    """Yield the overlays by triangles, in the order in which it is tried."""
    for selection in lists.tiers:
        yield from triangle_overlays(lists.image, lists.reference, selection, lists.wanted)


def _pair(lists: _Lists, overlay: Overlay) -> _Paired:
    """Pair the sources of an overlay, one to one."""
    selection, tolerance = overlay.selection, lists.wanted.tolerance
    offset = overlay.offset.dx, overlay.offset.dy
    thinned = (thin(table, lists.separation) for table in overlay.tables)
    found = match_tables(*thinned, tolerance=tolerance, offset=offset)
    pairs = replace(
        found,
        image_index=selection.image[found.image_index],
        reference_index=selection.reference[found.reference_index],
    )
    return _Paired(overlay, pairs, overlay.pairs_by_chance(tolerance))


def _prefer_triangles(lists: _Lists, paired: _Paired) -> _Paired:
    """Take the overlay by triangles, where it is allowed, if it explains far more pairs.

    Of an image that is rotated the histogram has a peak, too: of the few sources around the
    position that stays where it is.
    """
    wanted, selection = lists.wanted, paired.overlay.selection
    possible = min(len(selection.image), len(selection.reference))
    if (
        wanted.fallback != "triangles"
        or paired.overlay.way == TRIANGLES
        or wanted.given is not None
        or paired.beyond_chance > FEW_PAIRED * possible
    ):
        return paired
    for tries, found in enumerate(_by_triangles(lists), start=1):
        overlay = found.among(tries)
        other = _pair(lists, overlay)
        if (
            overlay.false_alarm <= wanted.max_false_alarm
            and other.beyond_chance > FAR_MORE * paired.beyond_chance
            and not _is_one_of_many(lists, other, None)
        ):
            return other
    return paired


def _bring_back(lists: _Lists, paired: _Paired) -> _Paired:
    """Take what was left out as well where its pairs are plainly more than chance."""
    if paired.overlay.selection is lists.tiers[-1]:
        return paired
    selection, similarity = lists.tiers[-1], paired.overlay.similarity
    tables = lay_over(lists.image, lists.reference, selection, similarity)
    wider = _pair(
        lists, replace(paired.overlay, selection=selection, tables=tables, measured=False)
    )
    gained = len(wider.pairs.distance) - len(paired.pairs.distance)
    return wider if gained > RETURNING * max(wider.by_chance - paired.by_chance, 1.0) else paired


def _too_few(lists: _Lists, few: _Paired, minobj: int) -> NotAlignedError:
    """Explain that there are matches, but not enough."""
    offset = few.overlay.offset
    return NotAlignedError(
        Reason.FEW_MATCHES,
        f"{len(few.pairs.distance)} of {len(lists.image)} sources match one of"
        f" {len(lists.reference)} reference sources within {lists.wanted.tolerance:g} pixels"
        f" ({few.overlay.way}, offset ({offset.dx:.2f}, {offset.dy:.2f}));"
        f" object_matching.minobj asks for {minobj}",
    )


def _by_chance(lists: _Lists, best: Overlay | None) -> ChanceOffsetError:
    """Explain that no offset is more than chance, or only one that is not to be taken."""
    cure = ""
    if best is None:
        what = "no triangles are alike"
    elif best.offset.is_beyond:
        what, cure = _beyond(lists, best)
    elif best.offset.has_rival:
        what = (
            f"other offsets bring about as many pairs as ({best.offset.dx:.2f},"
            f" {best.offset.dy:.2f}; {best.way}), as on a grid, so none is accepted"
        )
    else:
        evidence = best.offset.evidence
        what = (
            f"the best offset ({best.offset.dx:.2f}, {best.offset.dy:.2f}; {best.way}) has pairs"
            f" from {evidence.n_cells} cells of the field, {evidence.cells_by_chance:.1f} by"
            f" chance: unrelated lists give as much with a probability of {best.false_alarm:.2g}"
        )
    return ChanceOffsetError(
        f"{what}; acceptance.max_false_alarm is {lists.wanted.max_false_alarm:g}{cure}",
        1.0 if best is None else best.false_alarm,
    )


def _beyond(lists: _Lists, best: Overlay) -> tuple[str, str]:
    """Explain that the lists agree beyond the search radius, and what would reach so far."""
    radius, offset = lists.wanted.searchrad, best.offset
    times = np.ceil(10.0 * max(abs(offset.dx), abs(offset.dy)) / radius) / 10.0
    what = (
        f"the lists agree best at ({offset.dx:.2f}, {offset.dy:.2f}; {best.way}), beyond the"
        f" search radius of {radius:.4g} pixels"
    )
    return what, f"; a searchrad {times:g} times as large would reach it"


def _check_numbers(n_image: int, n_reference: int, minobj: int) -> None:
    """Refuse lists that cannot give enough matches."""
    if n_reference == 0:
        raise NotAlignedError(
            Reason.NO_REFERENCE_SOURCES,
            "the reference list is empty",
        )
    if n_image < minobj:
        raise NotAlignedError(
            Reason.FEW_SOURCES,
            f"{n_image} sources, object_matching.minobj asks for {minobj}",
        )
