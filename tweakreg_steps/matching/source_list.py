"""A list of sources as the matching sees it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray


@dataclass(frozen=True)
class SourceList:
    """Sources of an image or of the reference.

    Attributes
    ----------
    xy : (n, 2) float array
        Positions x, y in pixels of the reference plane.
    brightness : (n,) float array
        Any number that grows with the flux; nan where it is not known.
    narrow : (n,) bool array
        Whether a source is too narrow for a star: a cosmic ray or a hot pixel.
    detector : (n, 3) float array
        Chip, and x and y on it in FITS pixels; nan where the source was not seen by a detector.
    """

    xy: FloatArray
    brightness: FloatArray
    narrow: BoolArray
    detector: FloatArray

    @classmethod
    def of_positions(cls, xy: FloatArray) -> Self:
        """Return a list of which only the positions are known.

        Parameters
        ----------
        xy : (n, 2) float array
            Positions x, y.
        """
        unknown = np.full((len(xy), 3), np.nan)
        return cls(xy, unknown[:, 0], np.zeros(len(xy), dtype=np.bool_), unknown)

    def __len__(self) -> int:
        return len(self.xy)

    def choose(self, chosen: BoolArray | IndexArray) -> Self:
        """Return the list of some of the sources, a mask or indices of this one."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))


def box_area(xy: FloatArray) -> float:
    """Return the area of the box around positions, at least 1."""
    return max(float(np.prod(xy.max(axis=0) - xy.min(axis=0))), 1.0)


def brightest_of_both(
    image: SourceList, reference: SourceList, *, number: int, max_ratio: float
) -> tuple[IndexArray, IndexArray] | None:
    """Choose the brightest sources of two lists, as dense in one as in the other.

    Parameters
    ----------
    image, reference : SourceList
        The lists, not empty.
    number : int
        How many of the image.
    max_ratio : float
        Most reference sources to one of the image.

    Returns
    -------
    tuple of int arrays or None
        Their indices, ascending; of sources of equal brightness those with the lowest y, then x,
        are chosen. None where the brightness of some source is not known.
    """
    if not all(np.isfinite(some.brightness).all() for some in (image, reference)):
        return None
    ratio = min(box_area(reference.xy) / box_area(image.xy), max_ratio)
    return _brightest(image, number), _brightest(reference, int(np.ceil(number * ratio)))


def _brightest(sources: SourceList, number: int) -> IndexArray:
    """Return the indices of the brightest sources."""
    order = np.lexsort((sources.xy[:, 0], sources.xy[:, 1], -sources.brightness))
    return np.sort(order[:number])
