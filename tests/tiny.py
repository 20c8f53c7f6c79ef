"""Exposures so small that a whole run of them takes the time of its imports."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml
from skies import Scene, small_uvis_scene

RECIPE: dict[str, Any] = {
    "input": "*_flc.fits",
    "outdir": "out",
    "imagefindpars": {"threshold": 100},
    "update_header": {"updatehdr": True},
    "shiftfile_output": {"shiftfile": True},
}
"""A recipe that aligns them, and makes every kind of product that it does not have to ask for."""

LEAN: dict[str, Any] = {
    "writecat": False,
    "object_matching": {"see2dplot": False},
    "catalog_fitting": {"residplot": "No plot"},
}
"""What makes fewer of them, in two thirds of the time: no plots of images, no text catalogs."""


def tiny_scene(directory: Path, *, number: int = 3, seed: int = 2) -> Scene:
    """Paint two-chip exposures of 200x200 pixels with some 60 stars a chip: 0.6 MB each."""
    return small_uvis_scene(
        directory,
        seed=seed,
        number=number,
        shape=(200, 200),
        stars=900,
        dither=1.0,
        cosmic_ray_number=5,
        hot_pixel_number=5,
    )


def copy_tiny(scene: Scene, folder: Path, *, number: int | None = None, **changes: Any) -> Path:  # noqa: ANN401  values of a recipe
    """Copy the first `number` exposures (all if None) into a folder that is made if need be.

    Beside them stands `RECIPE` with `changes` laid over it, section by section.

    Returns
    -------
    Path
        The recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in scene.paths[:number]:
        shutil.copyfile(path, folder / path.name)
    recipe = dict(RECIPE)
    for key, value in changes.items():
        before = recipe.get(key)
        nested = isinstance(before, dict) and isinstance(value, dict)
        recipe[key] = before | value if nested else value
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder / "recipe.yaml"
