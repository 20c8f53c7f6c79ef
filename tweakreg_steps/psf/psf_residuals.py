"""A better PSF from what is left of stars when the present one is taken away.

Anderson & King (2000, PASP 112, 1360): every pixel near a star of known position and flux is a
sample of the effective PSF. The mean of the residuals of the samples near each point of its grid,
smoothed, is what the PSF lacks there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.psf.pixel_boxes import Boxes
from tweakreg_steps.psf.psf_grid import PsfGrid, full_width

SMOOTHING = 0.13
"""Sigma of the Gaussian by which a residual on the grid is spread, in full widths of the PSF.

Repeated steps let the finest structure in last, so that few steps leave out what is only noise.
Measured with 700 stars in four exposures: with 0.16, positions with a PSF of WFC3/UVIS in F275W
are better by a twentieth, with 0.105 worse by a tenth; with 0.135 and a wider-winged kernel the
PSF of WFC3/IR in F110W stayed too broad, for a bias of 3 thousandths of a pixel with the phase."""

FIRST_SMOOTHING = 0.7
"""Sigma in samples of the same for the first, rough PSF, of which no width is known."""

OUTLIER = 5.0
"""Standard deviations beyond which a pixel has no part: a cosmic ray, a neighbour."""

LIKENESS = 0.1
"""Part of the PSF by which a star may differ from it besides, before a pixel is an outlier."""

TRUST = 0.02
"""Part of the PSF's peak by which a pixel is uncertain besides its noise: without it the few
brightest stars would be the PSF of the whole chip."""

MOST_STACKED = 1500
"""Stars, of all alike, that the first, rough PSF is made from: a hundred pixels to a sample."""

PIECE = 512
"""Stars worked on at a time."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Stars of one detector from all its exposures.

    Attributes
    ----------
    boxes
        Their pixels, without the light of neighbours.
    per_unit, sky
        Variance that a unit of light adds, and the level of sky that the boxes' variance holds for,
        shape (n,).
    x, y
        Where they are, FITS pixels, shape (n,).
    star
        Number of each star, the same in all exposures, shape (n,).
    """

    boxes: Boxes
    per_unit: FloatArray
    sky: FloatArray
    x: FloatArray
    y: FloatArray
    star: IndexArray

    def __len__(self) -> int:
        return len(self.x)

    @staticmethod
    def join(parts: Sequence[Samples]) -> Samples:
        """Put those of several exposures, with boxes of one size, one after the other."""
        boxes = Boxes.join([part.boxes for part in parts])
        per_unit, sky, x, y, star = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("per_unit", "sky", "x", "y", "star")
        )
        return Samples(boxes, per_unit, sky, x, y, star)

    def __getitem__(self, some: slice | BoolArray) -> Samples:
        return Samples(
            self.boxes[some],
            self.per_unit[some],
            self.sky[some],
            self.x[some],
            self.y[some],
            self.star[some],
        )

    def stack(self, size: int, oversampling: int) -> FloatArray:
        """Average the stars as they are, each by its own light, into a first PSF.

        The sky of each is the median of its outer pixels.

        Returns
        -------
        float array, shape (size, size)
        """
        boxes, x, y = self.boxes, self.x, self.y
        step = np.arange(boxes.side) - boxes.side // 2
        outer = (np.hypot(step, step[:, None]) > 0.7 * step[-1]).ravel() & boxes.usable
        sky = np.nanmedian(np.where(outer, boxes.values, np.nan), axis=1)
        light = np.where(boxes.usable, boxes.values - sky[:, None], 0.0)
        flux = light.sum(axis=1)
        image = np.zeros((1, 1, size, size))
        empty = PsfGrid(image, np.zeros(1), np.zeros(1), oversampling)
        at, inside = _nearest(empty, boxes, boxes.left, boxes.bottom, x, y)
        counted = inside & boxes.usable & (flux > 0.0)[:, None]
        used = np.flatnonzero(counted)
        part = (light / np.where(flux > 0.0, flux, 1.0)[:, None]).ravel()[used].astype(np.float32)
        sample = at.ravel()[used].astype(np.int32)
        # the median of the stars at each sample: no cosmic ray has part in it
        order = np.lexsort([part, sample])
        where, first, number = np.unique(sample[order], return_index=True, return_counts=True)
        stacked = np.zeros(size * size)
        stacked[where] = part[order][first + number // 2]
        smooth: FloatArray = _smooth(stacked.reshape(1, size, size), FIRST_SMOOTHING)[0]
        return smooth


def stack(parts: Sequence[Samples], size: int, oversampling: int) -> FloatArray:
    """Make a first PSF of some of the stars, `MOST_STACKED` or so; see `Samples.stack`."""
    step = max(1, sum(map(len, parts)) // MOST_STACKED)
    return Samples.join([part[::step] for part in parts]).stack(size, oversampling)


def improve(psf: PsfGrid, parts: Sequence[Samples]) -> PsfGrid:
    """Add to each node of a PSF what stars near it have left over.

    Parameters
    ----------
    psf
        The present PSF.
    parts
        The stars of each exposure, at positions that are better than that PSF's.
    """
    n_nodes, size = len(psf.x_nodes) * len(psf.y_nodes), psf.images.shape[-1]
    total, weight = np.zeros((2, n_nodes * size * size))
    for samples in parts:
        for i in range(0, len(samples), PIECE):
            _add_residuals(psf, samples[i : i + PIECE], total, weight)
    shape = (n_nodes, size, size)
    sigma = SMOOTHING * full_width(psf) * psf.oversampling
    lacking, seen = (_smooth(a.reshape(shape), sigma) for a in (total, weight))
    change = np.where(seen > 0.0, lacking / np.where(seen > 0.0, seen, 1.0), 0.0)
    return replace(psf, images=psf.images + change.reshape(psf.images.shape))


def _add_residuals(psf: PsfGrid, samples: Samples, total: FloatArray, weight: FloatArray) -> None:
    """Sum weighted residuals, and weights, on the grid of each node, flat."""
    x, y, own = samples.x, samples.y, samples.boxes
    values, usable = own.values, own.usable
    light = own.light_of(psf, x, y, np.ones(len(x)), np.arange(len(x)))
    flux, sky = fit_flux(light, values, usable, own.variance)
    variance = own.variance + samples.per_unit[:, None] * np.maximum(
        flux[:, None] * light + (sky - samples.sky)[:, None], 0.0
    )
    flux, sky = fit_flux(light, values, usable, variance)
    residual = (values - sky[:, None]) / flux[:, None] - light
    noise = variance / flux[:, None] ** 2
    known = usable & (np.abs(residual) <= OUTLIER * np.sqrt(noise + (LIKENESS * light) ** 2))
    known &= (flux > 0.0)[:, None]
    trust = 1.0 / (noise + (TRUST * light.max(axis=1, keepdims=True)) ** 2)
    at, inside = _nearest(psf, own, own.left, own.bottom, x, y)
    counted = np.flatnonzero(known & inside)
    star = counted // own.side**2
    part = trust.ravel()[counted]
    lacking, sample = part * residual.ravel()[counted], at.ravel()[counted]
    nodes, shares = psf.node_weights(x, y)
    size = psf.images.shape[-1]
    for node, share in zip(nodes.T * size**2, shares.T, strict=True):
        index, shared = node[star] + sample, share[star]
        total += np.bincount(index, shared * lacking, total.size)
        weight += np.bincount(index, shared * part, weight.size)


def fit_flux(
    light: FloatArray,
    values: NDArray[np.floating],
    usable: BoolArray,
    variance: NDArray[np.floating],
) -> tuple[FloatArray, FloatArray]:
    """Fit flux and sky of stars whose place is given; arrays of shape (n, p) in, (n,) out."""
    w = usable / variance
    s1, sp, spp = w.sum(1), (w * light).sum(1), (w * light**2).sum(1)
    sd, spd = (w * values).sum(1), (w * light * values).sum(1)
    determinant = s1 * spp - sp**2
    with np.errstate(divide="ignore", invalid="ignore"):
        flux = (s1 * spd - sp * sd) / determinant
        sky = (spp * sd - sp * spd) / determinant
    solved = determinant > 0.0
    return np.where(solved, flux, -1.0), np.where(solved, sky, 0.0)


def _nearest(
    psf: PsfGrid, boxes: Boxes, left: FloatArray, bottom: FloatArray, x: FloatArray, y: FloatArray
) -> tuple[NDArray[np.int32], BoolArray]:
    """Give the flat index of the sample of the grid nearest to each pixel, and if it is on it."""
    size, side = psf.images.shape[-1], boxes.side
    step = np.arange(side)
    column, row = (
        np.rint(
            psf.oversampling * (corner[:, None] + step - place[:, None]) + (size - 1) / 2
        ).astype(np.int32)
        for corner, place in ((left, x), (bottom, y))
    )
    inside = ((row >= 0) & (row < size))[:, :, None] & ((column >= 0) & (column < size))[:, None]
    index = row.clip(0, size - 1)[:, :, None] * size + column.clip(0, size - 1)[:, None, :]
    return index.reshape(len(x), -1), inside.reshape(len(x), -1)


def _smooth(grids: FloatArray, sigma: float) -> FloatArray:
    """Spread over the neighbours on the last two axes; sigma in samples."""
    from scipy.ndimage import gaussian_filter

    axes = (-2, -1)
    smooth: FloatArray = gaussian_filter(grids, sigma, axes=axes, mode="constant")
    return smooth
