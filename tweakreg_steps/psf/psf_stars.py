"""The stars that a PSF is built from: bright, isolated, seen by two exposures or more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.psf.grouping import near_pairs
from tweakreg_steps.psf.pixel_boxes import ChipPixels
from tweakreg_steps.psf.psf_fit import fit_positions
from tweakreg_steps.psf.psf_grid import PsfGrid
from tweakreg_steps.psf.psf_positions import Flag, PsfPositions

Index = IndexArray

MOST_OBSERVATIONS = 2400
"""Observations of one detector that are used, those of the best stars: enough for all nodes that a
PSF can have. With 2.4 times as many, positions at 1e5 electrons are better by a fourteenth at most
(docs/psf.md), for 2.4 times the time and memory."""

PARTS = 8
"""Parts of a detector along each axis of which the best stars are taken in turn: the PSF of its
corners is not to be left to what the crowd in its middle leaves over."""

LEAST_SIGNAL = 20.0
"""Signal to noise, in the core, of a star that the PSF is built from."""

APART, RIVAL = 7.0, 0.1
"""Pixels within which such a star has no neighbour brighter than this part of it."""

FELT = 0.02
"""Part of such a star's light from which on that of a farther neighbour is taken away."""

FIRST_HALF = 10
"""Pixels on each side of a star in the first, rough PSF."""

CORE = 5.0
"""Pixels around what is near a star that are kept: those that it is fitted to."""

ROOM = 2.0
"""Pixels by which sources may be measured beside where they were found."""

SUMMED = 2.3
"""Radius in pixels of the light that is summed up for a first flux."""


@dataclass(frozen=True, eq=False)
class ExposedChip:
    """One chip of one exposure, and where its sources are.

    Attributes
    ----------
    load
        Gives its pixels; called one chip after the other, so that no two have to be held at once.
    shape
        (ny, nx).
    detector
        Which PSF it has; the same for the same chip of all exposures.
    offset
        Pixels of the detector left of and below the image: not 0 for a subarray.
    x, y
        Where its sources were found, FITS pixels, shape (n,).
    plane
        The same in a plane common to all exposures, free of distortion, in pixels of about the
        same size; to a linear transformation. Shape (n, 2).
    jacobian
        Derivatives of the place in the plane by x and y, shape (n, 2, 2).
    star
        Number of the star that a source is, from 0, the same in all exposures; -1 for none.
    """

    load: Callable[[], ChipPixels]
    shape: tuple[int, int]
    detector: int
    offset: tuple[float, float]
    x: FloatArray
    y: FloatArray
    plane: FloatArray
    jacobian: FloatArray
    star: Index


@dataclass(frozen=True, eq=False)
class Field:
    """A chip with what is known of the sources that matter for the PSF.

    Attributes
    ----------
    chip
        Where the sources were found.
    sources
        Indices of the sources that are measured: the stars and what is near them, shape (m,).
    chosen
        Which of these are stars for the PSF, shape (m,).
    x, y, flux, errors
        Of the sources, as last measured, shape (m,).
    pixels
        The pixels near the sources: those of the whole chip are not held.
    """

    chip: ExposedChip
    sources: Index
    chosen: BoolArray
    x: FloatArray
    y: FloatArray
    flux: FloatArray
    errors: FloatArray
    pixels: ChipPixels

    def measure(self, psf: PsfGrid) -> Field:
        """Fit the PSF of the detector to the sources."""
        pixels, psf = self.pixels, psf.seen_from(self.chip.offset)
        found = fit_positions(pixels.pixels, pixels.good, psf, pixels.noise, self.x, self.y)
        whole = (found.flags & (Flag.NOT_MEASURED | Flag.LEFT_OUT)) == 0
        errors = np.where(whole, found.errors, np.inf)
        # what is nothing beside a star with this PSF is nothing with the next
        there = self.chosen | ((found.flags & Flag.NOT_MEASURED) == 0)
        return replace(
            self,
            sources=self.sources[there],
            chosen=self.chosen[there],
            x=found.x[there],
            y=found.y[there],
            flux=_flux_or_zero(found)[there],
            errors=errors[there],
        )

    def plane(self) -> FloatArray:
        """Give the present positions in the common plane, shape (m, 2)."""
        chip, own = self.chip, self.sources
        moved = np.stack([self.x - chip.x[own], self.y - chip.y[own]], axis=1)
        return np.asarray(chip.plane[own] + np.einsum("nij,nj->ni", chip.jacobian[own], moved))


def _flux_or_zero(found: PsfPositions) -> FloatArray:
    """Give the fluxes, 0 where there is none."""
    return np.where((found.flags & Flag.NOT_MEASURED) == 0, found.flux, 0.0)


