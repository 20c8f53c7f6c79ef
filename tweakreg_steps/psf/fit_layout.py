"""Which sources of a chip are fitted, together with which others, and how.

What a finder takes for a star beside a bright one is often a piece of its rings and spikes, or of
its jagged top: these are found out by the light that the PSF says is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.psf.grouping import group_sources, near_pairs
from tweakreg_steps.psf.pixel_boxes import ChipPixels, disc
from tweakreg_steps.psf.psf_grid import PsfGrid, full_width
from tweakreg_steps.psf.psf_positions import PsfPositions

Index = IndexArray

CORE = 1.6
"""Radius of the fitted pixels in full widths at half maximum.

With a well sampled PSF the position is then known to 1.01 of what all pixels of the star tell
(measured with 1e3 to 1e6 electrons); a radius of 1.1 leaves 1.07 at 1e5.
"""

ROUNDING = 0.3
"""Pixels added to a radius so that the disc is round: 21 pixels for 2, 37 for 3."""

WINGS = 4.0
"""The same, where the middle of a star has to be left out."""

LARGEST_GROUP = 6
"""Sources fitted together; the matrices grow with the square, and the pieces of the PSF too."""

PIECE = 512
"""Sources times members of a group that are fitted at a time: smaller pieces take longer, larger
ones leave the cache."""

MOST_OF_CORE = 0.8
"""Part of the core's pixels without which a source is measured from its wings."""

FELT = 0.05
"""Light of a neighbour that is taken away, in units of the sky's noise of a pixel."""

ONE = 0.6
"""Full widths at half maximum within which two sources are taken for one: what a finder makes of
the jagged top of one star. Two stars so near have one maximum."""

OWN = 1.3
"""A source's pixel in units of the light of its brighter neighbours there, above which it is one:
what rings and spikes of a bright star rise above the PSF by."""

ROUGH = 1.5
"""Radius in pixels of the light that a first flux is estimated from."""

LEAST_PIXELS = 6
"""Usable pixels without which a source is not measured: two more than it has unknowns."""


@dataclass(frozen=True, eq=False)
class FittedChip:
    """A chip, its PSF, and the radius of the pixels that are fitted."""

    pixels: ChipPixels
    psf: PsfGrid
    radius: float

    @property
    def wing_radius(self) -> float:
        """Radius in pixels for a star without a middle."""
        whole = round(WINGS * full_width(self.psf))
        return min(whole, int(self.psf.radius) - 1) + ROUNDING


@dataclass(frozen=True, eq=False)
class Layout:
    """Which sources are fitted how; arrays of shape (n,).

    Attributes
    ----------
    group
        Number of the group that a source is fitted in; -1 where it cannot be.
    in_wings
        Whether a source is fitted with the larger radius, alone.
    whole
        Whether all pixels of its core can be used.
    second
        Whether a source is taken for a part of another one.
    x, y
        Where a source was found.
    """

    group: Index
    in_wings: BoolArray
    whole: BoolArray
    second: BoolArray
    x: FloatArray
    y: FloatArray

    def without(self, nothing: BoolArray) -> Layout:
        """Return the same with some sources in no group."""
        return replace(self, group=np.where(nothing, -1, self.group))

    def is_alone(self) -> BoolArray:
        """Tell which sources are the only members of their groups."""
        _, inverse, size = np.unique(self.group, return_inverse=True, return_counts=True)
        alone: BoolArray = (size[inverse] == 1) & (self.group >= 0)
        return alone

    def all_groups(self) -> Index:
        """Numbers of the groups."""
        return np.unique(self.group[self.group >= 0])

    def by_size(self, groups: Index) -> Iterator[Index]:
        """Give, for each kind and size of groups, the members, shape (m, g)."""
        chosen = np.flatnonzero(np.isin(self.group, groups))
        order = chosen[np.argsort(self.group[chosen], kind="stable")]
        _, start, size = np.unique(self.group[order], return_index=True, return_counts=True)
        wings = self.in_wings[order[start]]
        for kind in (False, True):
            for g in np.unique(size[wings == kind]):
                first = start[(wings == kind) & (size == g)]
                yield order[first[:, None] + np.arange(g)]


def core_radius(psf: PsfGrid) -> float:
    """Give the radius in pixels of the disc of pixels that is fitted."""
    whole = max(2, round(CORE * full_width(psf)))
    return min(whole, int(psf.radius) - 1) + ROUNDING


