"""Painting a scene: two exposures with real headers, or one and a catalog.

Everything follows from the conditions. The header of the reference is right, that of the exposure
is in error; its pixels are painted by the true one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits
from skies import _chip_truth, _name

from robustness.cameras import CAMERAS, Camera, chip_wcs, move, read_headers
from robustness.conditions import Conditions
from robustness.galaxies import paint_galaxies
from robustness.sky import Sky, draw_sky
from robustness.truth import Truth, View
from robustness.wrong_catalog import draw_catalog, write_catalog
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.rigid_motion import Motion
from tweakreg_steps.demo.painting import Hits, cosmic_rays, expose, hot_pixels, paint_stars

SKY, READ_NOISE, FULL_WELL = 25.0, 3.1, 70_000.0
CATALOG = "catalog.txt"
NORTH = 1.0e-5
"""Step in degrees by which a direction on the sky is carried to the chip."""


def paint(conditions: Conditions, folder: Path) -> Truth:
    """Write the files of a scene.

    Parameters
    ----------
    conditions
        What it is like.
    folder
        Where its one or two ``robust0?q_fl?.fits`` go, and ``catalog.txt`` where that is the
        reference.

    Returns
    -------
    Truth
        Where everything truly is.
    """
    rng = np.random.default_rng([conditions.number, 1])
    camera = CAMERAS[conditions.camera]
    reference, exposure = read_headers(conditions.camera), read_headers(conditions.camera)
    move(exposure, camera, _true_step(reference, conditions))
    sky = draw_sky(conditions, reference, exposure, rng)
    shown = sky if conditions.same_sky else draw_sky(conditions, reference, exposure, rng)
    hot = [
        hot_pixels(
            camera.shape,
            number=conditions.hot_pixels // len(camera.chips),
            rng=rng,
            faintest=100.0,
        )
        for _ in camera.chips
    ]
    of_reference, view = _view(reference, sky, 0, conditions), _view(exposure, shown, 1, conditions)
    if conditions.wrong_entries is None:
        known = of_reference.detectable()
        _fill(reference, sky, of_reference, conditions, hot, rng, time=conditions.times[0])
        _write(reference, folder / camera.file_name.format(1), conditions.times[0])
    else:
        catalog = draw_catalog(sky, of_reference, conditions.wrong_entries, rng)
        write_catalog(folder / CATALOG, catalog)
        known = catalog.right
    _fill(exposure, shown, view, conditions, hot, rng, time=conditions.times[1])
    move(exposure, camera, _header_error(conditions))
    path = folder / camera.file_name.format(2)
    _write(exposure, path, conditions.times[1])
    common = view.detectable()
    common = common & known if conditions.same_sky else np.zeros_like(common)
    return Truth(path, shown.ra, shown.dec, view, common)


def _true_step(hdus: fits.HDUList, conditions: Conditions) -> Motion:
    """Turn the dither from pixels into a motion on the sky."""
    east, north = 3600.0 * chip_wcs(hdus, 1).pixel_scale_matrix @ np.array(conditions.dither)
    return Motion(float(east), float(north), conditions.orientation)


def _header_error(conditions: Conditions) -> Motion:
    """Return the motion that puts the header in error."""
    direction = np.radians(conditions.direction)
    east, north = conditions.offset * np.sin(direction), conditions.offset * np.cos(direction)
    return Motion(float(east), float(north), conditions.roll)


def _view(hdus: fits.HDUList, sky: Sky, which: int, conditions: Conditions) -> View:
    """Tell where the stars fall on the chips of an exposure, and how bright they are there."""
    time, camera = conditions.times[which], CAMERAS[conditions.camera]
    return View(
        chips=tuple(
            _chip_truth(chip_wcs(hdus, chip), chip, camera.shape, sky.ra, sky.dec)
            for chip in camera.chips
        ),
        shape=camera.shape,
        flux=time * sky.flux[which],
        height=camera.height * time * sky.flux[which],
        sky_sigma=float(np.sqrt(SKY * time + READ_NOISE**2)),
        full_well=FULL_WELL,
    )


def _fill(
    hdus: fits.HDUList,
    sky: Sky,
    view: View,
    conditions: Conditions,
    hot: list[Hits],
    rng: np.random.Generator,
    *,
    time: float,
) -> None:
    """Paint the pixels of all chips."""
    camera = CAMERAS[conditions.camera]
    for chip, fixed in zip(view.chips, hot, strict=True):
        light = paint_stars(
            camera.shape, x=chip.x, y=chip.y, flux=view.flux[chip.star], psf=camera.psf
        )
        light += _galaxy_light(hdus, sky, camera, chip.number, time)
        rays = cosmic_rays(
            camera.shape,
            number=conditions.cosmic_rays // len(camera.chips),
            rng=rng,
            mean_length=4.0,
            counts_per_pixel=300.0,
        )
        pixels = expose(light, hits=(rays, fixed), rng=rng, sky=SKY * time, read_noise=READ_NOISE)
        hdus["SCI", chip.number].data = np.minimum(pixels, np.float32(FULL_WELL))
        # TweakReg reads neither, but stwcs wants them to be there
        hdus["DQ", chip.number].data = np.zeros(camera.shape, dtype=np.int16)
        hdus["ERR", chip.number].data = np.ones((10, 10), dtype=np.float32)


def _galaxy_light(
    hdus: fits.HDUList, sky: Sky, camera: Camera, chip: int, time: float
) -> FloatArray:
    """Paint the galaxies on a chip, their axes as the sky has them."""
    galaxies, wcs = sky.galaxies, chip_wcs(hdus, chip)
    places = _chip_truth(wcs, chip, camera.shape, galaxies.ra, galaxies.dec)
    some = galaxies.choose(places.star)
    x, y = wcs.wcs_world2pix(some.ra, some.dec, 1)
    along_x, along_y = wcs.wcs_world2pix(
        some.ra + NORTH * np.sin(some.angle) / np.cos(np.radians(some.dec)),
        some.dec + NORTH * np.cos(some.angle),
        1,
    )
    return paint_galaxies(
        camera.shape,
        x=places.x,
        y=places.y,
        flux=time * some.flux,
        axis=np.arctan2(along_y - y, along_x - x),
        galaxies=some,
        smear=camera.psf.core_sigma,
    )


def _write(hdus: fits.HDUList, path: Path, time: float) -> None:
    """Write an exposure under its own name, with its exposure time."""
    hdus[0].header["EXPTIME"] = 100.0 * time
    _name(hdus, path)
    hdus.writeto(path)
