"""The reference files from which stwcs.updatewcs makes the WCS of HST exposures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import is_drizzled, is_hst
from tweakreg_steps.fits_files.exposure_record import LearntChip
from tweakreg_steps.fits_files.header_cards import Cards
from tweakreg_steps.fits_files.wcs_cards import RESERVED_KEY
from tweakreg_steps.surveying.file_digest import file_digest
from tweakreg_steps.surveying.inspection import Inspected

_TABLES = (("IDCTAB",), ("NPOLFILE",), ("D2IMFILE",))
_KEYWORDS = {
    "ACS": _TABLES,
    "WFC3": _TABLES,
    # stwcs makes the D2IMFILE from the DGEOFILE, which is called ODGEOFIL from then on
    "WFPC2": (("IDCTAB",), ("OFFTAB",), ("DGEOFILE", "ODGEOFIL", "D2IMFILE")),
    "STIS": (("IDCTAB",),),
    "NICMOS": (("IDCTAB",),),
}
"""By instrument the keywords of the reference files that stwcs reads; of several, the first that
names a file."""
_NO_FILE = frozenset({"", "N/A"})


@dataclass(frozen=True)
class ReferenceFile:
    """A reference file that a header names.

    Attributes
    ----------
    path
        The file.
    digest
        Of its content.
    """

    path: Path
    digest: str


def find_reference_files(
    images: Iterable[Inspected],
) -> tuple[dict[str, dict[str, ReferenceFile]], list[str]]:
    """Find the reference files of exposures that are to be updated.

    Parameters
    ----------
    images
        The exposures.

    Returns
    -------
    dict
        By the name of each image, then by keyword, its reference files.
    list of str
        A message for each exposure that stwcs cannot update, and for each missing file.
    """
    found: dict[str, dict[str, ReferenceFile]] = {}
    problems: list[str] = []
    known: dict[Path, ReferenceFile] = {}
    for image in images:
        problem = _unfit(image)
        if problem:
            problems.append(f"updatewcs: {image.image.path}: {problem}")
            continue
        files = found.setdefault(image.image.name, {})
        for keyword, name in _named_files(image.primary):
            try:
                path = _resolve(name, image.image.path.parent)
                if path not in known:
                    known[path] = ReferenceFile(path, file_digest(path))
                files[keyword] = known[path]
            except InputError as error:
                problems.append(f"updatewcs: {image.image.path}: {keyword} is {name}: {error}")
    return found, problems


def names_after_update(image: Inspected, chip: LearntChip) -> list[str]:
    """Return the names of a chip's WCSs as stwcs.updatewcs leaves them.

    The primary one is made anew and named after its model; with another model than before, all
    alternates but the original go.
    """
    from stwcs.updatewcs.utils import build_default_wcsname

    alternates, model = dict(chip["alternates"]), str(image.primary["IDCTAB"])
    if image.model is not None and str(image.model).strip() != model.strip():
        alternates = {key: name for key, name in alternates.items() if key == RESERVED_KEY}
    return [build_default_wcsname(model), *filter(None, alternates.values())]


def _unfit(image: Inspected) -> str | None:
    """Say why stwcs cannot update an exposure, or None."""
    if not is_hst(image.primary):
        return "stwcs.updatewcs understands HST exposures only; set updatewcs: false"
    if is_drizzled(image.primary):
        return "is drizzled, so there is no distortion left to describe; set updatewcs: false"
    if str(image.primary.get("IDCTAB", "")).strip() in _NO_FILE:
        return (
            "its primary header names no IDCTAB, so there is no distortion model to build; "
            "set updatewcs: false"
        )
    if image.image.path.name.lower().endswith(".fz"):
        return "stwcs.updatewcs cannot rewrite a compressed file; decompress it with funpack"
    return None


def _named_files(primary: Cards) -> Iterator[tuple[str, str]]:
    """Yield the keywords and the names of the reference files that stwcs reads."""
    for alternatives in _KEYWORDS[str(primary["INSTRUME"]).strip().upper()]:
        names = ((keyword, str(primary.get(keyword, "")).strip()) for keyword in alternatives)
        yield from [(keyword, name) for keyword, name in names if name not in _NO_FILE][:1]


def _resolve(name: str, folder: Path) -> Path:
    """Return the path of a reference file; a relative one is relative to the exposure."""
    from stsci.tools.fileutil import osfn

    variable, separator, _ = name.partition("$")
    try:
        path = Path(folder, osfn(name))
    except ValueError as error:
        raise InputError(
            f"the environment variable {variable} is not set; set it to the folder of the "
            "reference files, with a slash at its end, or set updatewcs: false"
        ) from error
    if path.is_file():
        return path
    way_out = f"put it there or correct the variable {variable}" if separator else "put it there"
    raise InputError(f"there is no file {path}; {way_out}, or set updatewcs: false")
