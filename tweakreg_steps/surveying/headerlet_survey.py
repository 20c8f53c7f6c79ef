"""Which headerlet files a run will make, and what stands in their way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import is_hst
from tweakreg_steps.fits_files.wcsname import effective_wcsname
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.records.ledger_file import read_entry
from tweakreg_steps.records.outdir_files import HEADERLETS
from tweakreg_steps.surveying.file_digest import file_digest
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.surveying.inspection import Inspected


def headerlet_problems(recipe: Recipe, findings: Findings) -> Iterator[str]:
    """Yield a message for all that stands in the way of a recipe's headerlets."""
    section = recipe.values["headerlet_creation"]
    if not section["headerlet"]:
        return
    for image in findings.images:
        problem = _unfit(image)
        if problem:
            yield f"headerlet_creation.headerlet: {image.image.path}: {problem}"
    yield from _file_problems(recipe, findings)
    if section["attach"] and recipe.header["updatehdr"]:
        yield from _name_problems(recipe, findings)


def history_digest(recipe: Recipe) -> str | None:
    """Return the digest of the text that becomes the headerlets' HISTORY, or None.

    Raises
    ------
    InputError
        The file cannot be read, or holds what a FITS header cannot.
    """
    path = recipe.file("headerlet_creation", "history")
    if path is None or not recipe.values["headerlet_creation"]["headerlet"]:
        return None
    digest = file_digest(path)
    try:
        path.read_text(encoding="ascii")
    except UnicodeDecodeError as error:
        raise InputError(
            f"headerlet_creation.history: {path}: byte {error.start} is no ASCII character; "
            "a FITS header holds nothing else: replace it"
        ) from error
    return digest


def _unfit(image: Inspected) -> str | None:
    """Say why stwcs cannot make a headerlet of an image, or None."""
    if not is_hst(image.primary):
        return "stwcs makes headerlets of HST exposures only; set headerlet: false"
    if "IDCTAB" not in image.primary:
        return (
            "its primary header names no IDCTAB, so stwcs cannot say to which distortion model a "
            "headerlet belongs (a drizzled image?); set headerlet: false"
        )
    if image.image.selection is not None or not image.chips[0]["label"].startswith("SCI,"):
        return (
            "a headerlet speaks of all SCI extensions of an exposure; name the file without a "
            "selection, or set headerlet: false"
        )
    return None


def _file_problems(recipe: Recipe, findings: Findings) -> Iterator[str]:
    """Yield a message for each file name that two headerlets share or a stranger has."""
    from tweakreg_steps.headers.headerlet import headerlet_name

    section = recipe.values["headerlet_creation"]
    names = {
        image.image.name: headerlet_name(image.image.path.name, section["hdrfile"])
        for image in findings.images
    }
    for name, number in Counter(names.values()).items():
        if number > 1:
            yield (
                f"headerlet_creation.hdrfile: {name} would be the headerlet of {number} images; "
                "leave out .fits, which puts the root name before it, or rename the images"
            )
    for image, name in names.items():
        path = recipe.outdir / HEADERLETS / name
        if path.exists() and not section["clobber"] and not _is_own(path, image, recipe.outdir):
            yield (
                f"headerlet_creation.clobber: {path} is there already and was not made by this "
                "recipe; move it away, choose another hdrfile, or set clobber: true"
            )


def _is_own(path: Path, image: str, outdir: Path) -> bool:
    """Tell whether a file is the headerlet that an earlier run made of an image."""
    entry = read_entry(outdir, "write_headerlet", image)
    return entry is not None and str(path.relative_to(outdir)) in entry.products


def _name_problems(recipe: Recipe, findings: Findings) -> Iterator[str]:
    """Yield a message for each image that has a headerlet of the new one's name."""
    header = recipe.header
    hdrname = recipe.values["headerlet_creation"]["hdrname"].strip()
    wanted = hdrname or effective_wcsname(header["wcsname"])
    for image in findings.images:
        attached = [name.upper() for name in image.headerlets]
        if wanted.upper() in attached and not header["reusename"]:
            yield (
                f"headerlet_creation.hdrname: {image.image.path} has a headerlet named {wanted} "
                "already; choose another name or set update_header.reusename: true"
            )
