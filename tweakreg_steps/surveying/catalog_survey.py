"""A look at the catalogs that users bring in place of source finding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.image_name import image_name, name_of_input
from tweakreg_steps.recipes.catfile import (
    Catalogs,
    catalog_of_selection,
    catalogs_of_chips,
    read_catfile,
)
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.surveying.file_digest import file_digest
from tweakreg_steps.surveying.findings import Findings, UserFile
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.tables.file_list import ListLine


def survey_catalogs(recipe: Recipe, findings: Findings) -> dict[str, dict[str, UserFile]]:
    """Find the catalogs of each image that has some, and read each once.

    An image has its catalogs from the coordinate file or from the list that names it; never from
    both. The reference image may stand in the coordinate file, too, but need not.

    Returns
    -------
    dict of str to dict of str to UserFile
        By name of the image, then by number of the chip (from 1): JSON knows texts only. Images
        whose sources are found in their pixels are left out.

    Raises
    ------
    InputError
        Naming every catalog, line and image that stands in the way of a run.
    """
    path = recipe.file("coordinate_file", "catfile")
    lines = read_catfile(path) if path else None
    problems: list[str] = []
    found: dict[str, Catalogs] = {}
    for image in findings.all_images:
        try:
            catalogs = _catalogs_of(image, path, lines, findings)
            if catalogs is not None:
                found[image.image.name] = catalogs
        except InputError as error:
            problems.append(str(error))
    digests, unread = _read_all(recipe, found)
    problems += unread
    if problems:
        raise InputError("\n".join(problems))
    return {
        name: {str(chip): UserFile(file, digests[file]) for chip, file in catalogs.items()}
        for name, catalogs in found.items()
    }


def _catalogs_of(
    inspected: Inspected,
    path: Path | None,
    lines: Mapping[str, ListLine] | None,
    findings: Findings,
) -> Catalogs | None:
    """Return the catalogs of one image, or None where its sources are found in its pixels."""
    image = inspected.image
    numbers = [chip["number"] for chip in inspected.chips]
    own = lines.get(name_of_input(image.path, image.selection)) if lines else None
    line = own or (lines.get(image_name(image.path)) if lines else None)
    if image.catalogs is not None:
        if line is not None:
            raise InputError(
                f"{path}, line {line.number}: {image.label} has catalogs in a list of `input`, "
                "too; keep one of them"
            )
        pick = catalog_of_selection if image.selection else catalogs_of_chips
        return pick(image, image.catalogs, numbers, where="input")
    if line is None:
        if lines is not None and inspected is not findings.refimage:
            raise InputError(
                f"{path}: {image.label} is not in the coordinate file; add a line with its "
                "catalogs, or a line with its name alone to have its sources found in its pixels"
            )
        return None
    if not line.files:
        return None
    pick = catalog_of_selection if own and image.selection else catalogs_of_chips
    return pick(image, line.files, numbers, where=f"{path}, line {line.number}")


def _read_all(recipe: Recipe, found: Mapping[str, Catalogs]) -> tuple[dict[Path, str], list[str]]:
    """Return the digest of each catalog, and a message for each that cannot be used."""
    if not found:
        return {}, []
    from tweakreg_steps.tables.coordinate_catalog import read_coordinate_catalog

    digests: dict[Path, str] = {}
    problems: dict[str, None] = {}
    for name, chips in found.items():
        section = image_values(recipe.values, name)["coordinate_file"]
        parameters = {key: value for key, value in section.items() if key != "catfile"}
        for file in dict.fromkeys(chips.values()):
            try:
                read_coordinate_catalog(file, **parameters)
                digests[file] = file_digest(file)
            except InputError as error:
                problems[str(error)] = None
    return digests, list(problems)
