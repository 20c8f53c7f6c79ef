"""A mosaic from its lists of sources and the matches of its pairs: stars, reference, solution.

The reference is matched with the mosaic, not with single exposures: a part whose exposures hold
six catalog stars each holds dozens, which are matched beyond doubt. A part that was only solved
relatively may be bent a little; so it is matched, solved with what matched, and matched again,
until no more match.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.matching.fitting import fit_pairs
from tweakreg_steps.matching.matching import match_sources
from tweakreg_steps.matching.pairs import MatchedPairs
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.solving.closures import Verdict, check_edges
from tweakreg_steps.solving.detections import (
    Detections,
    ReferenceStars,
)
from tweakreg_steps.solving.joining import JoinedStars, join_pairs
from tweakreg_steps.solving.mosaic_input import Exposures, Reference, Settings
from tweakreg_steps.solving.mosaic_state import Mosaic
from tweakreg_steps.solving.pair_match import Edge
from tweakreg_steps.solving.pixel_phases import fit_waves
from tweakreg_steps.solving.solution import MosaicSolution, solve
from tweakreg_steps.solving.whole_parts import PartFit, move_parts

log = logging.getLogger(__name__)

_WAVES = 3
"""Rounds in which waves are fitted: the residuals of each tell what the one before has left."""

_MATCHINGS = 4
"""Rounds of matching with the reference: each straightens the mosaic for the next one."""


@dataclass(frozen=True)
class PartMatch:
    """How a part of the mosaic was matched with the reference.

    Attributes
    ----------
    n_matched : int
        Matches.
    chance : float
        Probability that unrelated lists give such an offset.
    problem : str
        Why there is no match, in words; empty where there is one.
    """

    n_matched: int
    chance: float
    problem: str


@dataclass(frozen=True, eq=False)
class AlignedMosaic:
    """What became of a mosaic.

    Attributes
    ----------
    solution : MosaicSolution
        The corrections; its detections are all sources of all exposures, one after the other.
    relative : MosaicSolution
        The same without the reference: how well the exposures fit each other by themselves.
    joined : JoinedStars
        Which source is which star.
    reference : ReferenceStars
        The stars that are in the reference.
    reference_rows : (m,) int array
        Which entry of the reference each of them is.
    edges : sequence of Edge
        The edges that were believed.
    verdict : Verdict
        What the closures said of all edges that are matches.
    matches : mapping of int to PartMatch
        How each part was matched with the reference, by its number in `relative`.
    moved : (n, 2) float array
        How far the star of each detection has moved since the common epoch, in pixels; zero where
        that is not known.
    exposures : Exposures
        The exposures, what their positions owe to the pixels taken off.
    waves : (n_cameras, 6) float array or None
        What that was (`pixel_phases`); None for nothing.
    """

    solution: MosaicSolution
    relative: MosaicSolution
    joined: JoinedStars
    reference: ReferenceStars
    reference_rows: IndexArray
    edges: Sequence[Edge]
    verdict: Verdict
    matches: Mapping[int, PartMatch]
    moved: FloatArray
    exposures: Exposures
    waves: FloatArray | None


def align_mosaic(
    exposures: Exposures, edges: Sequence[Edge], reference: Reference | None, settings: Settings
) -> AlignedMosaic:
    """Solve a mosaic.

    Parameters
    ----------
    exposures : Exposures
        Its exposures.
    edges : sequence of Edge
        The matches of its pairs; those with a problem are left out.
    reference : Reference or None
        The catalog, where there is one.
    settings : Settings
        What the recipe says.
    """
    matched = [edge for edge in edges if edge.is_match]
    verdict = check_edges(
        matched, n_exposures=len(exposures.lists), tolerance=settings.matching["tolerance"]
    )
    gone = {rejection.edge for rejection in verdict.rejected}
    believed = [edge for place, edge in enumerate(matched) if place not in gone]
    joined = join_pairs(believed, exposures.sizes)
    exposures, waves, relative = _without_waves(exposures, joined, settings)
    mosaic = _mosaic(exposures, joined, ReferenceStars.none())
    if reference is None or not len(reference.sources):
        return AlignedMosaic(
            relative, relative, joined, mosaic.reference, np.zeros(0, dtype=np.intp),
            believed, verdict, {}, np.zeros_like(mosaic.detections.xy), exposures, waves,
        )  # fmt: skip
    search = _Search(exposures, joined, reference, settings)
    found, matches = search.match(relative, relative.component, first=True)
    solution = relative
    for rank in range(_MATCHINGS):
        known, still = search.stars(found), search.without_motion(mosaic, found)
        if settings.method == "relative_absolute":
            base = relative if reference.moves is None else _solve(still, settings)
            solution = _fit_parts(base, still, known, settings)
        else:
            solution = _solve(replace(still, reference=known), settings)
        if rank == _MATCHINGS - 1:
            break
        again, _ = search.match(solution, relative.component, first=False)
        if len(again) == len(found) and (again == found).all():
            break
        found = again if len(again) else found
    moved = mosaic.detections.xy - still.detections.xy
    rows = found[:, 1]
    return AlignedMosaic(
        solution, relative, joined, known, rows, believed, verdict, matches, moved, exposures, waves
    )


def _without_waves(
    exposures: Exposures, joined: JoinedStars, settings: Settings
) -> tuple[Exposures, FloatArray | None, MosaicSolution]:
    """Solve a mosaic relatively, what its positions owe to the pixels found and taken off."""
    waves, pixels, still = None, exposures.pixels, exposures
    taken_off = np.zeros((len(joined.star), 2))
    for rank in range(_WAVES + 1):
        found = _solve(_mosaic(exposures, joined, ReferenceStars.none()), settings)
        if pixels is None or rank == _WAVES:
            break
        more = fit_waves(
            pixels,
            joined.star,
            residuals=found.residuals,
            taken_off=taken_off,
            variances=found.variances,
            kept=found.kept,
        )
        if more is None:
            break
        waves = more if waves is None else waves + more
        taken_off = pixels.displacements(waves)
        exposures = still.moved_back(taken_off)
    return exposures, waves, found


def _mosaic(exposures: Exposures, joined: JoinedStars, reference: ReferenceStars) -> Mosaic:
    """Return all sources as detections."""
    detections = Detections(
        unit=exposures.unit[joined.exposure],
        star=joined.star,
        xy=np.concatenate([np.zeros((0, 2)), *(sources.xy for sources in exposures.lists)]),
        error=np.concatenate([np.zeros(0), *exposures.errors]),
    )
    return Mosaic(
        detections,
        reference,
        exposures.geometries,
        exposures.held,
        exposures.priors,
        exposures.camera,
        exposures.chips,
    )


def _solve(mosaic: Mosaic, settings: Settings) -> MosaicSolution:
    """Solve a mosaic as the recipe wants it."""
    return solve(
        mosaic,
        gauge=settings.gauge,
        sigma=settings.sigma,
        nclip=settings.nclip,
        fit_factors=settings.fit_factors,
    )


def _fit_parts(
    relative: MosaicSolution, mosaic: Mosaic, known: ReferenceStars, settings: Settings
) -> MosaicSolution:
    """Fit each part of a relative solution to the reference as a whole."""
    part = relative.part_of_stars[known.star]
    error = np.sqrt(np.trace(known.covariance, axis1=1, axis2=2) / 2.0)
    fits: dict[int, PartFit] = {}
    for number in np.unique(part[part >= 0]).tolist():
        rows = np.flatnonzero(part == number)
        stars = known.star[rows]
        unknown = np.full(len(rows), np.nan)
        pairs = MatchedPairs(
            relative.stars[stars],
            known.xy[rows],
            unknown,
            relative.star_errors[stars],
            np.where(error[rows] > 0.0, error[rows], np.nan),
        )
        try:
            fit = fit_pairs(
                pairs,
                center=relative.stars[stars].mean(axis=0),
                fitgeometry=settings.fitgeometry,
                weights="errors",
                robust_start=True,
                nclip=settings.nclip,
                sigma=settings.sigma,
            )
        except NotAlignedError as failure:
            log.warning("part %d of the mosaic: %s", number, failure)
        else:
            fits[number] = PartFit(fit, stars)
    moved = move_parts(relative, fits, mosaic.detections)
    kept = np.zeros(len(known), dtype=np.bool_)
    for of in fits.values():
        kept[np.isin(known.star, of.stars[of.fit.kept])] = True
    residuals = moved.stars[known.star] - known.xy
    return replace(moved, kept_reference=kept, reference_residuals=residuals)


@dataclass(frozen=True, eq=False)
class _Search:
    """The stars of a mosaic, to be matched with the reference."""

    exposures: Exposures
    joined: JoinedStars
    reference: Reference
    settings: Settings

    def stars(self, found: IndexArray) -> ReferenceStars:
        """Return what was found, rows of (star, entry), as stars known beforehand."""
        star, entry = found.T
        return ReferenceStars(
            star, self.reference.sources.xy[entry], self.reference.covariance[entry]
        )

    def without_motion(self, mosaic: Mosaic, found: IndexArray) -> Mosaic:
        """Return the detections where stars of the reference would be at the common epoch."""
        if self.reference.moves is None:
            return mosaic
        entry = np.full(int(self.joined.star.max(initial=-1)) + 1, -1)
        entry[found[:, 0]] = found[:, 1]
        rows = np.flatnonzero(entry[self.joined.star] >= 0)
        xy = mosaic.detections.xy.copy()
        of = entry[self.joined.star[rows]]
        xy[rows] -= self.reference.moves[self.joined.exposure[rows], of]
        return replace(mosaic, detections=replace(mosaic.detections, xy=xy))

    def match(
        self, solution: MosaicSolution, component: IndexArray, *, first: bool
    ) -> tuple[IndexArray, dict[int, PartMatch]]:
        """Match each part; return rows of (star, entry of the reference), and how it went."""
        places, brightness, narrow = self._places(solution)
        part = np.full(len(places), -1)
        part[self.joined.star] = component[self.exposures.unit[self.joined.exposure]]
        found, matches = [np.zeros((0, 2), dtype=np.intp)], {}
        for number in np.unique(part[np.isfinite(places[:, 0])]).tolist():
            stars = np.flatnonzero((part == number) & np.isfinite(places[:, 0]))
            unknown = np.full((len(stars), 3), np.nan)
            sources = SourceList(places[stars], brightness[stars], narrow[stars], unknown)
            try:
                rows, chance = self._match_part(sources, first=first)
            except NotAlignedError as error:
                matches[number] = PartMatch(0, 1.0, str(error))
                continue
            matches[number] = PartMatch(len(rows), chance, "")
            found.append(np.column_stack([stars[rows[:, 0]], rows[:, 1]]))
        rows = np.concatenate(found)
        return rows[np.argsort(rows[:, 0], kind="stable")], matches

    def _match_part(self, sources: SourceList, *, first: bool) -> tuple[IndexArray, float]:
        """Match the stars of one part: by an offset at first, where they are later."""
        given = self.settings.matching
        if not first:
            given = {
                **given, "use2dhist": False, "xoffset": 0.0, "yoffset": 0.0, "method": "histogram",
            }  # fmt: skip
        found = match_sources(
            sources,
            self.reference.sources,
            pixel_scale=self.settings.pixel_scale,
            max_false_alarm=self.settings.max_false_alarm,
            **given,
        )
        return np.column_stack(
            [found.image_index, found.reference_index]
        ), found.overlay.false_alarm

    def _places(self, solution: MosaicSolution) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Return place, brightness and narrowness of each star: its mean, or its one source's."""
        joined, lists = self.joined, self.exposures.lists
        n_stars = int(joined.star.max(initial=-1)) + 1
        unit = self.exposures.unit
        moved = np.concatenate(
            [np.zeros((0, 2)), *(solution.move(unit[e], s.xy) for e, s in enumerate(lists))]
        )
        moved += self.exposures.chips.displacements(solution.chip_numbers)
        places = solution.stars.copy()
        alone = ~np.isfinite(places[joined.star, 0])
        places[joined.star[alone]] = moved[alone]
        bright = np.concatenate([np.zeros(0), *(sources.brightness for sources in lists)])
        narrow = np.concatenate([np.zeros(0, dtype=bool), *(sources.narrow for sources in lists)])
        brightness = np.full(n_stars, np.nan)
        brightness[joined.star] = bright
        all_narrow = np.ones(n_stars, dtype=np.bool_)
        np.logical_and.at(all_narrow, joined.star, narrow)
        return places, brightness, all_narrow
