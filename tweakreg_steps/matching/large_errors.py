"""The transformation between two lists of which nothing is known, by triangles.

Few bright sources first, then more: what triangles of bright sources agree on is refined with the
pairs it makes, and those are weighed against chance. Memory is bounded by the longest lists that
triangles are made of.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.neighbours import (
    PointTable,
    find_nearest,
)
from tweakreg_steps.matching.offset import Offset
from tweakreg_steps.matching.peak_pairs import PeakPairs, Search
from tweakreg_steps.matching.similarity import Similarity
from tweakreg_steps.matching.source_list import SourceList, box_area, brightest_of_both
from tweakreg_steps.matching.triangles import vote
from tweakreg_steps.matching.tuning import (
    AGREEING,
    CORE_WIDTH,
    DISTINCT_TRANSFORMATION,
    LEAST_REFINING_PAIRS,
    MAX_SCALE_ERROR,
    N_HYPOTHESES,
    N_NARROWINGS,
    RIVAL_TRANSFORMATION,
    SPARSE_RADIUS,
    TRIANGLE_AREA_RATIO,
    TRIANGLE_LEVELS,
    TRIANGLE_REACH,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recovery:
    """A transformation found by triangles.

    Attributes
    ----------
    similarity : Similarity
        ``image = matrix @ reference + shift``, refined.
    offset : Offset
        What is left after it, nothing, and how far the pairs are more than chance, all
        transformations searched being taken into account.
    n_bright : int
        Bright sources of the image whose triangles gave it.
    """

    similarity: Similarity
    offset: Offset
    n_bright: int

    @property
    def false_alarm(self) -> float:
        """Return the probability that unrelated lists give as much."""
        return self.offset.evidence.probability

    def among(self, n_tries: int) -> Recovery:
        """Take into account that it is one of several tries."""
        return replace(self, offset=self.offset.among(n_tries))

    def without_evidence(self) -> Recovery:
        """Return the same as no evidence."""
        return replace(self, offset=self.offset.without_evidence())


def recover_transformation(
    image: SourceList,
    reference: SourceList,
    *,
    tolerance: float,
    mirrored: bool,
    max_false_alarm: float,
) -> Recovery | None:
    """Find the transformation between two lists: any rotation, a scale within 6 %, a large offset.

    Parameters
    ----------
    image, reference : SourceList
        The lists. Where one of them has no brightness, all sources of both make triangles.
    tolerance : float
        Matching radius in pixels.
    mirrored : bool
        Whether mirror images are looked for, too.
    max_false_alarm : float
        Probability of a chance result from which on a transformation is accepted.

    Returns
    -------
    Recovery or None
        The first that is beyond the limit and has no rival, or the least likely by chance of all;
        None where no triangles are alike. Its chance is 1 where it has a rival: sources on a grid
        agree in many ways.
    """
    if not (len(image) and len(reference)):
        return None
    reference = _within_reach(image, reference)
    best: Recovery | None = None
    senses = (False, True) if mirrored else (False,)
    for tries, (some, others) in enumerate(_levels(image, reference), start=1):
        found = [
            recovery.among(tries * len(senses))
            for sense in senses
            for recovery in _recover(some.xy, others.xy, tolerance=tolerance, mirrored=sense)
        ]
        new = _without_rival(
            found, _corners(some.xy), tolerance=tolerance, max_false_alarm=max_false_alarm
        )
        if new and new.false_alarm <= max_false_alarm:
            return _with_all(new, image.xy, reference.xy, tolerance)
        best = min(filter(None, (best, new)), key=lambda one: one.false_alarm, default=None)
    return best


def _without_rival(
    found: list[Recovery], corners: FloatArray, *, tolerance: float, max_false_alarm: float
) -> Recovery | None:
    """Choose the best transformation; reject it where another one is nearly as good."""
    if not found:
        return None
    best = min(found, key=lambda one: one.false_alarm)
    enough = RIVAL_TRANSFORMATION * best.offset.evidence.n_cells
    for other in found:
        carried = (one.similarity.to_reference(corners) for one in (best, other))
        apart = float(np.abs(np.subtract(*carried)).max())
        is_rival = other.false_alarm <= max_false_alarm and other.offset.evidence.n_cells > enough
        if is_rival and apart > DISTINCT_TRANSFORMATION * tolerance:
            log.info("two transformations are as good as each other: none is accepted")
            return best.without_evidence()
    return best


def _with_all(
    found: Recovery, image_xy: FloatArray, reference_xy: FloatArray, tolerance: float
) -> Recovery:
    """Refine what the bright sources gave with all of them."""
    reference = PointTable.build(reference_xy)
    refined = _refine(found.similarity, image_xy, reference, tolerance)
    return replace(found, similarity=refined)


def _within_reach(image: SourceList, reference: SourceList) -> SourceList:
    """Leave out the far sources of a reference that is much larger than the image."""
    if box_area(reference.xy) <= TRIANGLE_AREA_RATIO * box_area(image.xy):
        return reference
    center, radius = _field(image.xy)
    near = np.hypot(*(reference.xy - center).T) <= TRIANGLE_REACH * radius
    return reference.choose(near) if near.any() else reference


def _levels(image: SourceList, reference: SourceList) -> Iterator[tuple[SourceList, SourceList]]:
    """Yield the bright sources of both lists, as dense in one as in the other: few, then more."""
    last = None
    for number in TRIANGLE_LEVELS:
        chosen = brightest_of_both(image, reference, number=number, max_ratio=TRIANGLE_AREA_RATIO)
        if chosen is None:
            yield _innermost(image, reference)
            return
        some, others = image.choose(chosen[0]), reference.choose(chosen[1])
        if (len(some), len(others)) == last:
            return
        last = len(some), len(others)
        yield some, others


def _innermost(image: SourceList, reference: SourceList) -> tuple[SourceList, SourceList]:
    """Return the sources nearest to the centre of the image, as many as make triangles."""
    center, _ = _field(image.xy)
    chosen = []
    for some, number in (
        (image, TRIANGLE_LEVELS[-1]),
        (reference, int(TRIANGLE_AREA_RATIO * TRIANGLE_LEVELS[-1])),
    ):
        x, y = some.xy.T
        order = np.lexsort((x, y, np.hypot(x - center[0], y - center[1])))
        chosen.append(some.choose(np.sort(order[:number])))
    return chosen[0], chosen[1]


def _recover(
    image_xy: FloatArray, reference_xy: FloatArray, *, tolerance: float, mirrored: bool
) -> Iterator[Recovery]:
    """Yield what triangles agree on, refined and weighed."""
    reference = PointTable.build(reference_xy)
    for found in vote(image_xy, reference_xy, mirrored=mirrored, n_best=N_HYPOTHESES):
        similarity = _refine(found.similarity, image_xy, reference, tolerance)
        moved = PointTable.build(similarity.to_reference(image_xy))
        offset = _weigh(moved, reference, tolerance)
        log.debug("%d votes, scale %.4f: %s", found.n_votes, similarity.scale, offset.evidence)
        yield Recovery(
            similarity=similarity.shifted(np.array([offset.dx, offset.dy])),
            offset=replace(offset, dx=0.0, dy=0.0),
            n_bright=len(image_xy),
        )


def _refine(
    similarity: Similarity,
    image_xy: FloatArray,
    reference: PointTable,
    tolerance: float,
) -> Similarity:
    """Fit the pairs within a radius that shrinks to the tolerance, as long as the scale allows."""
    _, field = _field(image_xy)
    spacing = np.sqrt(box_area(image_xy) / len(image_xy))
    radius = max(tolerance, min(AGREEING * field, SPARSE_RADIUS * spacing))
    while True:
        moved = PointTable.build(similarity.to_reference(image_xy))
        nearest = find_nearest(moved, reference, shift=(0.0, 0.0), radius=radius)
        paired = np.flatnonzero(nearest.second >= 0)
        partner = nearest.second[paired]
        # pieces of one cosmic ray may all be nearest to one source
        if len(np.unique(partner)) < LEAST_REFINING_PAIRS:
            return similarity
        fitted = Similarity.fit(
            image_xy[moved.index[paired]],
            np.stack([reference.x[partner], reference.y[partner]], axis=1),
            mirrored=similarity.mirrored,
        )
        if abs(np.log(fitted.scale)) > np.log1p(MAX_SCALE_ERROR):
            return similarity
        similarity = fitted
        if radius <= tolerance:
            return similarity
        radius = max(tolerance, radius / 2.0)


def _weigh(moved: PointTable, reference: PointTable, tolerance: float) -> Offset:
    """Count the pairs of lists that should agree, against chance in all transformations.

    Transformations differ where they move the edge of the field by a width of the peak. With R
    and S the radii of the two fields there are ``pi (R + S)^2 / width^2`` shifts at which they
    overlap, ``2 pi R / width`` rotations and ``2 MAX_SCALE_ERROR R / width`` scales.
    """
    (_, radius), (_, other) = _field(_positions(moved)), _field(_positions(reference))
    density = len(moved) * len(reference) / box_area(_positions(reference))
    width = CORE_WIDTH * tolerance
    pairs = PeakPairs.collect(moved, reference, guess=np.zeros(2), width=width)
    center, width = pairs.refine(np.zeros(2), width=width, density=density)
    n_shifts = np.pi * ((radius + other) / width) ** 2
    n_rotations, n_scales_searched = (
        2.0 * np.pi * radius / width,
        2.0 * MAX_SCALE_ERROR * radius / width,
    )
    search = Search(
        density=density,
        n_windows=float(n_shifts * max(1.0, n_rotations) * max(1.0, n_scales_searched)),
        n_scales=N_NARROWINGS,
        dimensions=4,
    )
    evidence = pairs.weigh(center, width=width, search=search)
    dx, dy = center.tolist()
    radius = float(width / np.sqrt(np.pi))
    return Offset(dx, dy, radius=radius, evidence=evidence, has_rival=False)


def _positions(table: PointTable) -> FloatArray:
    """Return the positions of a table."""
    return np.stack([table.x, table.y], axis=1)


def _corners(xy: FloatArray) -> FloatArray:
    """Return the corners of the box around positions, shape (4, 2)."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    return np.array([[x, y] for x in (low[0], high[0]) for y in (low[1], high[1])])


def _field(xy: FloatArray) -> tuple[FloatArray, float]:
    """Return the centre of the box around positions and half its diagonal."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    return (low + high) / 2, max(float(np.hypot(*(high - low))) / 2, 1.0)
