"""Exposures whose WCS is still that of the telescope's pipeline, for stwcs.updatewcs to make anew.

The headers are those of an ACS/WFC exposure of 47 Tuc, the reference files real ones: both from the
tests of stwcs.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
from astropy.io import fits
from skies import (
    READ_NOISE,
    SKY,
    ExposureTruth,
    Scene,
    _chip_truth,
    _dither,
    _error,
    _name,
    _quiet_wcs,
    _sky_positions,
)
from wcs_update_oracle import run_updatewcs

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.rigid_motion import Motion, motion_matrix, move_header
from tweakreg_steps.demo.painting import UVIS_PSF, expose, paint_stars, steep_fluxes

DATA = Path(__file__).parent / "data" / "acs_wfc"
SHAPE = (512, 1024)
IDCTAB, NPOLFILE, D2IMFILE = "0461802ej_idc.fits", "02c14514j_npl.fits", "02c1450oj_d2i.fits"


def provide_reference_files(folder: Path) -> Path:
    """Unpack the reference files; return the folder as the variable ``jref`` names it."""
    folder.mkdir()
    for name in (IDCTAB, NPOLFILE, D2IMFILE):
        (folder / name).write_bytes(gzip.decompress((DATA / f"{name}.gz").read_bytes()))
    return folder


def raw_headers(pointing: Motion) -> fits.HDUList:
    """Return an exposure of the pipeline, with the sizes of the chips but no pixels yet."""
    with fits.open(DATA / "j94f05bgq_flt_headers.fits.gz") as stored:
        hdus = fits.HDUList([hdu.copy() for hdu in stored])
    names = zip(("IDCTAB", "NPOLFILE", "D2IMFILE"), (IDCTAB, NPOLFILE, D2IMFILE), strict=True)
    for keyword, name in names:
        hdus[0].header[keyword] = f"jref${name}"
    for chip in (1, 2):
        hdus["SCI", chip].data = np.zeros(SHAPE, np.float32)
        hdus["DQ", chip].data = np.zeros(SHAPE, np.int16)
    move_raw(hdus, pointing)
    return hdus


def move_raw(hdus: fits.HDUList, motion: Motion) -> None:
    """Move the exposure's pointing as the pipeline would have written it."""
    first = hdus["SCI", 1].header
    matrix = motion_matrix((first["CRVAL1"], first["CRVAL2"]), motion)
    for chip in (1, 2):
        move_header(hdus["SCI", chip].header, matrix)


def raw_acs_scene(directory: Path, *, number: int = 2, stars: int = 700, seed: int = 12) -> Scene:
    """Paint exposures through the WCS that updatewcs would give, and write them without it.

    The environment variable ``jref`` names the folder of the reference files. The headers of all
    but the first are in error by 0.3 arcsec.
    """
    assert os.environ["jref"]  # noqa: SIM112  its name in the headers
    rng = np.random.default_rng(seed)
    sky: tuple[FloatArray, FloatArray] | None = None
    flux = steep_fluxes(stars, rng=rng, faintest=4000.0, slope=1.5)
    exposures = []
    for i in range(number):
        path = directory / f"j94f05{i + 1}gq_flt.fits"
        pointing = _dither(i, 4.0)
        true = raw_headers(pointing)
        run_updatewcs(true)
        first = _quiet_wcs(true["SCI", 1].header, true)
        sky = sky or _sky_positions(first, SHAPE, stars, 100.0, rng)
        hdus = raw_headers(pointing)
        chips = []
        for number_of_chip in (1, 2):
            wcs = _quiet_wcs(true["SCI", number_of_chip].header, true)
            chip = _chip_truth(wcs, number_of_chip, SHAPE, *sky)
            light = paint_stars(SHAPE, x=chip.x, y=chip.y, flux=flux[chip.star], psf=UVIS_PSF)
            hdus["SCI", number_of_chip].data = expose(
                light, hits=(), rng=rng, sky=SKY, read_noise=READ_NOISE
            )
            chips.append(chip)
        error = _error(i, 0.3, 0.0, rng)
        move_raw(hdus, error)
        _name(hdus, path)
        hdus.writeto(path)
        exposures.append(ExposureTruth(path, error, tuple(chips)))
    assert sky is not None
    return Scene(*sky, flux, tuple(exposures))
