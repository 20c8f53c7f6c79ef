"""The offset between two lists of positions: the peak of all their pair separations.

Separations of unrelated sources spread over the search area, those of the same source in both
lists pile up at the offset. The peak is found on a fine histogram, on the scale at which it
stands out most, because a roll error smears it; its position is then taken from the separations
themselves, so that neither bins nor the edges of the search area bias it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.matching.neighbours import (
    PointTable,
    estimate_pair_count,
)
from tweakreg_steps.matching.pairing import thin
from tweakreg_steps.matching.peak_pairs import Evidence, PeakPairs, Search, window_of
from tweakreg_steps.matching.separations import Guess, SeparationHistogram
from tweakreg_steps.matching.tuning import (
    APART,
    BIN,
    CERTAIN,
    CHANCE_SAMPLE,
    LEAST_CELL,
    LIKELY,
    MAX_PAIRS,
    N_NARROWINGS,
    N_PEAKS,
    PEAK_WIDTHS,
    RIVAL_PEAK,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Offset:
    """The offset between two lists, image minus reference.

    Attributes
    ----------
    dx, dy : float
        Offset in pixels of the reference plane.
    radius : float
        Radius in pixels in which the peak stands out most.
    evidence : Evidence
        The pairs within this radius, against chance.
    has_rival : bool
        Whether another offset brings about as many pairs, which are more than chance as well.
    is_beyond : bool
        Whether it lies outside the search area: a peak whose flank reaches into it.
    """

    dx: float
    dy: float
    radius: float
    evidence: Evidence
    has_rival: bool
    is_beyond: bool = False

    def among(self, n_tries: int) -> Offset:
        """Take into account that it is one of several tries, each of which could err."""
        probability = min(1.0, n_tries * self.evidence.probability)
        return replace(self, evidence=replace(self.evidence, probability=probability))

    def without_evidence(self) -> Offset:
        """Return the same as no evidence."""
        return replace(self, evidence=replace(self.evidence, probability=1.0))


def estimate_offset(
    image_xy: FloatArray, reference_xy: FloatArray, *, searchrad: float, tolerance: float
) -> Offset:
    """Find the offset of an image's sources from the reference sources.

    Parameters
    ----------
    image_xy, reference_xy : (n, 2), (m, 2) float arrays
        Positions x, y in pixels of the reference plane. Sources at the same position count once.
    searchrad : float
        Half the side, in pixels, of the square of offsets that is searched.
    tolerance : float
        Matching radius in pixels: twice this is one of the widths on which a peak is looked for.

    Returns
    -------
    Offset
        The most significant peak, whether or not it is more than chance; of equal ones the
        highest, then the one nearest to zero. One beyond the search area, marked as such, only
        where none in it is likely.

    Raises
    ------
    NotAlignedError
        NO_OVERLAP: no pair of sources is within the search area.
    """
    return find_offset(
        PointTable.build(image_xy),
        PointTable.build(reference_xy),
        searchrad=searchrad,
        tolerance=tolerance,
    )


def find_offset(
    image: PointTable, reference: PointTable, *, searchrad: float, tolerance: float
) -> Offset:
    """Do what `estimate_offset` does, for lists that are sorted already."""
    reference = reference.distinct()
    image = _sample(image.distinct(), reference, searchrad)
    histogram = SeparationHistogram.count(
        image, reference, middle=np.zeros(2), searchrad=searchrad, tolerance=tolerance
    )
    if not histogram.counts.any():
        raise NotAlignedError(
            Reason.NO_OVERLAP,
            f"none of {len(image)} sources has any of {len(reference)} reference sources"
            f" within the search radius of {searchrad:.3g} pixels in x and y",
        )
    return _find_peak(image, reference, histogram, tolerance)


def count_separations(
    image_xy: FloatArray, reference_xy: FloatArray, *, searchrad: float, tolerance: float
) -> SeparationHistogram:
    """Make the histogram in which `estimate_offset` looks for the peak; see there."""
    reference = PointTable.build(reference_xy).distinct()
    image = _sample(PointTable.build(image_xy).distinct(), reference, searchrad)
    return SeparationHistogram.count(
        image, reference, middle=np.zeros(2), searchrad=searchrad, tolerance=tolerance
    )


def weigh_offset(
    image: PointTable, reference: PointTable, *, offset: tuple[float, float], tolerance: float
) -> Offset:
    """Judge an offset that is given against chance.

    The pairs near it are counted in circles of several sizes, as a roll error smears them, and
    compared with those around; nothing is moved.

    Parameters
    ----------
    image, reference : PointTable
        The two lists.
    offset : (dx, dy)
        Image minus reference, in pixels.
    tolerance : float
        Matching radius in pixels; its circle is among those tried.

    Returns
    -------
    Offset
        The given one.
    """
    center = np.array(offset)
    widths = sorted({BIN * width for width in PEAK_WIDTHS} | {tolerance * np.sqrt(np.pi)})
    image, reference = image.distinct(), reference.distinct()
    pairs = PeakPairs.collect(image, reference, guess=center, width=widths[-1])
    search = Search(pairs.density, n_windows=1.0, n_scales=len(widths), dimensions=0)
    found = [pairs.weigh(center, width=width, search=search) for width in widths]
    best = int(np.argmin([evidence.probability for evidence in found]))
    radius = float(widths[best] / np.sqrt(np.pi))
    return Offset(*offset, radius=radius, evidence=found[best], has_rival=False)


def pairs_by_chance(
    image: PointTable, reference: PointTable, *, offset: tuple[float, float], tolerance: float
) -> float:
    """Estimate how many pairs within the tolerance of an offset are by chance.

    They are as dense as the pairs around: those within three windows that are outside the first.
    Of a sample of the image's sources.
    """
    center = np.array(offset)
    sample = image.choose(slice(None, None, max(1, len(image) // CHANCE_SAMPLE)))
    pairs = PeakPairs.collect(sample, reference, guess=center, width=2.0 * tolerance)
    part = max(1, len(sample)) / max(1, len(image))
    return pairs.density_around(center) * np.pi * tolerance**2 / part


def _find_peak(
    image: PointTable, reference: PointTable, histogram: SeparationHistogram, tolerance: float
) -> Offset:
    """Measure the strongest peaks; the one that chance is least likely to give wins.

    Clumps in both lists, such as the pieces of saturated stars, can make the highest peak without
    being evidence. And a box on the edge of the search area can show the flank of a peak beyond
    it, on which the refinement then comes to rest: any likely peak within goes before that one.
    """
    guesses = _guesses(image, reference, histogram, tolerance)
    best = _measure(image, reference, histogram, next(guesses), tolerance)
    while _is_doubtful(best) and (guess := next(guesses, None)):
        other = _measure(image, reference, histogram, guess, tolerance)
        best = min(best, other, key=_rank)
    return replace(best, has_rival=_has_rival(best, image, reference, histogram, tolerance))


def _rank(offset: Offset) -> tuple[bool, float]:
    """Return the lower, the better an offset is."""
    probability = offset.evidence.probability
    return offset.is_beyond or probability > LIKELY, probability


def _is_doubtful(offset: Offset) -> bool:
    """Return whether another peak can be the better one."""
    return offset.is_beyond or offset.evidence.probability > CERTAIN


def _has_rival(
    best: Offset,
    image: PointTable,
    reference: PointTable,
    histogram: SeparationHistogram,
    tolerance: float,
) -> bool:
    """Return whether another peak is about as good as the best: sources on a grid make many."""
    center, width = np.array([best.dx, best.dy]), best.radius * np.sqrt(np.pi)
    others = histogram.without(Guess(center, max(width, 2.0 * APART)))
    expected = histogram.density * width**2
    enough = expected + RIVAL_PEAK * (best.evidence.n_pairs - expected)
    if others.fullest_box(width) < enough:
        return False
    rival = _measure(image, reference, others, others.strongest(), tolerance)
    apart = np.hypot(rival.dx - best.dx, rival.dy - best.dy)
    return bool(
        apart > APART
        and rival.evidence.probability < CERTAIN
        and rival.evidence.n_cells > RIVAL_PEAK * best.evidence.n_cells
    )


def _guesses(
    image: PointTable, reference: PointTable, histogram: SeparationHistogram, tolerance: float
) -> Iterator[Guess]:
    """Yield the strongest peaks: of all pairs, then of lists in which a clump counts once."""
    yield from _strongest(histogram)
    image, reference = thin(image, LEAST_CELL), thin(reference, LEAST_CELL)
    thinned = SeparationHistogram.count(
        image,
        reference,
        middle=histogram.middle,
        searchrad=histogram.searchrad,
        tolerance=tolerance,
    )
    yield from _strongest(thinned)


def _strongest(histogram: SeparationHistogram) -> Iterator[Guess]:
    """Yield the strongest peaks of a histogram."""
    for _ in range(N_PEAKS):
        if not histogram.counts.any():
            return
        guess = histogram.strongest()
        yield guess
        histogram = histogram.without(guess)


def _measure(
    image: PointTable,
    reference: PointTable,
    histogram: SeparationHistogram,
    guess: Guess,
    tolerance: float,
) -> Offset:
    """Refine a guess, and weigh its peak against chance in the whole search."""
    if histogram.bin_width > BIN:
        near = SeparationHistogram.count(
            image,
            reference,
            middle=guess.center,
            searchrad=window_of(guess.width),
            tolerance=tolerance,
        )
        guess = near.strongest() if near.counts.any() else guess
    pairs = PeakPairs.collect(image, reference, guess=guess.center, width=guess.width)
    center, width = pairs.refine(guess.center, width=guess.width, density=histogram.density)
    search = Search(
        density=histogram.density,
        n_windows=histogram.area / width**2,
        n_scales=len(histogram.widths) + N_NARROWINGS - 1,
        dimensions=2,
    )
    evidence = pairs.weigh(center, width=width, search=search)
    log.debug("offset %.3f %.3f: %s", *center, evidence)
    dx, dy = center.tolist()
    radius = float(width / np.sqrt(np.pi))
    is_beyond = bool(np.abs(center - histogram.middle).max() > histogram.searchrad)
    return Offset(dx, dy, radius=radius, evidence=evidence, has_rival=False, is_beyond=is_beyond)


def _sample(image: PointTable, reference: PointTable, searchrad: float) -> PointTable:
    """Take each n-th source of the image where that gives pairs enough."""
    if len(image) * len(reference) <= MAX_PAIRS:
        return image
    n_pairs = estimate_pair_count(image, reference, radius=searchrad)
    step = max(1, int(np.ceil(n_pairs / MAX_PAIRS)))
    if step > 1:
        log.info("%.3g pairs: each %d-th source is in the histogram", n_pairs, step)
    return image.choose(slice(None, None, step))
