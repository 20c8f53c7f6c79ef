"""All images of a recipe solved together: from sky lists and pairs to the fit of each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_steps.alignment.fitted_image import judge_image
from tweakreg_steps.alignment.match_table import (
    lay_out_matches,
    list_on_plane,
    reference_on_plane,
    require_sources,
)
from tweakreg_steps.alignment.moving_reference import at_epoch, is_moving, stars_at
from tweakreg_steps.alignment.sequence import AlignedImage
from tweakreg_steps.astrometry.plane_errors import plane_covariances
from tweakreg_steps.astrometry.reference_plane import plane_center, plane_pixel_scale
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.matching.coverage import hull_area
from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.solving.detections import FloatArray, Priors
from tweakreg_steps.solving.edge_table import edge_of_table
from tweakreg_steps.solving.exposure_fit import ExposureFit, fit_of_exposure
from tweakreg_steps.solving.mosaic import (
    AlignedMosaic,
    Exposures,
    Reference,
    Settings,
    align_mosaic,
)
from tweakreg_steps.solving.pair_match import Edge
from tweakreg_steps.solving.solution_record import solution_record
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

_MEAN = "mean of the images"
"""What is the reference where none is."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What the recipe says of a mosaic.

    Attributes
    ----------
    solution
        The section ``solution``.
    matching
        The section ``object_matching``: how the mosaic is matched with the reference.
    fitgeometry
        Of the one fit of each part of a mosaic that was solved relatively.
    max_false_alarm
        Largest probability with which unrelated lists may give an offset.
    minobj, gates
        For each image the least number of stars, and the keywords of
        `tweakreg_steps.matching.acceptance.judge_fit`.
    groups, geometries, cameras
        As `tweakreg_steps.surveying.findings.MosaicFindings` has them.
    reference
        The image that is the reference and stays as it is; None where a catalog is, or nothing.
    epochs
        When each image was taken, Julian year, where stars of the catalog move; None where it is
        not known.
    """

    solution: Mapping[str, Any]
    matching: Mapping[str, Any]
    fitgeometry: Geometry
    max_false_alarm: float
    minobj: Mapping[str, int]
    gates: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, str]
    geometries: Mapping[str, Geometry]
    cameras: Mapping[str, str]
    reference: str | None
    epochs: Mapping[str, float | None]


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
    record: dict[str, Any]


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
    work = _Work.of(skies, pairs, plane, asked)
    mosaic = align_mosaic(work.exposures, work.edges, work.reference(sources), work.settings())
    for rejection in mosaic.verdict.rejected:
        names = " and ".join(work.names_of_edge(work.matched[rejection.edge]))
        log.warning("the match of %s is false: %s", names, rejection.why)
    images = {name: work.image(place, mosaic, sources) for place, name in enumerate(skies)}
    record = solution_record(
        mosaic,
        work.exposures,
        work.edges,
        names=list(skies),
        groups=asked.groups,
        cameras=work.cameras,
        reference=sources.meta["origin"] if sources is not None else asked.reference,
        solution=asked.solution,
        mas_per_pixel=work.scale * 1000.0,
    )
    return SolvedImages(images, record)


@dataclass(frozen=True, eq=False)
class _Work:
    """The images of a recipe as a mosaic."""

    skies: Mapping[str, ColumnTable]
    names: list[str]
    plane: WCS
    scale: float
    asked: Asked
    exposures: Exposures
    cameras: list[str]
    edges: list[Edge]
    empty: Mapping[str, NotAlignedError]

    @classmethod
    def of(
        cls,
        skies: Mapping[str, ColumnTable],
        pairs: Sequence[ColumnTable],
        plane: WCS,
        asked: Asked,
    ) -> _Work:
        """Lay everything on the plane."""
        names, scale = list(skies), plane_pixel_scale(plane)
        lists, empty = _lists(skies, plane)
        first: dict[str, str] = {}
        for name in names:
            first.setdefault(asked.groups[name], name)
        units, cameras = list(first), sorted(set(asked.cameras.values()))
        number = {group: place for place, group in enumerate(units)}
        unit = np.array([number[asked.groups[name]] for name in names], dtype=np.intp)
        held = asked.groups[asked.reference] if asked.reference else None
        exposures = Exposures(
            lists,
            [
                _errors(skies[name], own, asked, scale)
                for name, own in zip(names, lists, strict=True)
            ],
            unit,
            [asked.geometries[name] for name in units],
            [_priors(asked.solution["priors"], scale)] * len(units),
            np.array([name == held for name in units], dtype=np.bool_),
            np.array(
                [cameras.index(asked.cameras[name]) for name in first.values()], dtype=np.intp
            ),
        )
        places = {name: place for place, name in enumerate(names)}
        edges = [edge_of_table(table, places) for table in pairs]
        return cls(skies, names, plane, scale, asked, exposures, cameras, edges, empty)

    @property
    def matched(self) -> list[Edge]:
        """The edges that are matches, as the closures count them."""
        return [edge for edge in self.edges if edge.is_match]

    def names_of_edge(self, edge: Edge) -> tuple[str, str]:
        """Return the names of two images."""
        return self.names[edge.one], self.names[edge.other]

    def settings(self) -> Settings:
        """Return how the mosaic is solved."""
        solution = self.asked.solution
        return Settings(
            method=solution["method"],
            gauge=solution["gauge"],
            sigma=solution["sigma"],
            nclip=solution["nclip"],
            fit_factors=False,
            fitgeometry=self.asked.fitgeometry,
            matching=self.asked.matching,
            pixel_scale=self.scale,
            max_false_alarm=self.asked.max_false_alarm,
        )

    def reference(self, sources: ColumnTable | None) -> Reference | None:
        """Return the catalog to align with."""
        if sources is None or not len(sources):
            return None
        epochs = self.asked.epochs
        known = [epoch for epoch in epochs.values() if epoch is not None]
        common = float(np.mean(known)) if known else None
        try:
            here = at_epoch(sources, common)
            on_plane = reference_on_plane(here, plane=self.plane)
            moves = None
            if is_moving(sources):
                places = {
                    epoch: reference_on_plane(at_epoch(sources, epoch), plane=self.plane).xy
                    for epoch in set(epochs.values())
                }
                moves = np.array([places[epochs[name]] - on_plane.xy for name in self.names])
        except NotAlignedError as error:
            log.warning("%s", error)
            return None
        return Reference(on_plane, self._covariance(sources, here, common), moves)

    def _covariance(
        self, sources: ColumnTable, here: ColumnTable, epoch: float | None
    ) -> FloatArray:
        """Return the covariances of the catalog's stars at an epoch, in square pixels."""
        if self.asked.solution["weights"] == "none":
            return np.zeros((len(sources), 2, 2))
        if is_moving(sources) and epoch is not None:
            there = stars_at(sources, epoch)
            known = np.where(np.isfinite(there.covariance), there.covariance, 0.0)
            where = sources.meta["origin"]
            return plane_covariances(self.plane, there.ra, there.dec, known, where=where)
        own = np.where(np.isfinite(here["error"]), here["error"], 0.0)
        variance = (own / (self.scale * 1000.0)) ** 2
        return np.asarray(variance[:, None, None] * np.eye(2))

    def image(self, place: int, mosaic: AlignedMosaic, sources: ColumnTable | None) -> AlignedImage:
        """Return what became of one image."""
        name, asked = self.names[place], self.asked
        of, meta = None, self._meta(place, mosaic, sources)
        try:
            of = self._fit(place, mosaic)
        except NotAlignedError as error:
            log.warning("%s: %s", name, error)
            meta |= {
                "status": "not_aligned", "reason": error.reason.value, "detail": error.detail,
            }  # fmt: skip
        is_still = of is not None and _is_still(of) and bool(of.quality.held)
        if name == asked.reference or is_still:
            meta["status"] = "reference"
        if of is not None and of.quality.held:
            meta |= self._of_island(place, mosaic, of.quality.held)
        matches = self._matches(place, mosaic, sources, of, meta)
        fitted = judge_image(
            of.fit if of is not None and meta["status"] == "matched" else None,
            matches,
            plane=self.plane,
            fitgeometry=asked.geometries[asked.groups[name]],
            gates=asked.gates[name],
            keeps_present=False,
        )
        record = {**fitted.record, "solution": self._quality(name, of)}
        return AlignedImage(matches, replace(fitted, record=record))

    def _fit(self, place: int, mosaic: AlignedMosaic) -> ExposureFit | None:
        """Return the fit of an image; None for the one that is the reference.

        Raises
        ------
        NotAlignedError
            NO_PIXELS, NO_SOURCES, FEW_SOURCES, FEW_MATCHES, or why no other image matches it.
        """
        name, asked = self.names[place], self.asked
        if name == asked.reference:
            return None
        if name in self.empty:
            raise self.empty[name]
        sky, least = self.skies[name], asked.minobj[name]
        if len(sky) < least:
            text = f"{len(sky)} sources; object_matching.minobj: {least}"
            raise NotAlignedError(Reason.FEW_SOURCES, text)
        of = fit_of_exposure(
            mosaic,
            self.exposures,
            place,
            center=plane_center(self.plane),
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
        mine = [edge for edge in self.edges if place in (edge.one, edge.other)]
        if not mine:
            return NotAlignedError(
                Reason.NO_OVERLAP, "no other image overlaps it, and the reference does not match it"
            )
        best = min(mine, key=lambda edge: edge.chance)
        other = self.names[best.other if best.one == place else best.one]
        if best.is_match:
            return NotAlignedError(
                Reason.FEW_MATCHES, f"its match with {other} contradicts those of the others"
            )
        return NotAlignedError(Reason(best.reason), f"with {other}: {best.problem}")

    def _meta(
        self, place: int, mosaic: AlignedMosaic, sources: ColumnTable | None
    ) -> dict[str, Any]:
        """Return what is said of an image beside its fit."""
        name = self.names[place]
        chances = [edge.chance for edge in mosaic.edges if place in (edge.one, edge.other)]
        match = mosaic.matches.get(int(mosaic.relative.component[self.exposures.unit[place]]))
        chances += [match.chance] if match and not match.problem else []
        origin = self.asked.reference or _MEAN if sources is None else sources.meta["origin"]
        return {
            "image": name,
            "reference": origin,
            "n_sources": len(self.skies[name]),
            "n_reference": self._size_of_reference() if sources is None else len(sources),
            "status": "matched",
            "reason": "",
            "detail": "",
            "false_alarm": min(chances, default=None),
            "field_area": hull_area(self.exposures.lists[place].xy),
        }

    def _size_of_reference(self) -> int:
        """Return how many sources the image has that is the reference; 0 where none is."""
        return len(self.skies[self.asked.reference]) if self.asked.reference else 0

    def _of_island(self, place: int, mosaic: AlignedMosaic, held: str) -> dict[str, Any]:
        """Return what is said of an image in a part that nothing but itself holds."""
        solution = mosaic.solution
        part = solution.parts[solution.component[self.exposures.unit[place]]]
        images = np.flatnonzero(np.isin(self.exposures.unit, part.units))
        still = [
            self.names[other]
            for other in images.tolist()
            if _is_identity(solution.matrices[self.exposures.unit[other]])
            and not solution.shifts[self.exposures.unit[other]].any()
        ]
        origin = still[0] if still else f"mean of {len(images)} images"
        return {"reference": origin, "detail": f"nothing else tells where its part lies: {held}"}

    def _matches(
        self,
        place: int,
        mosaic: AlignedMosaic,
        sources: ColumnTable | None,
        of: ExposureFit | None,
        meta: dict[str, Any],
    ) -> ColumnTable:
        """Lay out the sources of an image beside their stars."""
        sky, xy = self.skies[self.names[place]], self.exposures.lists[place].xy
        nothing = np.zeros(0, dtype=np.intp)
        if of is None:
            star, row, places, error = nothing, nothing, np.zeros((0, 2)), np.zeros(0)
        else:
            star, row = of.star, of.source
            places, error = of.pairs.reference, of.pairs.reference_error
        entry = np.full(int(mosaic.joined.star.max(initial=-1)) + 1, -1)
        entry[mosaic.reference.star] = mosaic.reference_rows
        known = entry[star] >= 0
        ids, origins = star.copy(), np.full(len(star), "mosaic", dtype=object)
        if sources is not None and known.any():
            ids[known] = sources["id"][entry[star[known]]]
            origins[known] = sources["origin"][entry[star[known]]]
        stars = ColumnTable(
            {
                "id": ids,
                "x0": places[:, 0],
                "y0": places[:, 1],
                "error": error * self.scale * 1000.0,
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
            pixels_per_mas=1.0e-3 / self.scale,
            meta=meta,
        )

    def _quality(self, name: str, of: ExposureFit | None) -> dict[str, Any] | None:
        """Return how well an image fits the others and the reference; lengths in mas."""
        if of is None:
            return None
        mas, quality = self.scale * 1000.0, vars(of.quality)
        lengths = ("rms_relative", "rms_absolute", "error_relative", "error_absolute")
        return {
            **{key: quality[key] for key in ("n_stars", "n_reference", "held")},
            **{
                key: float(quality[key] * mas) if np.isfinite(quality[key]) else None
                for key in lengths
            },
            "group": self.asked.groups[name],
        }


def _lists(
    skies: Mapping[str, ColumnTable], plane: WCS
) -> tuple[list[SourceList], dict[str, NotAlignedError]]:
    """Return the sources of each image on the plane, and why some have none."""
    lists: list[SourceList] = []
    empty: dict[str, NotAlignedError] = {}
    for name, sky in skies.items():
        try:
            require_sources(sky)
            lists.append(list_on_plane(sky, plane=plane, image=name))
        except NotAlignedError as error:
            empty[name] = error
            lists.append(SourceList.of_positions(np.zeros((0, 2))))
    return lists, empty


def _errors(sky: ColumnTable, own: SourceList, asked: Asked, scale: float) -> FloatArray:
    """Return the errors of an image's sources in pixels of the plane; nan where not known."""
    if asked.solution["weights"] == "none":
        return np.full(len(own), np.nan)
    return np.asarray(sky["error"][: len(own)] / (scale * 1000.0))


def _priors(priors: Mapping[str, Any], scale: float) -> Priors:
    """Return the recipe's priors, in pixels and radians."""
    shift, rotation = priors["shift"], priors["rotation"]
    return Priors(
        None if shift is None else shift / scale,
        None if rotation is None else float(np.radians(rotation)),
        priors["scale"],
    )


def _is_still(of: ExposureFit) -> bool:
    """Tell whether a fit changes nothing at all."""
    return _is_identity(of.fit.matrix) and not of.fit.shift.any()


def _is_identity(matrix: FloatArray) -> bool:
    """Tell whether a matrix changes nothing at all."""
    return bool((matrix == np.eye(2)).all())
