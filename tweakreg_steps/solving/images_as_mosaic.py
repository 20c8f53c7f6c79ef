"""The images of a recipe as a mosaic: their lists, errors, priors and matches on the plane."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps import sections
from tweakreg_steps.alignment.lists_on_plane import (
    list_on_plane,
    reference_on_plane,
    require_sources,
)
from tweakreg_steps.alignment.moving_reference import at_epoch, is_moving, stars_at
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.plane_errors import plane_covariances
from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale
from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.finding.sources import PHASE_COLUMNS
from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.sections import FitGates, ObjectMatching, Solution
from tweakreg_steps.solving.chips_of_images import (
    ChipsOfImages,
    Shape,
    chips_of_images,
    frame_of,
)
from tweakreg_steps.solving.detections import Priors
from tweakreg_steps.solving.edge_table import edge_of_table
from tweakreg_steps.solving.mosaic_input import Exposures, Reference, Settings
from tweakreg_steps.solving.pair_match import Edge
from tweakreg_steps.solving.pixel_phases import PixelPlaces
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

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
    shapes
        For each image the shape (ny, nx) of its chips by their numbers.
    """

    solution: Solution
    matching: ObjectMatching
    fitgeometry: Geometry
    max_false_alarm: float
    minobj: Mapping[str, int]
    gates: Mapping[str, FitGates]
    groups: Mapping[str, str]
    geometries: Mapping[str, Geometry]
    cameras: Mapping[str, str]
    reference: str | None
    epochs: Mapping[str, float | None]
    shapes: Mapping[str, Mapping[int, Shape]]


@dataclass(frozen=True, eq=False)
class ImagesAsMosaic:
    """The images of a recipe as a mosaic.

    Attributes
    ----------
    skies, names
        The sources of each image, and the names, in the user's order.
    plane, scale
        The reference plane, and the size of its pixels in arcseconds.
    asked
        What the recipe says.
    exposures, edges
        The images and the matches of pairs, for `tweakreg_steps.solving.mosaic`.
    cameras
        The names of the cameras and filters, by their numbers.
    empty
        Why images have no sources, by name.
    chips
        Where their sources lie on the chips, where these have terms of their own.
    """

    skies: Mapping[str, ColumnTable]
    names: list[str]
    plane: WCS
    scale: float
    asked: Asked
    exposures: Exposures
    cameras: list[str]
    edges: list[Edge]
    empty: Mapping[str, NotAlignedError]
    chips: ChipsOfImages

    @classmethod
    def of(
        cls,
        skies: Mapping[str, ColumnTable],
        pairs: Sequence[ColumnTable],
        plane: WCS,
        asked: Asked,
    ) -> ImagesAsMosaic:
        """Lay everything on the plane."""
        names, scale = list(skies), plane_pixel_scale(plane)
        lists, empty = _lists(skies, plane)
        first: dict[str, str] = {}
        for name in names:
            first.setdefault(asked.groups[name], name)
        units, cameras = list(first), sorted(set(asked.cameras.values()))
        number = {group: place for place, group in enumerate(units)}
        unit = np.array([number[asked.groups[name]] for name in names], dtype=np.intp)
        terms = asked.solution["chip_terms"]
        chips = chips_of_images(
            lists,
            [asked.cameras[name] for name in names],
            [asked.shapes[name] for name in names],
            None if terms == "none" else terms,
        )
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
            chips.detections,
            _pixels(skies, lists, [cameras.index(asked.cameras[name]) for name in names]),
        )
        places = {name: place for place, name in enumerate(names)}
        edges = [edge_of_table(table, places) for table in pairs]
        return cls(skies, names, plane, scale, asked, exposures, cameras, edges, empty, chips)

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
        method = solution["method"]
        assert method != "single"  # noqa: S101  each image is aligned by itself then
        return Settings(
            method=method,
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


def _pixels(
    skies: Mapping[str, ColumnTable], lists: Sequence[SourceList], camera: Sequence[int]
) -> PixelPlaces:
    """Return where all sources were found in their pixels, as far as their finder says it."""
    places = [np.zeros((0, 2))]
    for sky, own in zip(skies.values(), lists, strict=True):
        unknown = np.full(len(own), np.nan)
        known = [sky.columns.get(phase, unknown)[: len(own)] for phase in PHASE_COLUMNS]
        places.append(np.column_stack(known))
    exposure = np.repeat(np.arange(len(lists)), [len(own) for own in lists])
    frames = np.array([frame_of(own) for own in lists]).reshape(-1, 2, 2)
    return PixelPlaces(np.concatenate(places), exposure, frames, np.array(camera, dtype=np.intp))


def _errors(sky: ColumnTable, own: SourceList, asked: Asked, scale: float) -> FloatArray:
    """Return the errors of an image's sources in pixels of the plane; nan where not known."""
    if asked.solution["weights"] == "none":
        return np.full(len(own), np.nan)
    return np.asarray(sky["error"][: len(own)] / (scale * 1000.0))


def _priors(priors: sections.Priors, scale: float) -> Priors:
    """Return the recipe's priors, in pixels and radians."""
    shift, rotation = priors["shift"], priors["rotation"]
    return Priors(
        None if shift is None else shift / scale,
        None if rotation is None else float(np.radians(rotation)),
        priors["scale"],
    )
