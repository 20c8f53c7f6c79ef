"""Where the user's files are that jobs read, beside the images themselves."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.recipes.inputs import image_name
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.surveying.chip_record import chip_from_record
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.surveying.inspection import Inspected


def files_of_run(recipe: Recipe) -> dict[str, Path]:
    """Return the files that belong to no image, by what the records call their digests."""
    named = {
        "refcat": recipe.file("reference_catalog", "refcat"),
        "history": recipe.file("headerlet_creation", "history"),
    }
    return {key: path for key, path in named.items() if path}


def files_of_image(recipe: Recipe, findings: Findings, image: Inspected) -> dict[str, Path]:
    """Return the files that belong to an image, by what the records call their digests.

    Of several under one name each has its own behind a dot: ``reference_files.IDCTAB``,
    ``exclusions.1``.
    """
    name = image.image.name
    found = {key: file.path for key, file in findings.weights.get(name, {}).items()}
    for key, files in (
        ("catalogs", findings.catalogs.get(name, {})),
        ("reference_files", findings.reference_files.get(name, {})),
    ):
        found |= {f"{key}.{part}": file.path for part, file in files.items()}
    return found | _region_files(recipe, findings, image)


def _region_files(recipe: Recipe, findings: Findings, image: Inspected) -> dict[str, Path]:
    """Return the region file or mask of each chip that has one."""
    catalog = recipe.file("exclusions")
    if catalog is None or image.image.name not in findings.exclusions:
        return {}
    from tweakreg_steps.masking.exclusions import read_exclusions

    chips = [chip_from_record(record) for record in image.chips]
    files = read_exclusions(catalog, chips={}).files_of(image_name(image.image.path), chips)
    return {f"exclusions.{number}": path for number, path in files.items()}
