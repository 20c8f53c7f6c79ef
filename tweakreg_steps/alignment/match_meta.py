"""What the metadata of a match table say of a match."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict, cast

from tweakreg_steps.finding.catalog_meta import LowerThresholds
from tweakreg_steps.tables.ecsv import ColumnTable


class SimilarityRecord(TypedDict):
    """A transformation found by triangles: ``image = matrix @ reference + shift``, in pixels."""

    matrix: list[list[float]]
    shift: list[float]


class HowLaid(TypedDict, total=False):
    """How the lists were laid over each other; lengths in pixels of the plane.

    ``way`` in words; ``similarity``, the transformation found by triangles, or None; ``offset`` x,
    y that is left; ``n_peak`` pairs and ``n_cells`` of the field at it, ``n_expected`` and
    ``n_cells_expected`` by chance; ``n_matched_by_chance``, expected among the matches;
    ``n_narrow``, ``n_fixed`` and ``n_left_out`` sources, which of them being named by ``left_out``.
    """

    way: str
    similarity: SimilarityRecord | None
    offset: list[float]
    n_peak: int
    n_expected: float
    n_cells: int
    n_cells_expected: float
    n_matched_by_chance: float
    n_narrow: int
    n_fixed: int
    n_left_out: int
    left_out: str


class MatchMeta(HowLaid):
    """The metadata of a match table.

    ``false_alarm`` is the probability that unrelated lists give the offset. Where the reference
    stars move, ``epoch`` is that of the image, a Julian year. ``lower`` and ``centroid`` are those
    of the sky list. How a match was sought is told as far as it came, and how the lists lie of one
    that was found; of an image that is not matched ``cure`` and ``changes`` say what to change in
    the recipe.
    """

    image: str
    reference: str
    n_sources: int
    n_reference: int
    status: Literal["matched", "reference", "not_aligned"]
    reason: str
    detail: str
    false_alarm: float | None
    epoch: NotRequired[float | None]
    lower: NotRequired[LowerThresholds]
    centroid: NotRequired[Literal["psf"]]
    field_area: NotRequired[float]
    search_radius: NotRequired[float]
    tolerance: NotRequired[float]
    leave_out_narrow: NotRequired[bool]
    leave_out_fixed: NotRequired[bool]
    cure: NotRequired[str]
    changes: NotRequired[dict[str, dict[str, object]]]


def match_meta(matches: ColumnTable) -> MatchMeta:
    """Return the metadata of a match table."""
    return cast("MatchMeta", matches.meta)