def lay_out(chip: FittedChip, x: FloatArray, y: FloatArray) -> Layout:
    """Group the sources; those without a middle go alone, with their wings."""
    known = np.isfinite(x) & np.isfinite(y)
    core, wings = np.zeros(len(x), dtype=np.intp), np.zeros(len(x), dtype=np.intp)
    for some in np.array_split(np.flatnonzero(known), 1 + len(x) // PIECE):
        core[some] = chip.pixels.boxes(x[some], y[some], chip.radius).usable.sum(axis=1)
    full = np.count_nonzero(disc(chip.radius))
    in_wings = known & (core < MOST_OF_CORE * full)
    few = np.flatnonzero(in_wings)
    wings[few] = chip.pixels.boxes(x[few], y[few], chip.wing_radius).usable.sum(axis=1)
    group = np.full(len(x), -1)
    second = _is_second(chip, x, y, known)
    known, in_wings = known & ~second, in_wings & ~second
    together = np.flatnonzero(known & ~in_wings)
    group[together] = group_sources(
        x[together], y[together], distance=2.0 * chip.radius, largest=LARGEST_GROUP
    )
    alone = np.flatnonzero(in_wings & (wings >= LEAST_PIXELS))
    group[alone] = group.max(initial=-1) + 1 + np.arange(len(alone))
    return Layout(group, in_wings, core == full, second, x, y)


def outside_pairs(chip: FittedChip, layout: Layout, found: PsfPositions) -> Index:
    """List (source, neighbour outside its group whose light reaches its pixels), shape (m, 2)."""
    measured = np.flatnonzero((layout.group >= 0) & np.isfinite(found.xx))
    if not measured.size:
        return np.zeros((0, 2), dtype=np.intp)
    reach = chip.psf.radius + chip.radius
    pairs = measured[near_pairs(found.x[measured], found.y[measured], reach)]
    source, other = pairs.T
    apart = np.hypot(found.x[source] - found.x[other], found.y[source] - found.y[other])
    radius = np.where(layout.in_wings[source], chip.wing_radius, chip.radius)
    light = found.flux[other] * _brightest_at(chip.psf, np.maximum(apart - radius, 0.0))
    seen = light > FELT * np.sqrt(chip.pixels.noise.sky_variance)
    outside: Index = pairs[seen & (layout.group[source] != layout.group[other])]
    return outside


def _is_second(chip: FittedChip, x: FloatArray, y: FloatArray, known: BoolArray) -> BoolArray:
    """Tell which sources are only a piece of a brighter neighbour.

    They are too near to it to be told apart, or their pixel holds hardly more than its light.
    """
    second = np.zeros(len(x), dtype=np.bool_)
    some = np.flatnonzero(known)
    if not some.size:
        return second
    pairs = near_pairs(x[some], y[some], chip.psf.radius)
    beside = np.unique(pairs)
    if not beside.size:
        return second
    some, pairs = some[beside], np.searchsorted(beside, pairs)
    x, y = x[some], y[some]
    flux = _rough_flux(chip, x, y)
    source, other = pairs.T
    fainter = flux[source] < flux[other]
    fainter |= (flux[source] == flux[other]) & (source > other)
    source, other = source[fainter], other[fainter]
    near = np.hypot(x[source] - x[other], y[source] - y[other]) < ONE * full_width(chip.psf)
    second[some[source[near]]] = True
    pixel = chip.pixels.boxes(x, y, 0.0)
    there = flux[other] > 0.0
    source, other = source[there], other[there]
    light = pixel.light_of(chip.psf, x[other], y[other], flux[other], source)
    noise = np.sqrt(np.maximum(pixel.variance + chip.pixels.noise.per_unit * light, 0.0))
    above = pixel.values - chip.pixels.noise.sky - OWN * light
    second[some[(light > 0.0)[:, 0] & (above < 3.0 * noise)[:, 0] & pixel.usable[:, 0]]] = True
    return second


def _rough_flux(chip: FittedChip, x: FloatArray, y: FloatArray) -> FloatArray:
    """Estimate fluxes from the pixels next to each place, and the PSF there."""
    boxes = chip.pixels.boxes(x, y, ROUGH)
    light = boxes.light_of(chip.psf, x, y, np.ones(len(x)), np.arange(len(x)))
    above = np.where(boxes.usable, boxes.values - chip.pixels.noise.sky, 0.0).sum(axis=1)
    part = np.where(boxes.usable, light, 0.0).sum(axis=1)
    return np.asarray(np.where(part > 0.0, above / np.where(part > 0.0, part, 1.0), 0.0))


def _brightest_at(psf: PsfGrid, distance: FloatArray) -> FloatArray:
    """Give the largest value of the mean PSF at or beyond distances in pixels."""
    mean = psf.images.mean(axis=(0, 1))
    step = np.arange(mean.shape[0]) - (mean.shape[0] - 1) / 2
    ring = np.hypot(step, step[:, None]).astype(np.intp)
    highest = np.zeros(ring.max() + 2)
    np.maximum.at(highest, ring.ravel(), mean.ravel())
    beyond = np.maximum.accumulate(highest[::-1])[::-1]
    index = np.minimum(distance * psf.oversampling, len(beyond) - 1).astype(np.intp)
    return np.asarray(beyond[index])
