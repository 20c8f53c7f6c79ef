"""What a mosaic is made from: exposures, a catalog, and what the recipe says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.sections import ObjectMatching
from tweakreg_steps.solving.chip_terms import NO_CHIPS, ChipDetections
from tweakreg_steps.solving.detections import (
    Priors,
)
from tweakreg_steps.solving.pixel_phases import PixelPlaces
from tweakreg_steps.solving.simultaneous import Gauge

Method = Literal["relative_absolute", "simultaneous"]


@dataclass(frozen=True, eq=False)
class Exposures:
    """The exposures of a mosaic.

    Attributes
    ----------
    lists : sequence of SourceList
        Their sources through the headers as they are, in pixels of the plane.
    errors : sequence of (n,) float arrays
        Standard errors of the sources along one axis, in pixels; nan where not known.
    unit : (n_exposures,) int array
        Which unit each moves with, from 0: its own, or that of its group.
    geometries, priors : sequences, one a unit
        See `simultaneous.Mosaic`.
    held : (n_units,) bool array
        Units that are the reference.
    camera : (n_units,) int array
        Camera and filter of each unit, from 0.
    chips : ChipDetections
        Of all sources of all exposures, one after the other; `NO_CHIPS` for no terms.
    pixels : PixelPlaces or None
        Where these lie in their pixels; None where nothing is to be corrected for it.
    """

    lists: Sequence[SourceList]
    errors: Sequence[FloatArray]
    unit: IndexArray
    geometries: Sequence[Geometry]
    priors: Sequence[Priors]
    held: BoolArray
    camera: IndexArray
    chips: ChipDetections = NO_CHIPS
    pixels: PixelPlaces | None = None

    @property
    def sizes(self) -> list[int]:
        """Number of sources of each exposure."""
        return [len(sources) for sources in self.lists]

    def moved_back(self, displacements: FloatArray) -> Exposures:
        """Return the same with displacements (n, 2) of all sources taken off, plane pixels."""
        parts = np.split(displacements, np.cumsum(self.sizes)[:-1])
        lists = [
            replace(sources, xy=sources.xy - part)
            for sources, part in zip(self.lists, parts, strict=True)
        ]
        return replace(self, lists=lists)


@dataclass(frozen=True, eq=False)
class Reference:
    """A catalog to align with.

    Attributes
    ----------
    sources : SourceList
        Its entries at the common epoch, in pixels of the plane.
    covariance : (m, 2, 2) float array
        Of their places, in square pixels; zero where not known.
    moves : (n_exposures, m, 2) float array or None
        How far each entry has moved at the time of each exposure since the common epoch, in
        pixels; None where all exposures are of one epoch.
    """

    sources: SourceList
    covariance: FloatArray
    moves: FloatArray | None = None


@dataclass(frozen=True)
class Settings:
    """What the recipe says about the solution.

    Attributes
    ----------
    method : {"relative_absolute", "simultaneous"}
        One fit of each part after it was solved alone, or everything at once.
    gauge : {"first", "mean"}
        What is held where nothing tells where a part lies.
    sigma, nclip : float, int
        Limit and rounds of the rejection of outliers.
    fit_factors : bool
        Whether the sources' errors are known but for a factor.
    fitgeometry : {"shift", "rshift", "rscale", "general"}
        Geometry of the fit of a whole part.
    matching : mapping
        Keywords of `tweakreg_steps.matching.matching.match_sources`, for the reference.
    pixel_scale : float
        Size of the plane's pixels in arcseconds.
    max_false_alarm : float
        Largest probability with which unrelated lists may give an offset.
    """

    method: Method
    gauge: Gauge
    sigma: float
    nclip: int
    fit_factors: bool
    fitgeometry: Geometry
    matching: ObjectMatching
    pixel_scale: float
    max_false_alarm: float
