"""The 2-D histogram of the separations of all pairs of two lists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tweakreg_steps.arrays import FloatArray, IntArray
from tweakreg_steps.matching.neighbours import (
    PointTable,
    iter_pairs,
)
from tweakreg_steps.matching.peaks import find_box_peak, fullest_box
from tweakreg_steps.matching.tuning import BIN, MAX_HALF_SIZE, MAX_WIDTH, PEAK_WIDTHS, WIDER


@dataclass(frozen=True)
class Guess:
    """A box of the histogram that stands out: its centre and its side in pixels."""

    center: FloatArray
    width: float


@dataclass(frozen=True)
class SeparationHistogram:
    """How many pairs have which separation, image minus reference.

    Attributes
    ----------
    bordered : (n, n) int array
        Number of pairs by separation in y and x, with a border in which no peak is looked for: it
        lets a peak on the edge of the search area be seen whole.
    border : int
        Its width in bins.
    bin_width : float
        Side of a bin in pixels.
    middle : (2,) float array
        Separation in the centre of the middle bin, x and y.
    searchrad : float
        Half the side of the area searched, in pixels, as it was asked for.
    widths : tuple of int
        Widths, in bins, of the boxes in which a peak is looked for.
    """

    bordered: IntArray
    border: int
    bin_width: float
    middle: FloatArray
    searchrad: float
    widths: tuple[int, ...]

    @classmethod
    def count(
        cls,
        image: PointTable,
        reference: PointTable,
        *,
        middle: FloatArray,
        searchrad: float,
        tolerance: float,
    ) -> SeparationHistogram:
        """Count the pairs of two lists.

        Parameters
        ----------
        image, reference : PointTable
            The two lists.
        middle : (2,) float array
            Centre of the search in pixels, x and y.
        searchrad : float
            Half its side in pixels.
        tolerance : float
            Matching radius in pixels: twice this is one of the widths of the boxes.
        """
        bin_width = max(BIN, searchrad / MAX_HALF_SIZE)
        half_size = max(1, int(np.ceil(searchrad / bin_width - 0.5)))
        wanted = 2 * int(min(tolerance / bin_width, MAX_WIDTH // 2)) + 1
        widths = tuple(sorted({*PEAK_WIDTHS, wanted}))
        border = (max(widths) + WIDER) // 2 + 1
        bordered = _count_pairs(image, reference, middle, bin_width, half_size + border)
        return cls(bordered, border, bin_width, middle, searchrad, widths)

    @cached_property
    def counts(self) -> IntArray:
        """Return the histogram without its border."""
        return self.bordered[self.border : -self.border, self.border : -self.border].copy()

    @property
    def edges(self) -> FloatArray:
        """Return the edges of the bins in x and in y, relative to the middle, in pixels."""
        half_size = len(self.counts) // 2
        lines: FloatArray = np.arange(-half_size, half_size + 2, dtype=np.float64)
        return (lines - 0.5) * self.bin_width

    @property
    def area(self) -> float:
        """Return the area searched, in square pixels."""
        return float(len(self.counts) * self.bin_width) ** 2

    @property
    def density(self) -> float:
        """Return the number of pairs per square pixel of the area searched."""
        return float(self.counts.sum()) / self.area

    def strongest(self) -> Guess:
        """Find the box that stands out most."""
        peak = find_box_peak(self.bordered, border=self.border, widths=self.widths)
        from_middle = np.array([peak.column, peak.row]) - len(self.counts) // 2
        return Guess(self.middle + from_middle * self.bin_width, peak.width * self.bin_width)

    def fullest_box(self, width: float) -> int:
        """Return the most pairs in any box with a side of about so many pixels."""
        half = round((width / self.bin_width - 1.0) / 2.0)
        return fullest_box(self.bordered, border=self.border, width=2 * max(0, half) + 1)

    def without(self, guess: Guess) -> SeparationHistogram:
        """Return the histogram without the pairs in and right around a box."""
        column, row = np.rint((guess.center - self.middle) / self.bin_width).astype(int)
        half = round(guess.width / self.bin_width / 2) + WIDER // 2
        first = self.border + len(self.counts) // 2 - half
        bordered = self.bordered.copy()
        bordered[
            max(0, first + row) : first + row + 2 * half + 1,
            max(0, first + column) : first + column + 2 * half + 1,
        ] = 0
        return replace(self, bordered=bordered)


def _count_pairs(
    image: PointTable, reference: PointTable, middle: FloatArray, bin_width: float, half_size: int
) -> IntArray:
    """Histogram pair separations, [y, x], in ``2 half_size + 1`` bins a side around a position."""
    size = 2 * half_size + 1
    reach = (half_size + 0.5) * bin_width
    counts = np.zeros(size * size, dtype=np.int64)
    for pairs in iter_pairs(image, reference, shift=middle, radius=reach, shape="square"):
        column = ((pairs.dx + reach) / bin_width).astype(np.intp)
        row = ((pairs.dy + reach) / bin_width).astype(np.intp)
        np.add.at(counts, np.minimum(row, size - 1) * size + np.minimum(column, size - 1), 1)
    return counts.reshape(size, size)
