"""What the solution of all images says of them together, as ``solution.json`` holds it."""

from __future__ import annotations

from pathlib import Path
from typing import NotRequired, TypedDict, cast

from tweakreg_steps.alignment.misfits import MisfitRecord
from tweakreg_steps.json_file import read_json


class PartRecord(TypedDict):
    """A connected part of the mosaic.

    Its ``images``, the reference stars ``n_reference`` that count in it, and what had to be
    ``held``, in words; empty where everything is told.
    """

    images: list[str]
    n_reference: int
    held: str


class RejectedPair(TypedDict):
    """Two images whose match is not believed, and why."""

    images: list[str]
    why: str


class UnmatchedPair(TypedDict):
    """Two images that overlap and have no match, and why; ``false_alarm`` is of the best."""

    images: list[str]
    reason: str
    why: str
    false_alarm: float


class PairsRecord(TypedDict):
    """How many pairs of images overlap, are matched and believed, and what became of the others.

    Those ``unchecked`` are in no closed way.
    """

    n_overlaps: int
    n_matched: int
    n_believed: int
    rejected: list[RejectedPair]
    unmatched: list[UnmatchedPair]
    unchecked: list[list[str]]
    n_triangles: int


class TornPair(TypedDict):
    """Two images of one group whose stars contradict it: how far they are ``apart`` (mas)."""

    images: list[str]
    group: str
    apart: float


class WaveRecord(TypedDict):
    """What positions owed to where sources lie in their pixels, in pixels of the detector.

    The numbers of the wave along ``x`` and ``y``, and the ``largest`` that it is.
    """

    x: list[float]
    y: list[float]
    largest: float


class TermNumbers(TypedDict):
    """A term of a chip: shifts in pixels of the detector, ``rotation`` in radians, others as parts.

    As far as they were asked for.
    """

    shift_x: float
    shift_y: float
    rotation: NotRequired[float]
    scale: NotRequired[float]
    stretch: NotRequired[float]
    shear: NotRequired[float]


class ChipTermRecord(TermNumbers):
    """What a chip of a camera and filter is off by against the others, and the standard errors.

    A term that the dithers do not tell is zero, and so is its error.
    """

    camera: str
    chip: int
    errors: TermNumbers


class Solved(TypedDict):
    """What was found.

    ``floors`` (mas): the error that a source of each camera and filter has beside its own, and the
    reference ``reference_floor``; ``pixel_waves``, by camera and filter: what was taken off;
    ``overlaps``: how well each two images agree about the stars that they share; ``chip_terms``,
    where such terms were asked for; ``groups``, those of several images.
    """

    method: str
    gauge: str
    reference: str | None
    groups: dict[str, list[str]]
    parts: list[PartRecord]
    unsolved: list[str]
    pairs: PairsRecord
    torn: list[TornPair]
    floors: dict[str, float]
    reference_floor: float | None
    pixel_waves: dict[str, WaveRecord]
    chip_terms: list[ChipTermRecord]
    overlaps: list[MisfitRecord]
    n_stars: int
    n_rejections: int
    n_refused: int


class SolutionRecord(Solved):
    """The same, with ``notes``: what of all this a user should read."""

    notes: list[str]


def read_solution(path: Path) -> SolutionRecord:
    """Read what the solution says.

    Raises
    ------
    InputError
        The file is missing, or holds something else.
    """
    return cast("SolutionRecord", read_json(path))
