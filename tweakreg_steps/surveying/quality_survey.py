"""Whether the flags that a recipe wants used (``dqbits``) are there to be used."""

from __future__ import annotations

from collections.abc import Iterator

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.companions import (
    find_quality,
    is_wfpc2,
    missing_quality,
    quality_name,
)
from tweakreg_steps.fits_files.fits_blocks import scan_hdus
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.surveying.inspection import Inspected


def quality_problems(recipe: Recipe, findings: Findings) -> list[str]:
    """Return a message for each image whose flags cannot be told or lie in a missing file.

    An image that never had flags is none of these.
    """
    return [
        f"{section}.dqbits: {problem}"
        for image, section in findings.sought
        if image_values(recipe.values, image.image.name)[section]["dqbits"] is not None
        for problem in dict.fromkeys(_problems(image))
    ]


def _problems(image: Inspected) -> Iterator[str]:
    """Yield what keeps the flags of an image's chips from being used."""
    without = [chip for chip in image.chips if chip["dq"] is None]
    if not without:
        return
    path = image.image.path
    hdus = scan_hdus(path)
    for chip in without:
        try:
            found = find_quality(path, hdus, chip["extension"])
        except InputError as error:
            yield str(error)
            continue
        name = quality_name(path)
        if found is None and name and is_wfpc2(hdus):
            yield missing_quality(path, name)
