"""Sources that are probably none of the sky: cosmic rays and defects of the detector.

Defects stay where they are on the detector while the sky moves over it: in lists of two exposures
they agree at the offset of the detector, not at that of the sky.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.matching.neighbours import (
    PointTable,
    iter_pairs,
)
from tweakreg_steps.matching.source_list import (
    SourceList,
)
from tweakreg_steps.matching.tuning import MOVED, SAME_PIXEL

LeftOut = Literal["either", "both"]


_CHIP_STEP = 1e6
"""Pixels by which chips are laid apart to search all at once."""


@dataclass(frozen=True)
class Selection:
    """Some of the sources of an image and of the reference.

    Attributes
    ----------
    image, reference : int arrays
        Their indices in the lists.
    left_out : {"either", "both"}
        Sources that are narrow or fixed are left out, or only those that are both.
    """

    image: IndexArray
    reference: IndexArray
    left_out: LeftOut

    def among(self, image: IndexArray, reference: IndexArray) -> Selection:
        """Return the sources at some indices among these."""
        return Selection(self.image[image], self.reference[reference], self.left_out)


@dataclass(frozen=True)
class Artifacts:
    """Which sources of a list are probably artifacts, shape (n,) each.

    Attributes
    ----------
    narrow
        Too narrow for a star.
    fixed
        At the same position of the detector in the other list.
    """

    narrow: BoolArray
    fixed: BoolArray


def find_artifacts(
    image: SourceList, reference: SourceList, *, narrow: bool, fixed: bool
) -> tuple[Artifacts, Artifacts]:
    """Return which sources of an image and of the reference are probably artifacts.

    Parameters
    ----------
    image, reference : SourceList
        The lists.
    narrow, fixed : bool
        Whether narrow and fixed sources count as artifacts.
    """
    nowhere = tuple(np.zeros(len(some), dtype=np.bool_) for some in (image, reference))
    at_same_position = find_detector_fixed(image, reference) if fixed else nowhere
    first, second = (
        Artifacts(some.narrow & narrow, here)
        for some, here in zip((image, reference), at_same_position, strict=True)
    )
    return first, second


def tiers(
    image: SourceList, reference: SourceList, artifacts: tuple[Artifacts, Artifacts]
) -> list[Selection]:
    """Choose the sources that are to be matched: those that are no artifacts, and then more.

    Parameters
    ----------
    image, reference : SourceList
        The lists; sources without a position are never chosen.
    artifacts : tuple of Artifacts
        Those of both lists.

    Returns
    -------
    list of Selection
        First the sources that are neither narrow nor fixed. Then, if there are others, all but
        those that are both: hot pixels. A star can be narrow where the camera makes it so, and
        fixed where only the header has moved.
    """
    known = [np.isfinite(some.xy).all(axis=1) for some in (image, reference)]
    clean = [k & ~(s.narrow | s.fixed) for k, s in zip(known, artifacts, strict=True)]
    most = [k & ~(s.narrow & s.fixed) for k, s in zip(known, artifacts, strict=True)]
    all_but_hot = Selection(np.flatnonzero(most[0]), np.flatnonzero(most[1]), "both")
    if all((c == m).all() for c, m in zip(clean, most, strict=True)):
        return [all_but_hot]
    return [Selection(np.flatnonzero(clean[0]), np.flatnonzero(clean[1]), "either"), all_but_hot]


def find_detector_fixed(image: SourceList, reference: SourceList) -> tuple[BoolArray, BoolArray]:
    """Return which sources of two lists are at the same position of the detector in both.

    Parameters
    ----------
    image, reference : SourceList
        Two exposures of one detector, on the sky by their headers. Sources whose position on a
        detector is not known are not fixed.

    Returns
    -------
    tuple of bool arrays
        For either list, whether a source of the other one is within `SAME_PIXEL` on the chip,
        though the headers put them more than `MOVED` apart.
    """
    tables = [PointTable.build(_chips_apart(some)) for some in (image, reference)]
    fixed = [np.zeros(len(some), dtype=np.bool_) for some in (image, reference)]
    for pairs in iter_pairs(*tables, shift=(0.0, 0.0), radius=SAME_PIXEL, shape="circle"):
        first, second = tables[0].index[pairs.first], tables[1].index[pairs.second]
        apart = np.hypot(*(image.xy[first] - reference.xy[second]).T) > MOVED
        fixed[0][first[apart]] = True
        fixed[1][second[apart]] = True
    return fixed[0], fixed[1]


def _chips_apart(sources: SourceList) -> FloatArray:
    """Return the positions on the detector with its chips side by side."""
    chip, x, y = sources.detector.T
    return np.column_stack([x + _CHIP_STEP * chip, y])
