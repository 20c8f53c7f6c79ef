"""Reference images of a scene's sky: undistorted or distorted, drizzled-like, painted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from skies import READ_NOISE, SKY, Scene

from tweakreg_steps.demo.painting import UVIS_PSF, expose, paint_stars

SHAPE = (2700, 1500)
SCALE = 0.04  # arcsec
ANGLE = 25.0  # deg, of the y axis

SIP: dict[str, Any] = {
    "CTYPE1": "RA---TAN-SIP",
    "CTYPE2": "DEC--TAN-SIP",
    "A_ORDER": 2,
    "A_2_0": 4.0e-6,
    "A_1_1": -3.0e-6,
    "B_ORDER": 2,
    "B_0_2": 5.0e-6,
    "B_1_1": 2.0e-6,
}
# degrees: at the corner, 0.017 deg away, these move a star by some pixels
TPV: dict[str, Any] = {
    "CTYPE1": "RA---TPV",
    "CTYPE2": "DEC--TPV",
    "PV1_1": 1.0,
    "PV1_2": 1.0e-3,
    "PV1_4": 0.1,
    "PV2_1": 1.0,
    "PV2_4": -0.1,
    "PV2_5": 0.05,
}
DRIZZLED: dict[str, Any] = {
    "CTYPE1O": "RA---TAN-SIP",  # a left-over of an alternate WCS, without its matrix
    "CTYPE2O": "DEC--TAN-SIP",
    "WCSNAMEO": "OPUS",
    "NDRIZIM": 4,
    "IDCTAB": "",
}


def reference_header(scene: Scene, **cards: Any) -> fits.Header:  # noqa: ANN401  of any kind
    """Header of a turned tangential image over the whole scene, with further cards."""
    sine, cosine = (f(math.radians(ANGLE)) * SCALE / 3600.0 for f in (math.sin, math.cos))
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = np.mean(scene.ra), np.mean(scene.dec)
    header["CRPIX1"], header["CRPIX2"] = SHAPE[1] / 2 + 0.25, SHAPE[0] / 2 - 3.5
    header["CD1_1"], header["CD1_2"] = -cosine, sine
    header["CD2_1"], header["CD2_2"] = sine, cosine
    header["RADESYS"] = "ICRS"
    header.update(cards)
    return header


def paint_reference(scene: Scene, path: Path, *, drizzled: bool = False, **cards: Any) -> Path:  # noqa: ANN401
    """Paint the scene's sky through a header of `reference_header`, and write it.

    It goes into PRIMARY, or as `drizzled` into SCI,1 beside WHT and CTX of an HST product.
    """
    header = reference_header(scene, **cards)
    x, y = WCS(header, naxis=2).all_world2pix(scene.ra, scene.dec, 1, tolerance=1e-7, maxiter=60)
    on = (abs(x - SHAPE[1] / 2) < SHAPE[1] / 2) & (abs(y - SHAPE[0] / 2) < SHAPE[0] / 2)
    light = paint_stars(SHAPE, x=x[on], y=y[on], flux=scene.flux[on], psf=UVIS_PSF)
    rng = np.random.default_rng(11)
    pixels = expose(light, hits=(), rng=rng, sky=SKY, read_noise=READ_NOISE)
    if not drizzled:
        fits.PrimaryHDU(pixels, header).writeto(path)
        return path
    primary = fits.PrimaryHDU()
    primary.header.update({"TELESCOP": "HST", "INSTRUME": "WFC3", "DETECTOR": "UVIS"})
    primary.header.update({"NDRIZIM": 4, "D001DATA": "paint01q_flc.fits[sci,1]", "NEXTEND": 3})
    science = fits.ImageHDU(pixels, header, name="SCI")
    science.header.update(DRIZZLED)
    weight = fits.ImageHDU(np.ones((4, 4), dtype=np.float32), name="WHT")
    context = fits.ImageHDU(np.ones((4, 4), dtype=np.int32), name="CTX")
    fits.HDUList([primary, science, weight, context]).writeto(path)
    return path
