"""The sky of a scene: stars with their counts in two exposures, and galaxies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from robustness.cameras import CAMERAS, chip_wcs, sky_corners
from robustness.conditions import Conditions
from robustness.galaxies import Galaxies, draw_galaxies
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.demo.painting import steep_fluxes

MARGIN = 40.0
"""Pixels around the exposures that have sources, too."""

MISSING = 0.1
"""Part of the places of a grid that have no star."""


@dataclass(frozen=True)
class Sky:
    """All that shines.

    Attributes
    ----------
    ra, dec : (n,) float arrays
        The stars' places in degrees.
    flux : (2, n) float array
        Their counts in an exposure of unit time: as the reference and as the exposure see them.
    galaxies : Galaxies
        The galaxies, the same to both.
    """

    ra: FloatArray
    dec: FloatArray
    flux: FloatArray
    galaxies: Galaxies


def draw_sky(
    conditions: Conditions,
    reference: fits.HDUList,
    exposure: fits.HDUList,
    rng: np.random.Generator,
) -> Sky:
    """Draw the sources of a sky that covers both exposures, by their true headers."""
    wcs, low, high = _box(conditions, reference, exposure)
    camera = CAMERAS[conditions.camera]
    fields = float(np.prod(high - low) / (len(camera.chips) * np.prod(camera.shape)))
    if conditions.half_chip:
        fields = 1.0
    if conditions.spacing is None:
        places = rng.uniform(low, high, (int(rng.poisson(conditions.stars * fields)), 2))
    else:
        places = _on_grid(conditions.spacing, conditions.jitter, low, high, rng)
    ra, dec = wcs.wcs_pix2world(*places.T, 1)
    flux = steep_fluxes(len(ra), rng=rng, faintest=conditions.faintest, slope=conditions.slope)
    ratio = np.exp(conditions.colour_scatter * rng.standard_normal(len(ra)))
    others = rng.uniform(low, high, (int(rng.poisson(conditions.galaxies * fields)), 2))
    center_ra, center_dec = wcs.wcs_pix2world(*others.T, 1)
    galaxies = draw_galaxies(center_ra, center_dec, rng)
    return Sky(ra, dec, np.stack([flux, flux * ratio]), galaxies)


def _box(
    conditions: Conditions, reference: fits.HDUList, exposure: fits.HDUList
) -> tuple[WCS, FloatArray, FloatArray]:
    """Return the box that has sources, in pixels of a chip without its distortion."""
    camera = CAMERAS[conditions.camera]
    if conditions.half_chip:
        ny, nx = camera.shape
        return chip_wcs(exposure, 1), np.array([1.0, 1.0]), np.array([nx / 2.0, float(ny)])
    first = chip_wcs(reference, 1)
    corners = np.concatenate([sky_corners(hdus, camera) for hdus in (reference, exposure)], axis=1)
    xy = np.array(first.wcs_world2pix(*corners, 1))
    return first, xy.min(axis=1) - MARGIN, xy.max(axis=1) + MARGIN


def _on_grid(
    spacing: float, jitter: float, low: FloatArray, high: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return places on a grid, some of them missing."""
    axes = [np.arange(a, b, spacing) for a, b in zip(low, high, strict=True)]
    places = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    places = places[rng.random(len(places)) >= MISSING]
    return np.asarray(places + jitter * rng.standard_normal(places.shape))
