"""What a finder's centres owe to where stars lie in their pixels, told by the dithers.

DAOFIND's centre of a star is off by a wave that repeats from pixel to pixel, whatever the flux: by
0.07 pixels near the edges of pixels where the kernel is a third wider than the stars. The shared
stars of dithered exposures lie on many places in their pixels and tell the wave (Anderson & King
2000, PASP 112, 1360). A star that lies p from the middle of the pixel around which it is measured
is found at ``p + b(p)``, along each axis of the detectors of a camera and filter::

    b(p) = a1 u + a3 u^3 + a5 u^5,     u = 2 p

With A the frame of an exposure (plane pixels over detector pixels) the numbers a minimise::

    sum w |r - A b|^2 + sum (a / WIDEST)^2

r being the residuals of a solution, both they and A b less their weighted mean over the detections
of a star. The places p are those of the fitted stars: a centre's own noise is in r and must not be
in p as well, or exposures of one pointing would seem to have a wave that takes all noise away. The
wave is used only if it fits far better than chance does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.solving.detections import sums
from tweakreg_steps.solving.solution_file import WaveRecord

POWERS = (1, 3, 5)

N_TERMS = 2 * len(POWERS)
"""Numbers of a camera: along x, then along y."""

WIDEST = 0.1
"""Pixels that a number is expected to be at most: what the dithers do not tell stays small."""

MAX_CHANCE = 1.0e-4
"""Probability of as good a fit without any wave, below which the wave is believed."""

LEAST_FREEDOM = 10
"""Degrees of freedom for each number that is fitted: fewer would put their noise into it."""

FARTHEST = 0.6
"""Pixels from the middle beyond which a centre is that of a blend, and the wave as it is here."""

SAMPLE = 200_000
"""Detections that tell the wave to a hundredth of their errors."""


@dataclass(frozen=True, eq=False)
class PixelPlaces:
    """Where detections are found in their pixels.

    Attributes
    ----------
    found : (n, 2) float array
        Distance of each centre from the middle of its pixel, x and y in detector pixels; nan
        where it is not known.
    exposure : (n,) int array
        Which exposure each is of.
    frames : (n_exposures, 2, 2) float array
        Pixels of the plane over pixels of the detector.
    camera : (n_exposures,) int array
        Camera and filter of each exposure, from 0.
    """

    found: FloatArray
    exposure: IndexArray
    frames: FloatArray
    camera: IndexArray

    @property
    def n_cameras(self) -> int:
        """Number of cameras and filters."""
        return int(self.camera.max(initial=-1)) + 1

    def displacements(self, numbers: FloatArray) -> FloatArray:
        """Return what waves of numbers (n_cameras, 6) have done to all, in plane pixels, (n, 2)."""
        grid = np.tile(np.linspace(-FARTHEST, FARTHEST, 241)[:, None], 2)
        camera, own = self.camera[self.exposure], np.zeros_like(self.found)
        for one, of in enumerate(numbers):
            mine, off = np.flatnonzero(camera == one), wave(of, grid)
            found = np.maximum.accumulate(grid + off)
            for axis in (0, 1):
                where = np.nan_to_num(self.found[mine, axis])
                own[mine, axis] = np.interp(where, found[:, axis], off[:, axis])
        return np.asarray(np.einsum("nij,nj->ni", self.frames[self.exposure], own))


def wave(numbers: FloatArray, places: FloatArray) -> FloatArray:
    """Return the wave of one camera at places p of stars, both (n, 2) in detector pixels."""
    return np.asarray(np.einsum("nik,ik->ni", _powers(places), numbers.reshape(2, -1)))


def _powers(places: FloatArray) -> FloatArray:
    """Return the powers of u at places, (n, 2, 3)."""
    u = 2.0 * np.clip(places, -FARTHEST, FARTHEST)
    return np.stack([u**k for k in POWERS], axis=-1)


def fit_waves(
    pixels: PixelPlaces,
    star: IndexArray,
    *,
    residuals: FloatArray,
    taken_off: FloatArray,
    variances: FloatArray,
    kept: BoolArray,
) -> FloatArray | None:
    """Fit the waves of all cameras, one after the other; None where none is beyond chance.

    Parameters
    ----------
    pixels : PixelPlaces
        Where the detections are found.
    star : (n,) int array
        The star of each.
    residuals : (n, 2) float array
        Where a solution puts each, less the place of the star, in plane pixels.
    taken_off : (n, 2) float array
        The waves that were taken off before, in plane pixels.
    variances : (n,) float array
        Their variances along one axis.
    kept : (n,) bool array
        Which count.

    Returns
    -------
    (n_cameras, 6) float array or None
        The numbers a1, a3, a5 along x, then along y, in detector pixels.
    """
    known = kept & np.isfinite(residuals[:, 0]) & np.isfinite(pixels.found).all(axis=1)
    rows = _sample(star, known)
    if not len(rows):
        return None
    exposure, weights = pixels.exposure[rows], 1.0 / variances[rows]
    frames, camera = pixels.frames[exposure], pixels.camera[exposure]
    off = (residuals + taken_off)[rows]
    places = pixels.found[rows] - np.linalg.solve(frames, off[:, :, None])[:, :, 0]
    fields = np.einsum("nij,njk->nijk", frames, _powers(places)).reshape(len(rows), 2, N_TERMS)
    names, rank = np.unique(star[rows], return_inverse=True)
    left = _from_means(residuals[rows], rank, weights)
    n_left = 2 * (len(rows) - len(names))
    found = np.zeros((pixels.n_cameras, N_TERMS))
    for one in np.unique(camera).tolist():
        moved = _from_means(fields * (camera == one)[:, None, None], rank, weights)
        found[one] = _fit(moved, left, weights, n_left)
        left = left - moved @ found[one]
    return found if found.any() else None


def _sample(star: IndexArray, useful: BoolArray) -> IndexArray:
    """Return the rows of detections that are enough, of stars that were seen more than once."""
    seen = np.bincount(star[useful], minlength=int(star.max(initial=-1)) + 1)
    rows = np.flatnonzero(useful & (seen[star] > 1))
    step = -(-len(rows) // SAMPLE)
    return rows[star[rows] % step == 0] if step > 1 else rows


def _from_means(values: FloatArray, rank: IndexArray, weights: FloatArray) -> FloatArray:
    """Return values (n, 2, ...) of detections less their weighted means over those of each star."""
    flat = values.reshape(len(values), -1)
    number = int(rank.max()) + 1
    total = sums(rank, weights, number)
    means = np.column_stack([sums(rank, weights * own, number) / total for own in flat.T])
    return np.asarray((flat - means[rank]).reshape(values.shape))


def _fit(moved: FloatArray, left: FloatArray, weights: FloatArray, n_left: int) -> FloatArray:
    """Return the numbers of one camera; zero where chance fits as well."""
    none = np.zeros(N_TERMS)
    n_left -= N_TERMS
    if n_left < LEAST_FREEDOM * N_TERMS:
        return none
    matrix = np.einsum("n,nia,nib->ab", weights, moved, moved)
    right = np.einsum("n,nia,ni->a", weights, moved, left)
    numbers = np.linalg.solve(matrix + WIDEST**-2 * np.eye(N_TERMS), right)
    before, after = (
        float(np.einsum("n,ni,ni->", weights, own, own)) for own in (left, left - moved @ numbers)
    )
    noise = max(after, np.finfo(float).tiny) / n_left
    chance = fdtrc(N_TERMS, n_left, max(before - after, 0.0) / N_TERMS / noise)
    return np.asarray(numbers) if chance < MAX_CHANCE else none


def describe_waves(names: Sequence[str], numbers: FloatArray | None) -> dict[str, WaveRecord]:
    """Return the numbers of cameras that have a wave, and its largest size, in detector pixels."""
    if numbers is None:
        return {}
    grid = np.tile(np.linspace(-0.5, 0.5, 41)[:, None], 2)
    return {
        name: {
            "x": own[: len(POWERS)].tolist(),
            "y": own[len(POWERS) :].tolist(),
            "largest": float(np.abs(wave(own, grid)).max()),
        }
        for name, own in zip(names, numbers, strict=True)
        if own.any()
    }
