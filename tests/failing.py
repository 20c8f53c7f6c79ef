"""Nine exposures of which five cannot be aligned as they are, each for a reason of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
from astropy.io import fits
from skies import READ_NOISE, SKY, Scene, small_uvis_scene

from tweakreg_steps.astrometry.rigid_motion import Motion, move_exposure

FAR, FAINT, ROLLED = "paint03q_flc", "paint05q_flc", "paint06q_flc"
"""What is wrong with the header of the first and third, and with the pixels of the second."""
BLANK, TRUNCATED = "paint08q_flc", "paint09q_flc"
"""Those that nothing in a recipe can align."""
KEPT = "kept"
"""The folder in which the truncated one is whole."""

RECIPE = """\
# the night's work
input: "*_flc.fits"
outdir: out
imagefindpars:
  threshold: 100  # of the bright stars
catalog_fitting: {residplot: No plot}
writecat: false
update_header:
  updatehdr: true
"""


def failing_scene(folder: Path) -> Scene:
    """Paint the exposures, and write a recipe beside them.

    One points 12 arcsec beside its header, one has a fortieth of the light, one is rolled by 4
    degrees, one ended before its shutter opened: its pixels are not finite, and of one the file
    was cut off on its way.
    """
    scene = small_uvis_scene(
        folder, number=9, stars=1500, shape=(400, 800), cosmic_ray_number=60, hot_pixel_number=40
    )
    rng = np.random.default_rng(5)
    for exposure in scene.exposures:
        name = exposure.path.stem
        with fits.open(exposure.path, mode="update") as hdus:
            if name == FAR:
                move_exposure(hdus, Motion(9.0, -8.0, 0.0))
            elif name == ROLLED:
                move_exposure(hdus, Motion(0.0, 0.0, 4.0))
            for chip in (1, 2):
                data = hdus["SCI", chip].data
                if name == FAINT:
                    noise = rng.normal(0.0, np.sqrt(SKY + READ_NOISE**2), data.shape)
                    hdus["SCI", chip].data = ((data - SKY) / 40.0 + SKY + noise).astype(np.float32)
                elif name == BLANK:
                    hdus["SCI", chip].data = np.full_like(data, np.nan)
    path = folder / f"{TRUNCATED}.fits"
    (folder / KEPT).mkdir()
    shutil.copyfile(path, folder / KEPT / path.name)
    os.truncate(path, path.stat().st_size * 2 // 3)
    (folder / "recipe.yaml").write_text(RECIPE)
    return scene
