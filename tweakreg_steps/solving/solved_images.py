"""All images of a recipe solved together: from sky lists and pairs to the fit of each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.alignment.fitted_image import judge_image
from tweakreg_steps.alignment.match_meta import MatchMeta
from tweakreg_steps.alignment.match_table import lay_out_matches
from tweakreg_steps.alignment.sequence import AlignedImage
from tweakreg_steps.arrays import FloatArray, IndexArray
from tweakreg_steps.astrometry.reference_plane import plane_center
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.fit_file import FitRecord, ImageQuality
from tweakreg_steps.matching.coverage import hull_area
from tweakreg_steps.solving.exposure_fit import ExposureFit, fit_of_exposure, moved_by_chips
from tweakreg_steps.solving.images_as_mosaic import Asked, ImagesAsMosaic
from tweakreg_steps.solving.mosaic import AlignedMosaic, align_mosaic
from tweakreg_steps.solving.solution_file import SolutionRecord
from tweakreg_steps.solving.solution_record import solution_record
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

_MEAN = "mean of the images"
"""What is the reference where none is."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SolvedImages:
    """What became of all images.

    Attributes
    ----------
    images
        The pairs and the fit of each, by name, in the order given.
    record
        What the solution says of them together, as plain values.
    """

    images: Mapping[str, AlignedImage]
    record: SolutionRecord


