"""Whether the headers of the images have room for a WCS of the recipe's name."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_uppercase

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.exposure_record import LearntChip, chip_from_record
from tweakreg_steps.fits_files.wcs_cards import RESERVED_KEY
from tweakreg_steps.fits_files.wcsname import effective_wcsname, is_taken
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.surveying.reference_files import names_after_update


def wcsname_problems(recipe: Recipe, findings: Findings) -> list[str]:
    """Return a message for each image that has no room for a WCS of the recipe's name."""
    header = recipe.header
    if not (header["updatehdr"] or recipe.values["headerlet_creation"]["headerlet"]):
        return []
    wanted = effective_wcsname(header["wcsname"])
    problems = [
        f"update_header.wcsname: {image.image.path} has a WCS named {wanted} already "
        f"({chip['label']}); choose another name or set update_header.reusename: true"
        for image in findings.images
        for chip in image.chips
        if not header["reusename"] and is_taken(wanted, _wcsnames(findings, image, chip))
    ]
    return problems or [
        problem
        for image in findings.images
        for problem in _archive_problems(image, wanted, reusename=header["reusename"])
        if image.image.name not in findings.reference_files
    ]


def _wcsnames(findings: Findings, image: Inspected, chip: LearntChip) -> list[str]:
    """Return the names of a chip's WCSs, as they are when the new one is written."""
    if image.image.name in findings.reference_files:
        return names_after_update(image, chip)
    return list(chip["wcsnames"])


def _archive_problems(image: Inspected, wcsname: str, *, reusename: bool) -> Iterator[str]:
    """Yield a message where a header has no alternate key left for the present WCS."""
    used = {key for chip in image.chips for key in chip["alternates"]}
    if used >= set(ascii_uppercase) - {RESERVED_KEY}:
        from tweakreg_steps.fits_files.fits_blocks import scan_hdus
        from tweakreg_steps.headers.solution import check_room

        path = image.image.path
        chips = [chip_from_record(chip) for chip in image.chips]
        try:
            check_room(path, scan_hdus(path), chips=chips, wcsname=wcsname, reusename=reusename)
        except InputError as error:
            yield f"update_header.wcsname: {error}"
