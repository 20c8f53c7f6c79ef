"""Eight exposures of which four cannot be aligned as they are, each for a reason of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits
from skies import READ_NOISE, SKY, Scene, small_uvis_scene

from tweakreg_steps.astrometry.rigid_motion import Motion, move_exposure

FAR, FAINT, ROLLED, BLANK = "paint03q_flc", "paint05q_flc", "paint06q_flc", "paint08q_flc"
"""What is wrong with the header of the first and third, and with the pixels of the others."""

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
    degrees, and one ended before its shutter opened: its pixels are not finite.
    """
    scene = small_uvis_scene(
        folder, number=8, stars=1500, shape=(400, 800), cosmic_ray_number=60, hot_pixel_number=40
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
    (folder / "recipe.yaml").write_text(RECIPE)
    return scene
