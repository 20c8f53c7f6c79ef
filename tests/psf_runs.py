"""Runs of four exposures through a telescope, whose sources are measured with a PSF."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml
from optics import uvis
from psf_scenes import write_library
from skies import Scene, uvis_scene

SHAPE = (420, 420)
LIBRARY = "PSFSTD_WFC3UV_F555W.fits"
"""Their PSF, beside them."""


def psf_scene(folder: Path) -> Scene:
    """Paint four dithered exposures of stars through a telescope, with hits, and their PSF."""
    optics = uvis(SHAPE)
    write_library(folder / LIBRARY, optics, detectors=2)
    return uvis_scene(
        folder,
        shape=SHAPE,
        number=4,
        stars=1700,
        faintest=2.0e4,
        cosmic_ray_number=40,
        hot_pixel_number=20,
        dither=1.3,
        optics=optics,
    )


def with_psf(psf: str) -> dict[str, Any]:
    """Return what says that sources are measured with a PSF."""
    return {"centroid": "psf", "psf": psf}


def write_recipe(folder: Path, name: str, find: dict[str, Any], **header: str) -> Path:
    """Write a recipe beside the exposures."""
    recipe = {
        "input": "*_flc.fits",
        "outdir": name,
        "imagefindpars": {"threshold": 20, **find},
        "update_header": {"updatehdr": True, **header},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def built_recipe(scene: Scene, folder: Path) -> Path:
    """Copy the exposures, and write the recipe that builds their PSF.

    It corrects another file of the second exposure.
    """
    for path in scene.paths:
        shutil.copyfile(path, folder / path.name)
    second = folder / scene.paths[1].name
    shutil.copyfile(second, folder / second.name.replace("_flc", "_flt"))
    return write_recipe(folder, "build", with_psf("build"), also="*_flt.fits")
