"""The match of two overlapping exposures, each with its own probability of being chance.

What is found is an edge of the mosaic: pairs of sources, and the transformation between the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import FloatArray, IndexArray
from tweakreg_steps.astrometry.plane_fit import to_image
from tweakreg_steps.errors import ChanceOffsetError, NotAlignedError
from tweakreg_steps.matching.fitting import fit_pairs
from tweakreg_steps.matching.linear_models import MINIMUM_PAIRS, Geometry
from tweakreg_steps.matching.matching import match_sources
from tweakreg_steps.matching.pairs import MatchedPairs
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.sections import ObjectMatching

_NCLIP, _SIGMA = 10, 4.0
"""Clip of a pair's own fit: it only has to leave out what is plainly wrong."""


@dataclass(frozen=True, eq=False)
class Edge:
    """Two exposures that share sources.

    Attributes
    ----------
    one, other : int
        The exposures.
    rows : (n, 2) int array
        Places of the pairs in the lists of the one and of the other.
    distance : (n,) float array
        Distance of each pair from the edge's transformation, in pixels.
    matrix, shift, center : (2, 2), (2,), (2,) float arrays
        ``other - center = matrix (one - center) + shift``, in pixels of the plane.
    covariance : (2, 2) float array
        Of the shift, in square pixels.
    extent : float
        Rms distance of the sources from the centre, in pixels.
    chance : float
        Probability that unrelated lists give such an offset.
    problem : str
        Why there is no match, in words; empty where there is one.
    reason : str
        The same as a code of `tweakreg_steps.errors.Reason`.
    """

    one: int
    other: int
    rows: IndexArray
    distance: FloatArray
    matrix: FloatArray
    shift: FloatArray
    center: FloatArray
    covariance: FloatArray
    extent: float
    chance: float
    problem: str
    reason: str = ""

    @property
    def n_pairs(self) -> int:
        """Number of pairs."""
        return len(self.rows)

    @property
    def is_match(self) -> bool:
        """Tell whether the two were matched."""
        return not self.problem

    def carry(self, xy: FloatArray) -> FloatArray:
        """Return where the other has positions (n, 2) of the one."""
        return to_image(self, xy)


def match_pair(
    one: int,
    other: int,
    lists: tuple[SourceList, SourceList],
    *,
    matching: ObjectMatching,
    pixel_scale: float,
    max_false_alarm: float,
    geometry: Geometry,
) -> Edge:
    """Match two exposures; what cannot be matched is an edge with a problem, no error.

    Parameters
    ----------
    one, other : int
        The exposures.
    lists : tuple of SourceList
        Their sources through the headers as they are, in pixels of the reference plane.
    matching : mapping
        The keywords of `tweakreg_steps.matching.matching.match_sources` from the recipe.
    pixel_scale : float
        Size of the plane's pixels in arcseconds.
    max_false_alarm : float
        Largest probability with which unrelated lists may give the offset.
    geometry : {"shift", "rshift", "rscale", "general"}
        Geometry between the two.
    """
    try:
        # the other is the image that moves, the one the reference
        found = match_sources(
            lists[1], lists[0], pixel_scale=pixel_scale, max_false_alarm=max_false_alarm, **matching
        )
        rows = np.column_stack([found.reference_index, found.image_index])
        return _fit_edge(one, other, lists, rows, found.overlay.false_alarm, geometry)
    except NotAlignedError as error:
        chance = error.false_alarm if isinstance(error, ChanceOffsetError) else 1.0
        return failed_edge(one, other, error.detail, reason=error.reason.value, chance=chance)


def failed_edge(one: int, other: int, problem: str, *, reason: str, chance: float) -> Edge:
    """Return the edge between two exposures that could not be matched, and why."""
    nothing = np.zeros(2)
    rows = np.zeros((0, 2), dtype=np.intp)
    return Edge(
        one,
        other,
        rows,
        np.zeros(0),
        np.eye(2),
        nothing,
        nothing,
        np.eye(2),
        0.0,
        chance,
        problem,
        reason,
    )


def _fit_edge(
    one: int,
    other: int,
    lists: tuple[SourceList, SourceList],
    rows: IndexArray,
    chance: float,
    geometry: Geometry,
) -> Edge:
    """Fit the transformation of a match, and keep the pairs that agree with it."""
    reference, image = lists[0].xy[rows[:, 0]], lists[1].xy[rows[:, 1]]
    center = reference.mean(axis=0)
    if len(rows) <= MINIMUM_PAIRS[geometry]:
        geometry = "shift"
    fit = fit_pairs(
        MatchedPairs.of_positions(image, reference),
        center=center,
        fitgeometry=geometry,
        weights="none",
        robust_start=True,
        nclip=_NCLIP,
        sigma=_SIGMA,
    )
    distance = np.linalg.norm(fit.residuals, axis=1)
    n_left = max(int(fit.kept.sum()) - 1, 1)
    variance = max(float(np.mean(distance[fit.kept] ** 2)) / 2.0, np.finfo(float).tiny) / n_left
    known = fit.uncertainty
    covariance = known.covariance[4:, 4:] if known else variance * np.eye(2)
    return Edge(
        one,
        other,
        rows[fit.kept],
        distance[fit.kept],
        fit.matrix,
        fit.shift,
        center,
        np.asarray(covariance) + np.finfo(float).tiny * np.eye(2),
        float(np.sqrt(np.mean(np.sum((reference[fit.kept] - center) ** 2, axis=1)))),
        chance,
        "",
    )