def select_stars(chips: Sequence[ExposedChip]) -> list[Field]:
    """Choose the stars: bright, isolated, in two exposures or more; of many the best.

    The best are those with the highest signal to noise in each part of the detector, with all
    their observations; `MOST_OBSERVATIONS` on a detector. Only the pixels near them are kept.
    """
    fluxes, signals, isolated = [], [], []
    for chip in chips:
        flux, noise = sum_light(chip.load(), chip.x, chip.y)
        signal = np.divide(flux, noise, out=np.zeros_like(flux), where=noise > 0.0)
        alone = choose_alone(chip.x, chip.y, flux)
        fluxes.append(flux)
        signals.append(signal)
        isolated.append((chip.star >= 0) & (signal > LEAST_SIGNAL) & alone)
    chosen = _best(_several(chips, isolated), chips, signals)
    return [_field_of(*each) for each in zip(chips, fluxes, chosen, strict=True)]


def _several(chips: Sequence[ExposedChip], isolated: Sequence[BoolArray]) -> list[BoolArray]:
    """Leave out observations of stars of which there is no other one."""
    stars = [chip.star[clear] for chip, clear in zip(chips, isolated, strict=True)]
    seen = np.bincount(
        np.concatenate(stars), minlength=1 + max(c.star.max(initial=0) for c in chips)
    )
    return [
        clear & (seen[np.maximum(chip.star, 0)] > 1)
        for chip, clear in zip(chips, isolated, strict=True)
    ]


def sum_light(pixels: ChipPixels, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sum the light in the core of each source above the sky; with its noise."""
    boxes = pixels.boxes(x, y, SUMMED)
    whole = boxes.usable.sum(axis=1) == boxes.usable.sum(axis=1).max(initial=0)
    light = np.where(boxes.usable, boxes.values - pixels.noise.sky, 0.0).sum(axis=1)
    variance = np.where(boxes.usable, boxes.variance, 0.0).sum(axis=1)
    variance += pixels.noise.per_unit * np.maximum(light, 0.0)
    return np.where(whole, light, 0.0), np.sqrt(variance)


def choose_alone(x: FloatArray, y: FloatArray, flux: FloatArray) -> BoolArray:
    """Tell which sources have no neighbour that matters."""
    pairs = near_pairs(x, y, APART)
    alone = np.ones(len(flux), dtype=np.bool_)
    source, other = pairs.T
    alone[source[flux[other] > RIVAL * flux[source]]] = False
    return alone


def _best(
    clear: Sequence[BoolArray], chips: Sequence[ExposedChip], signals: Sequence[FloatArray]
) -> list[BoolArray]:
    """Leave the best stars of each detector, with all their observations on it."""
    chosen = [np.zeros_like(each) for each in clear]
    for detector in {chip.detector for chip in chips}:
        own = [i for i, chip in enumerate(chips) if chip.detector == detector]
        star = np.concatenate([chips[i].star[clear[i]] for i in own])
        if not star.size:
            continue
        place = np.concatenate(
            [np.column_stack([chips[i].x, chips[i].y])[clear[i]] + chips[i].offset for i in own]
        )
        signal = np.concatenate([signals[i][clear[i]] for i in own])
        best = _best_stars(star, place, signal)
        for i in own:
            chosen[i] = clear[i] & np.isin(chips[i].star, best)
    return chosen


def _best_stars(star: Index, place: FloatArray, signal: FloatArray) -> Index:
    """Choose stars by their observations on one detector; arrays of shape (m,), place (m, 2)."""
    numbers, first, own, count = np.unique(
        star, return_index=True, return_inverse=True, return_counts=True
    )
    highest = np.zeros(len(numbers))
    np.maximum.at(highest, own, signal)
    low, high = place.min(axis=0), place.max(axis=0)
    column, row = (PARTS * (place[first] - low) / (high - low + 1.0)).astype(np.intp).T
    part = row * PARTS + column
    order = np.lexsort([-highest, part])
    _, start = np.unique(part[order], return_index=True)
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order)) - np.repeat(start, np.diff([*start, len(order)]))
    order = np.lexsort([-highest, rank])
    return numbers[order[np.cumsum(count[order]) <= MOST_OBSERVATIONS]]


def _field_of(chip: ExposedChip, flux: FloatArray, chosen: BoolArray) -> Field:
    """Take the stars and what is near them."""
    near = chosen.copy()
    source, other = near_pairs(chip.x, chip.y, 2.0 * FIRST_HALF).T
    apart = np.hypot(chip.x[source] - chip.x[other], chip.y[source] - chip.y[other])
    felt = (apart < APART) | (flux[other] > FELT * flux[source])
    near[other[chosen[source] & felt]] = True
    own = np.flatnonzero(near)
    errors = np.zeros(len(own))
    reach = np.where(chosen[own], FIRST_HALF, CORE) + ROOM
    pixels = chip.load().near(chip.x[own], chip.y[own], reach)
    return Field(chip, own, chosen[own], chip.x[own], chip.y[own], flux[own], errors, pixels)
