"""What is true of a scene: where the stars are, and which of them can be seen in both fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy.spatial import cKDTree
from skies import ChipTruth, _quiet_wcs, separation

from tweakreg_steps.arrays import BoolArray, FloatArray

THRESHOLD = 4.0
"""Detection threshold of the recipe, in standard deviations of the sky."""

SURE = 2.0
"""A star is certainly found where its peak is so many times the threshold."""

EDGE = 6.0
"""Pixels at the edges of a chip in which a star may be cut."""

APART = 6.0
"""Pixels within which a neighbour of half the brightness blends."""


@dataclass(frozen=True)
class View:
    """The stars as an exposure sees them.

    Attributes
    ----------
    chips : tuple of ChipTruth
        Where they fall on each chip.
    shape : (int, int)
        (ny, nx) of a chip.
    flux : (n,) float array
        Counts of each star of the sky.
    height : (n,) float array
        Height of the finder's Gaussian, in counts.
    sky_sigma : float
        Standard deviation of the sky, in counts.
    full_well : float
        Counts of a saturated pixel.
    """

    chips: tuple[ChipTruth, ...]
    shape: tuple[int, int]
    flux: FloatArray
    height: FloatArray
    sky_sigma: float
    full_well: float

    def detectable(self) -> BoolArray:
        """Return which stars of the sky any finder must find: shape (n,).

        They are bright enough but not saturated, whole, and not blended with a neighbour.
        """
        found = np.zeros(len(self.flux), dtype=np.bool_)
        bright = self.height >= SURE * THRESHOLD * self.sky_sigma
        # a pixel of the peak holds up to twice the height of the wide Gaussian
        bright &= 2.0 * self.height < self.full_well
        ny, nx = self.shape
        for chip in self.chips:
            whole = (
                (chip.x > EDGE)
                & (chip.x < nx + 1 - EDGE)
                & (chip.y > EDGE)
                & (chip.y < ny + 1 - EDGE)
            )
            alone = _alone(np.column_stack([chip.x, chip.y]), self.flux[chip.star])
            found[chip.star] = bright[chip.star] & whole & alone
        return found


@dataclass(frozen=True)
class Truth:
    """The truth of a scene.

    Attributes
    ----------
    path : Path
        The exposure that is to be aligned.
    ra, dec : (n,) float arrays
        Degrees; the stars that the exposure shows.
    view : View
        How it shows them.
    common : (n,) bool array
        Whether a star can be found in the exposure and in the reference.
    """

    path: Path
    ra: FloatArray
    dec: FloatArray
    view: View
    common: BoolArray

    @property
    def n_common(self) -> int:
        """Return the number of stars that can be found in both."""
        return int(self.common.sum())

    def rms(self, aligned: Path) -> float:
        """Return the rms in pixels of the exposure by which a header misses the common stars.

        Where no star is common, of all stars that the exposure shows.
        """
        squares = [np.empty(0)]
        with fits.open(aligned) as hdus:
            for chip in self.view.chips:
                of_chip = self.common[chip.star] if self.n_common else np.ones(len(chip.x), bool)
                wcs = _quiet_wcs(hdus["SCI", chip.number].header, hdus)
                ra, dec = wcs.all_pix2world(chip.x[of_chip], chip.y[of_chip], 1)
                star = chip.star[of_chip]
                pixel = 3.6e6 * float(np.sqrt(abs(np.linalg.det(chip.wcs.pixel_scale_matrix))))
                apart = separation(ra, dec, self.ra[star], self.dec[star]) / pixel
                squares.append(apart**2)
        return float(np.sqrt(np.mean(np.concatenate(squares))))


def _alone(xy: FloatArray, flux: FloatArray) -> BoolArray:
    """Return which stars have no neighbour of half their flux or more."""
    alone = np.ones(len(xy), dtype=np.bool_)
    pairs = cKDTree(xy).query_pairs(APART, output_type="ndarray")
    for one, other in (pairs.T, pairs.T[::-1]):
        alone[one[flux[other] > 0.5 * flux[one]]] = False
    return alone
