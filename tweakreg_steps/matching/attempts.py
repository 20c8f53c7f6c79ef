"""The ways to lay two lists over each other, in the order in which they are tried."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tweakreg_steps.matching.artifacts import Selection
from tweakreg_steps.matching.large_errors import recover_transformation
from tweakreg_steps.matching.neighbours import PointTable
from tweakreg_steps.matching.offset import Offset, find_offset, pairs_by_chance, weigh_offset
from tweakreg_steps.matching.similarity import Similarity
from tweakreg_steps.matching.source_list import SourceList, brightest_of_both
from tweakreg_steps.matching.tuning import BRIGHT_AREA_RATIO, BRIGHT_LEVELS

log = logging.getLogger(__name__)

Method = Literal["histogram", "triangles"]
Fallback = Literal["none", "brightest", "triangles"]
Tables = tuple[PointTable, PointTable]

TRIANGLES = "triangles"
"""Name of the overlay by triangles."""


@dataclass(frozen=True)
class Wanted:
    """What the recipe says about how lists are laid over each other.

    Attributes
    ----------
    method, fallback, mirrored, tolerance, max_false_alarm
        See `tweakreg_steps.matching.matching.match_sources`.
    searchrad : float
        Half the side of the square of offsets, in pixels.
    given : (dx, dy) or None
        The offset, image minus reference, in pixels; None where it is looked for.
    """

    method: Method
    fallback: Fallback
    mirrored: bool
    tolerance: float
    max_false_alarm: float
    searchrad: float
    given: tuple[float, float] | None


@dataclass(frozen=True)
class Overlay:
    """Two lists, or parts of them, laid over each other.

    Attributes
    ----------
    way : str
        How the transformation was found, in words.
    offset : Offset
        What separates the lists (after `similarity`, where there is one).
    similarity : Similarity or None
        The transformation found by triangles.
    selection : Selection
        The sources that took part.
    tables : tuple of PointTable
        They, the image's where the similarity brings them.
    measured : bool
        Whether the offset's evidence is that of these tables.
    """

    way: str
    offset: Offset
    similarity: Similarity | None
    selection: Selection
    tables: Tables
    measured: bool

    @property
    def false_alarm(self) -> float:
        """Return the probability that unrelated lists give as much."""
        return self.offset.evidence.probability

    def pairs_by_chance(self, tolerance: float) -> float:
        """Estimate how many pairs within a tolerance are by chance."""
        if self.measured:
            area = (tolerance / self.offset.radius) ** 2
            return self.offset.evidence.pairs_by_chance * area
        offset = self.offset.dx, self.offset.dy
        return pairs_by_chance(*self.tables, offset=offset, tolerance=tolerance)

    def among(self, n_tries: int) -> Overlay:
        """Take into account that it is one of several tries."""
        return replace(self, offset=self.offset.among(n_tries))

    def with_rival(self) -> Overlay:
        """Return the same as no evidence, other offsets being as good."""
        return replace(self, offset=replace(self.offset.without_evidence(), has_rival=True))


def overlays(
    image: SourceList, reference: SourceList, selection: Selection, wanted: Wanted
) -> Iterator[Overlay]:
    """Yield overlays by the histogram, or at the given offset: of all sources, then bright ones.

    Parameters
    ----------
    image, reference : SourceList
        The lists.
    selection : Selection
        The sources of both that are used.
    wanted : Wanted
        What the recipe says.

    Raises
    ------
    NotAlignedError
        NO_OVERLAP: no pair of sources is within the search area.
    """
    if wanted.given is not None:
        tables = lay_over(image, reference, selection, None)
        offset = weigh_offset(*tables, offset=wanted.given, tolerance=wanted.tolerance)
        yield Overlay("given offset", offset, None, selection, tables, measured=True)
        return
    yield _by_histogram("histogram", image, reference, selection, wanted)
    if wanted.fallback == "none":
        return
    near = _within_reach(image, reference, selection, wanted.searchrad)
    for number in BRIGHT_LEVELS:
        bright = brightest_of_both(
            image.choose(near.image),
            reference.choose(near.reference),
            number=number,
            max_ratio=BRIGHT_AREA_RATIO,
        )
        if bright is None or list(map(len, bright)) == [len(near.image), len(near.reference)]:
            return
        some = near.among(*bright)
        yield _by_histogram(f"histogram of the brightest {number}", image, reference, some, wanted)


def triangle_overlays(
    image: SourceList, reference: SourceList, selection: Selection, wanted: Wanted
) -> Iterator[Overlay]:
    """Yield the overlay found by triangles, if any; see `overlays`."""
    found = recover_transformation(
        image.choose(selection.image),
        reference.choose(selection.reference),
        tolerance=wanted.tolerance,
        mirrored=wanted.mirrored,
        max_false_alarm=wanted.max_false_alarm,
    )
    if found is not None:
        tables = lay_over(image, reference, selection, found.similarity)
        yield Overlay(TRIANGLES, found.offset, found.similarity, selection, tables, measured=False)


def lay_over(
    image: SourceList, reference: SourceList, selection: Selection, similarity: Similarity | None
) -> Tables:
    """Sort some sources of both lists, the image's where a similarity brings them."""
    xy = image.xy[selection.image]
    if similarity is not None:
        xy = similarity.to_reference(xy)
    return PointTable.build(xy), PointTable.build(reference.xy[selection.reference])


def _by_histogram(
    way: str,
    image: SourceList,
    reference: SourceList,
    selection: Selection,
    wanted: Wanted,
) -> Overlay:
    """Find the offset of some sources."""
    tables = lay_over(image, reference, selection, None)
    offset = find_offset(*tables, searchrad=wanted.searchrad, tolerance=wanted.tolerance)
    if offset.has_rival:
        log.info("%s: two offsets are as good as each other: none is accepted", way)
        offset = offset.without_evidence()
    if offset.is_beyond:
        log.info("%s: the peak lies beyond the search radius", way)
        offset = offset.without_evidence()
    return Overlay(way, offset, None, selection, tables, measured=True)


def _within_reach(
    image: SourceList, reference: SourceList, selection: Selection, searchrad: float
) -> Selection:
    """Leave out the reference sources beyond the search radius of the box around the image's."""
    own, xy = image.xy[selection.image], reference.xy[selection.reference]
    low, high = own.min(axis=0) - searchrad, own.max(axis=0) + searchrad
    reached = np.all((xy >= low) & (xy <= high), axis=1)
    return replace(selection, reference=selection.reference[reached])