def solve_images(
    skies: Mapping[str, ColumnTable],
    pairs: Sequence[ColumnTable],
    sources: ColumnTable | None,
    *,
    plane: WCS,
    asked: Asked,
) -> SolvedImages:
    """Solve all images together.

    Parameters
    ----------
    skies : mapping of str to ColumnTable
        The sources of each image, undistorted, in the user's order.
    pairs : sequence of ColumnTable
        The matches of pairs of images (`edge_table.table_of_edge`).
    sources : ColumnTable or None
        The reference list; None where an image is the reference, or nothing is.
    plane : astropy.wcs.WCS
        The reference plane.
    asked : Asked
        What the recipe says.
    """
    work = ImagesAsMosaic.of(skies, pairs, plane, asked)
    mosaic = align_mosaic(work.exposures, work.edges, work.reference(sources), work.settings())
    work = replace(work, exposures=mosaic.exposures)
    for rejection in mosaic.verdict.rejected:
        names = " and ".join(work.names_of_edge(work.matched[rejection.edge]))
        log.warning("the match of %s is false: %s", names, rejection.why)
    outcome = _Outcome(work, mosaic, sources)
    images = {name: outcome.image(place) for place, name in enumerate(skies)}
    record = solution_record(
        mosaic,
        work.exposures,
        work.edges,
        names=list(skies),
        groups=asked.groups,
        cameras=work.cameras,
        chips=work.chips,
        reference=sources.meta["origin"] if sources is not None else asked.reference,
        solution=asked.solution,
        mas_per_pixel=work.scale * 1000.0,
    )
    return SolvedImages(images, record)


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What a solution says of each image."""

    work: ImagesAsMosaic
    mosaic: AlignedMosaic
    sources: ColumnTable | None

    def image(self, place: int) -> AlignedImage:
        """Return what became of one image."""
        name, asked = self.work.names[place], self.work.asked
        of, meta = None, self._meta(place)
        try:
            of = self._fit(place)
        except NotAlignedError as error:
            log.warning("%s: %s", name, error)
            meta["status"] = "not_aligned"
            meta["reason"], meta["detail"] = error.reason.value, error.detail
        is_still = of is not None and _is_still(of) and bool(of.quality.held)
        if name == asked.reference or is_still:
            meta["status"] = "reference"
        if of is not None and of.quality.held:
            meta["reference"] = self._origin_in_island(place)
            meta["detail"] = f"nothing else tells where its part lies: {of.quality.held}"
        matches = self._matches(place, of, meta)
        fitted = judge_image(
            of.fit if of is not None and meta["status"] == "matched" else None,
            matches,
            plane=self.work.plane,
            fitgeometry=asked.geometries[asked.groups[name]],
            gates=asked.gates[name],
            keeps_present=False,
        )
        record: FitRecord = {**fitted.record, "solution": self._quality(name, of)}
        terms = self.work.chips.record(
            place, asked.cameras[name], self.mosaic.solution.chip_numbers
        )
        if terms and record["status"] == "aligned":
            record["chip_terms"] = terms
        return AlignedImage(matches, replace(fitted, record=record))

    def _fit(self, place: int) -> ExposureFit | None:
        """Return the fit of an image; None for the one that is the reference.

        Raises
        ------
        NotAlignedError
            NO_PIXELS, NO_SOURCES, FEW_SOURCES, FEW_MATCHES, or why no other image matches it.
        """
        name, asked = self.work.names[place], self.work.asked
        if name == asked.reference:
            return None
        if name in self.work.empty:
            raise self.work.empty[name]
        sky, least = self.work.skies[name], asked.minobj[name]
        if len(sky) < least:
            text = f"{len(sky)} sources; object_matching.minobj: {least}"
            raise NotAlignedError(Reason.FEW_SOURCES, text)
        of = fit_of_exposure(
            self.mosaic,
            self.work.exposures,
            place,
            center=plane_center(self.work.plane),
            flux=10.0 ** (-0.4 * sky["flux"]) if sky.units.get("flux") == "mag" else sky["flux"],
        )
        if of is None:
            raise self._unmatched(place)
        if len(of.source) < least or not of.fit.kept.any():
            text = (
                f"{len(of.source)} of its sources are stars that another image or the reference "
                f"has, {int(of.fit.kept.sum())} of which agree; object_matching.minobj: {least}"
            )
            raise NotAlignedError(Reason.FEW_MATCHES, text)
        return of

    def _unmatched(self, place: int) -> NotAlignedError:
        """Say why nothing tells where an image lies: by its most convincing match."""
        mine = [edge for edge in self.work.edges if place in (edge.one, edge.other)]
        if not mine:
            return NotAlignedError(
                Reason.NO_OVERLAP, "no other image overlaps it, and the reference does not match it"
            )
        best = min(mine, key=lambda edge: edge.chance)
        other = self.work.names[best.other if best.one == place else best.one]
        if best.is_match:
            return NotAlignedError(
                Reason.FEW_MATCHES, f"its match with {other} contradicts those of the others"
            )
        return NotAlignedError(Reason(best.reason), f"with {other}: {best.problem}")

    def _meta(self, place: int) -> MatchMeta:
        """Return what is said of an image beside its fit."""
        name = self.work.names[place]
        chances = [edge.chance for edge in self.mosaic.edges if place in (edge.one, edge.other)]
        match = self.mosaic.matches.get(
            int(self.mosaic.relative.component[self.work.exposures.unit[place]])
        )
        chances += [match.chance] if match and not match.problem else []
        origin = (
            self.work.asked.reference or _MEAN
            if self.sources is None
            else self.sources.meta["origin"]
        )
        return {
            "image": name,
            "reference": origin,
            "n_sources": len(self.work.skies[name]),
            "n_reference": self._size_of_reference() if self.sources is None else len(self.sources),
            "status": "matched",
            "reason": "",
            "detail": "",
            "false_alarm": min(chances, default=None),
            "field_area": hull_area(self.work.exposures.lists[place].xy),
        }

    def _size_of_reference(self) -> int:
        """Return how many sources the image has that is the reference; 0 where none is."""
        return len(self.work.skies[self.work.asked.reference]) if self.work.asked.reference else 0

    def _origin_in_island(self, place: int) -> str:
        """Return what an image is aligned with in a part that nothing but itself holds."""
        solution = self.mosaic.solution
        part = solution.parts[solution.component[self.work.exposures.unit[place]]]
        images = np.flatnonzero(np.isin(self.work.exposures.unit, part.units))
        still = [
            self.work.names[other]
            for other in images.tolist()
            if _is_identity(solution.matrices[self.work.exposures.unit[other]])
            and not solution.shifts[self.work.exposures.unit[other]].any()
        ]
        return still[0] if still else f"mean of {len(images)} images"

    def _matches(
        self,
        place: int,
        of: ExposureFit | None,
        meta: MatchMeta,
    ) -> ColumnTable:
        """Lay out the sources of an image beside their stars."""
        sky = self.work.skies[self.work.names[place]]
        xy = moved_by_chips(self.mosaic, self.work.exposures, place)
        nothing = np.zeros(0, dtype=np.intp)
        if of is None:
            star, row, places, error = nothing, nothing, np.zeros((0, 2)), np.zeros(0)
        else:
            star, row = of.star, of.source
            places, error = of.pairs.reference, of.pairs.reference_error
        entry = self._entries
        known = entry[star] >= 0
        ids, origins = star.copy(), np.full(len(star), "mosaic", dtype=object)
        if self.sources is not None and known.any():
            ids[known] = self.sources["id"][entry[star[known]]]
            origins[known] = self.sources["origin"][entry[star[known]]]
        stars = ColumnTable(
            {
                "id": ids,
                "x0": places[:, 0],
                "y0": places[:, 1],
                "error": error * self.work.scale * 1000.0,
                "origin": origins.astype(np.str_),
                "chip": np.zeros(len(star), dtype=np.int64),
            }
        )
        return lay_out_matches(
            sky,
            stars,
            xy,
            places,
            np.column_stack([row, np.arange(len(row))]),
            pixels_per_mas=1.0e-3 / self.work.scale,
            meta=meta,
        )

    @cached_property
    def _entries(self) -> IndexArray:
        """Which entry of the reference each star is; -1 for one that is in none."""
        entry = np.full(int(self.mosaic.joined.star.max(initial=-1)) + 1, -1)
        entry[self.mosaic.reference.star] = self.mosaic.reference_rows
        return entry

    def _quality(self, name: str, of: ExposureFit | None) -> ImageQuality | None:
        """Return how well an image fits the others and the reference; lengths in mas."""
        if of is None:
            return None
        quality = of.quality
        return {
            "n_stars": quality.n_stars,
            "n_reference": quality.n_reference,
            "held": quality.held,
            "rms_relative": self._in_mas(quality.rms_relative),
            "rms_absolute": self._in_mas(quality.rms_absolute),
            "error_relative": self._in_mas(quality.error_relative),
            "error_absolute": self._in_mas(quality.error_absolute),
            "group": self.work.asked.groups[name],
        }

    def _in_mas(self, pixels: float) -> float | None:
        """Return a length on the plane in mas; None where it is not known."""
        return float(pixels * (self.work.scale * 1000.0)) if np.isfinite(pixels) else None


def _is_still(of: ExposureFit) -> bool:
    """Tell whether a fit changes nothing at all."""
    return _is_identity(of.fit.matrix) and not of.fit.shift.any()


def _is_identity(matrix: FloatArray) -> bool:
    """Tell whether a matrix changes nothing at all."""
    return bool((matrix == np.eye(2)).all())
