"""Where the user's files are that jobs read, beside the images themselves."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.planning.jobs import ALL
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.surveying.inspection import Inspected


def files_of_run(recipe: Recipe) -> dict[str, Path]:
    """Return the files that belong to no image, by what the records call their digests."""
    named = {
        "refcat": recipe.file("reference_catalog", "refcat"),
        "history": recipe.file("headerlet_creation", "history"),
    }
    return {key: path for key, path in named.items() if path}


def files_of_image(findings: Findings, image: Inspected) -> dict[str, Path]:
    """Return the files that belong to an image, by what the records call their digests.

    Of several under one name each has its own behind a dot: ``reference_files.IDCTAB``,
    ``exclusions.1``.
    """
    name = image.image.name
    found = {key: file.path for key, file in findings.weights.get(name, {}).items()}
    for key, files in (
        ("catalogs", findings.catalogs.get(name, {})),
        ("reference_files", findings.reference_files.get(name, {})),
        ("exclusions", findings.exclusions.get(name, {})),
    ):
        found |= {f"{key}.{part}": file.path for part, file in files.items()}
    return found


def all_user_files(recipe: Recipe, findings: Findings) -> dict[str, dict[str, Path]]:
    """Return all files by image, with the image itself, and those of no image under ``all``."""
    files = {
        image.image.name: {"image": image.image.path, **files_of_image(findings, image)}
        for image in findings.all_images
    }
    return {**files, ALL: files_of_run(recipe)}
