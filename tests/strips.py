"""A strip of exposures, each overlapping the next one: painted, or only as lists of sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skies
from astropy.io import fits
from astropy.wcs import WCS

from tweakreg_steps.astrometry.rigid_motion import Motion, motion_matrix, move_header
from tweakreg_steps.demo.painting import UVIS_PSF, cosmic_rays, expose, paint_stars, steep_fluxes

SHAPE = (480, 640)
PIXEL = 0.4  # arcsec


def strip_scene(
    directory: Path,
    *,
    number: int = 6,
    step: float = 0.42,
    density: int = 160,
    pointing_error: float = 1.0,
    roll_error: float = 0.0,
    seed: int = 11,
) -> skies.Scene:
    """Paint a strip of ground-based exposures, ``strip1.fits`` in the west to the last in the east.

    Neighbours share ``1 - step`` of the field; ``density`` stars and 60 cosmic rays fall on each
    exposure. The headers of all but the first are in error by ``pointing_error`` (arcsec), each in
    another direction, and by ``roll_error`` (degrees).
    """
    rng = np.random.default_rng(seed)
    pointings = [Motion(i * step * SHAPE[1] * PIXEL, 0.0, 0.0) for i in range(number)]
    first = WCS(skies._ground_header("TAN", pointings[0]))
    length = SHAPE[1] * (1 + step * (number - 1))
    stars = int(density * length * (SHAPE[0] + 200) / (SHAPE[0] * SHAPE[1]))
    # east is to the left, and a little down: the camera is turned by three degrees
    x = rng.uniform(SHAPE[1] - length - 40.0, SHAPE[1] + 40.0, stars)
    y = rng.uniform(-100.0, SHAPE[0] + 100.0, stars) + (SHAPE[1] - x) * np.tan(np.radians(3.0))
    ra, dec = first.all_pix2world(x, y, 1)
    flux = steep_fluxes(stars, rng=rng, faintest=4000.0, slope=1.5)
    exposures = []
    for i, pointing in enumerate(pointings):
        header = skies._ground_header("TAN", pointing)
        chip = skies._chip_truth(WCS(header), 1, SHAPE, ra, dec)
        light = paint_stars(SHAPE, x=chip.x, y=chip.y, flux=flux[chip.star], psf=UVIS_PSF)
        rays = cosmic_rays(SHAPE, number=60, rng=rng, mean_length=3.0, counts_per_pixel=300.0)
        pixels = expose(light, hits=(rays,), rng=rng, sky=skies.SKY, read_noise=skies.READ_NOISE)
        error = skies._error(i, pointing_error, roll_error, rng)
        move_header(header, motion_matrix((header["CRVAL1"], header["CRVAL2"]), error))
        path = directory / f"strip{i + 1}.fits"
        fits.PrimaryHDU(pixels, header).writeto(path, overwrite=True)
        exposures.append(skies.ExposureTruth(path, error, (chip,)))
    return skies.Scene(ra, dec, flux, tuple(exposures))
