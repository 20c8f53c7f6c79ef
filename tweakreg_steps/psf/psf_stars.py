"""The stars that a PSF is built from: bright, isolated, seen by two exposures or more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.psf.grouping import near_pairs
from tweakreg_steps.psf.pixel_boxes import Boxes, ChipPixels
from tweakreg_steps.psf.pixel_noise import PixelNoise
from tweakreg_steps.psf.psf_fit import fit_positions
from tweakreg_steps.psf.psf_grid import PsfGrid
from tweakreg_steps.psf.psf_positions import Flag, PsfPositions

Index = IndexArray

MOST_OBSERVATIONS = 6000
"""Observations of one detector that are used, the brightest: more make the PSF no better."""

LEAST_SIGNAL = 20.0
"""Signal to noise, in the core, of a star that the PSF is built from."""

APART, RIVAL = 7.0, 0.1
"""Pixels within which such a star has no neighbour brighter than this part of it."""

FIRST_HALF = 10
"""Pixels on each side of a star in the first, rough PSF."""

SUMMED = 2.3
"""Radius in pixels of the light that is summed up for a first flux."""


@dataclass(frozen=True, eq=False)
class ExposedChip:
    """One chip of one exposure, and where its sources are.

    Attributes
    ----------
    load
        Gives its pixels; called once a round, so that no two chips have to be held at once.
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
    boxes, noise
        The pixels around the chosen ones where they were last measured, and their noise.
    """

    chip: ExposedChip
    sources: Index
    chosen: BoolArray
    x: FloatArray
    y: FloatArray
    flux: FloatArray
    errors: FloatArray
    boxes: Boxes
    noise: PixelNoise

    def measure(self, psf: PsfGrid) -> Field:
        """Fit the PSF of the detector to the sources."""
        pixels, psf = self.chip.load(), psf.seen_from(self.chip.offset)
        found = fit_positions(pixels.pixels, pixels.good, psf, pixels.noise, self.x, self.y)
        whole = (found.flags & (Flag.NOT_MEASURED | Flag.LEFT_OUT)) == 0
        errors, stars = np.where(whole, found.errors, np.inf), self.chosen
        return replace(
            self,
            x=found.x,
            y=found.y,
            flux=_flux_or_zero(found),
            errors=errors,
            boxes=pixels.boxes(found.x[stars], found.y[stars], psf.radius + 0.5).shrink(),
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
    """Choose the stars: bright, isolated, seen by two exposures or more."""
    seen = np.bincount(
        np.concatenate([np.unique(chip.star[chip.star >= 0]) for chip in chips]), minlength=1
    )
    fluxes, isolated = [], []
    for chip in chips:
        flux, noise = sum_light(chip.load(), chip.x, chip.y)
        alone = choose_alone(chip.x, chip.y, flux)
        clear = (chip.star >= 0) & (flux > LEAST_SIGNAL * noise) & alone
        clear &= seen[np.maximum(chip.star, 0)] > 1
        fluxes.append(flux)
        isolated.append(clear)
    limits = _faintest(chips, fluxes, isolated)
    return [
        _field_of(chip, flux, clear & (flux >= limits[chip.detector]))
        for chip, flux, clear in zip(chips, fluxes, isolated, strict=True)
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


def _faintest(
    chips: Sequence[ExposedChip], fluxes: Sequence[FloatArray], isolated: Sequence[BoolArray]
) -> dict[int, float]:
    """Find the flux, by detector, that leaves no more observations than are used."""
    limits = {}
    for detector in {chip.detector for chip in chips}:
        found = np.concatenate(
            [
                flux[clear]
                for chip, flux, clear in zip(chips, fluxes, isolated, strict=True)
                if chip.detector == detector
            ]
        )
        beyond = np.sort(found)[::-1][MOST_OBSERVATIONS:]
        limits[detector] = float(beyond[0]) if beyond.size else 0.0
    return limits


def _field_of(chip: ExposedChip, flux: FloatArray, chosen: BoolArray) -> Field:
    """Take the stars and what is near them."""
    near = chosen.copy()
    source, other = near_pairs(chip.x, chip.y, 2.0 * FIRST_HALF).T
    near[other[chosen[source]]] = True
    own = np.flatnonzero(near)
    errors = np.zeros(len(own))
    pixels = chip.load()
    boxes = pixels.boxes(chip.x[chosen], chip.y[chosen], FIRST_HALF + 0.5).shrink()
    noise = replace(pixels.noise, errors=None)
    return Field(chip, own, chosen[own], chip.x[own], chip.y[own], flux[own], errors, boxes, noise)
