"""A solution, the WCS that a fit gives each chip, and the headers with it in them.

Only cards are edited here, in memory; `tweakreg_steps.headers.header_update` writes files and
`tweakreg_steps.headers.headerlet` makes headerlets of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps import __version__
from tweakreg_steps.astrometry.apply_fit import MovedWcs, move_wcs
from tweakreg_steps.astrometry.plane_fit import PlaneFit
from tweakreg_steps.errors import InputError
from tweakreg_steps.fit_file import ChipTerm, FitRecord, accepted_numbers
from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.chips import Chip, is_drizzled, is_hst
from tweakreg_steps.fits_files.fits_blocks import Hdu
from tweakreg_steps.fits_files.header_cards import CardValue
from tweakreg_steps.fits_files.wcs_cards import (
    Archived,
    archive_original,
    archive_primary,
    remove_alternates,
    wcs_names,
)
from tweakreg_steps.fits_files.wcsname import describe_wcsname, effective_wcsname, is_taken

REFERENCE_TYPE = "not aligned: reference"
"""WCSTYPE of the image to which the others are aligned, as in TweakReg."""

if TYPE_CHECKING:
    from astropy.wcs import WCS

_MAS = 3.6e6  # in a degree
_COMMENTS = {
    "WCSNAME": "Coordinate system title",
    "WCSTYPE": "Kind of WCS solution",
    "FITNAME": "Name of the fit",
    "RMS_RA": "[deg] rms of the fit in RA",
    "RMS_DEC": "[deg] rms of the fit in Dec",
    "NMATCH": "Number of sources in the fit",
    "NMATCHES": "Number of sources in the fit",
    "FITGEOM": "Geometry of the fit",
    "CRDER1": "[deg] random error in RA",
    "CRDER2": "[deg] random error in Dec",
    "HDRNAME": "Name of the headerlet",
}


_OF_A_FIT = (
    *("FITNAME", "RMS_RA", "RMS_DEC", "NMATCH", "NMATCHES", "FITGEOM", "HDRNAME", "CATALOG"),
    *("RELGEOM", "RELMATCH", "RELRMS_R", "RELRMS_D", "RELREFIM"),
    *("ASTRRMS1", "ASTRRMS2", "ASTIRMS1", "ASTIRMS2"),
)
"""What tells of the fit of a WCS: written by TweakReg, HST's archive and SCAMP. It goes with that
WCS; what the archive has in mas would be read as degrees."""


@dataclass(frozen=True)
class FitQuality:
    """How good a fit is, as the header records it.

    Attributes
    ----------
    rms_ra, rms_dec : float
        rms of the residuals on the sky, in degrees, as TweakReg writes them.
    n_match : int
        Sources in the final fit.
    geometry : str or None
        ``shift``, ``rshift``, ``rscale`` or ``general``; None where it is not known.
    """

    rms_ra: float
    rms_dec: float
    n_match: int
    geometry: str | None = None


@dataclass(frozen=True)
class Solution:
    """What is to be written into an exposure's headers.

    Attributes
    ----------
    wcsname : str
        Name of the new primary WCS.
    moved : sequence of MovedWcs or None
        The new WCS of each chip, in the chips' order; None for the reference, whose WCS only gets
        the name.
    quality : FitQuality or None
        Of the fit; None for the reference.
    """

    wcsname: str
    moved: Sequence[MovedWcs] | None
    quality: FitQuality | None

    @property
    def deviation(self) -> float:
        """Largest distance (mas) of the written WCS from the fit; 0 for the reference."""
        return max((chip.deviation for chip in self.moved or ()), default=0.0)


@dataclass(frozen=True)
class EditedHeaders:
    """The headers of an exposure with a solution in them.

    Attributes
    ----------
    headers : mapping
        By the index of the HDU: the primary header and those of the chips.
    archived : Archived or None
        Key and name under which the former WCS is kept; None where it was overwritten.
    cards : mapping
        For each chip's label the cards that were set; None for a removed one.
    """

    headers: Mapping[int, CardList]
    archived: Archived | None
    cards: Mapping[str, Mapping[str, CardValue | None]]


def solution_of_fit(
    source: Path,
    *,
    chips: Sequence[Chip],
    plane_path: Path,
    fit: FitRecord,
    wcsname: str,
) -> Solution:
    """Return the WCS that a fit gives each chip of an exposure.

    Parameters
    ----------
    source : Path
        The exposure.
    chips : sequence of Chip
        Of the exposure, from `tweakreg_steps.fits_files.exposure.list_chips`.
    plane_path : Path
        The reference plane, ``reference/wcs.fits``.
    fit : mapping
        ``fits/<image>.json``: ``status`` ``aligned``, with ``matrix``, ``dx``, ``dy``, ``center``
        (pixels of the plane), ``rms_ra``, ``rms_dec`` (mas) and ``n_fit``; or ``reference``. Where
        chips have terms of their own, ``chip_terms``: under ``of``, by the number of each chip, the
        ``shift`` and ``matrix`` about its middle.
    wcsname : str
        Name of the new WCS; blank means ``TWEAK``.

    Raises
    ------
    NotAlignedError
        The fit cannot be written as a WCS of the image's kind.
    InputError
        The exposure cannot be read.
    """
    name = effective_wcsname(wcsname)
    if fit["status"] == "reference":
        return Solution(name, None, None)
    numbers = accepted_numbers(fit)
    terms = fit["chip_terms"]["of"] if fit.get("chip_terms") else {}
    moved = _move_chips(source, chips, plane_path, PlaneFit.of(numbers), terms)
    quality = FitQuality(
        rms_ra=numbers["rms_ra"] / _MAS,
        rms_dec=numbers["rms_dec"] / _MAS,
        n_match=numbers["n_fit"],
        geometry=fit.get("fitgeometry"),
    )
    return Solution(name, moved, quality)


def _move_chips(
    source: Path,
    chips: Sequence[Chip],
    plane_path: Path,
    fit: PlaneFit,
    terms: Mapping[str, ChipTerm],
) -> list[MovedWcs]:
    """Move the WCS of each chip, by the fit and by what it is off by itself."""
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane
    from tweakreg_steps.fits_files.exposure import header_of, make_wcs
    from tweakreg_steps.fits_files.opening import open_quietly

    plane = read_reference_plane(plane_path)
    moved = []
    with open_quietly(source) as hdus:
        for chip in chips:
            where = f"{source}: {chip.label}"
            header = header_of(hdus, chip, where=where)
            wcs = make_wcs(header, hdus, where=where)
            term = terms.get(str(chip.number))
            own = _of_chip(fit, term, wcs, chip, plane, where) if term else fit
            moved.append(move_wcs(header, wcs, plane=plane, fit=own, where=where))
    return moved


def _of_chip(
    fit: PlaneFit, term: ChipTerm, wcs: WCS, chip: Chip, plane: WCS, where: str
) -> PlaneFit:
    """Return the fit of a chip with a term of its own, which turns about its middle pixel."""
    from tweakreg_steps.astrometry.undistortion import pixels_to_sky, sky_to_plane

    ny, nx = chip.shape
    ra, dec = pixels_to_sky(wcs, [(nx + 1) / 2], [(ny + 1) / 2], where=where)
    middle = np.concatenate(sky_to_plane(plane, ra, dec, where=where))
    return fit.after(np.array(term["shift"]), np.array(term["matrix"]), middle)


def edit_headers(
    source: Path,
    hdus: Sequence[Hdu],
    *,
    chips: Sequence[Chip],
    solution: Solution,
    reusename: bool,
    hdrname: str | None,
) -> EditedHeaders:
    """Write a solution into an exposure's headers, in memory.

    The former primary WCS is kept as an alternate WCS. SIP coefficients, lookup tables and
    everything that is no WCS stay as they are.

    Parameters
    ----------
    source : Path
        The exposure, for messages.
    hdus : sequence of Hdu
        Its layout.
    chips : sequence of Chip
        Its chips.
    solution : Solution
        What to write.
    reusename : bool
        Overwrite a WCS of that name.
    hdrname : str or None
        Name of the solution's headerlet, where it has one.

    Raises
    ------
    InputError
        The name is taken and may not be reused, or no alternate key is free.
    """
    headers = {chip.extension: CardList(hdus[chip.extension].header) for chip in chips}
    headers.setdefault(0, CardList(hdus[0].header))
    edited = [headers[chip.extension] for chip in chips]
    hst = is_hst(hdus[0].values)
    archived = _make_room(source, hdus, chips, edited, solution.wcsname, reusename=reusename)
    written = {}
    for i, (chip, cards) in enumerate(zip(chips, edited, strict=True)):
        moved = None if solution.moved is None else solution.moved[i]
        new = _new_cards(cards, moved, solution, hst=hst, hdrname=hdrname)
        _set_cards(cards, new)
        written[chip.label] = new
    if headers[0] not in edited:
        _forget_former_fit(headers[0])
    headers[0].add_history(_history(solution, chips, archived))
    return EditedHeaders(headers, archived, written)


def check_room(
    source: Path, hdus: Sequence[Hdu], *, chips: Sequence[Chip], wcsname: str, reusename: bool
) -> None:
    """Try whether a new WCS finds room in an exposure's headers, without its values.

    Raises
    ------
    InputError
        As `edit_headers`.
    """
    edited = [CardList(hdus[chip.extension].header) for chip in chips]
    name = effective_wcsname(wcsname)
    _make_room(source, hdus, chips, edited, name, reusename=reusename)


def _make_room(
    source: Path,
    hdus: Sequence[Hdu],
    chips: Sequence[Chip],
    edited: Sequence[CardList],
    name: str,
    *,
    reusename: bool,
) -> Archived | None:
    """Free the name and keep the former WCS, for HST the original one as well."""
    _check_name(source, chips, edited, name, reusename=reusename)
    if is_hst(hdus[0].values) and _keeps_history(hdus):
        archive_original(edited)
    return _archive(edited, name, where=str(source))


def _keeps_history(hdus: Sequence[Hdu]) -> bool:
    """Tell whether stwcs would begin a WCSCORR table: for exposures, not for drizzled images."""
    names = {hdu.name for hdu in hdus}
    return "SCI" in names and "WCSCORR" not in names and not is_drizzled(hdus[0].values)


def _check_name(
    source: Path, chips: Sequence[Chip], edited: Sequence[CardList], name: str, *, reusename: bool
) -> None:
    """Refuse a name that a chip has, and make room for one that may be reused."""
    for chip, cards in zip(chips, edited, strict=True):
        if not reusename and is_taken(name, wcs_names(cards)):
            raise InputError(
                f"{source}: {chip.label} has a WCS named {name} already; choose another "
                "update_header.wcsname or set update_header.reusename to true"
            )
        remove_alternates(cards, name)


def _archive(edited: Sequence[CardList], name: str, *, where: str) -> Archived | None:
    """Keep the former primary WCS, unless it has the name that is reused."""
    if str(edited[0].value("WCSNAME") or "").strip().upper() == name.upper():
        return None
    return archive_primary(edited, where=where)


def _new_cards(
    cards: CardList, moved: MovedWcs | None, solution: Solution, *, hst: bool, hdrname: str | None
) -> dict[str, CardValue | None]:
    """Return the cards of the new primary WCS of a chip; None for one to remove."""
    new: dict[str, CardValue | None] = dict.fromkeys(_OF_A_FIT)
    new |= {} if moved is None else moved.cards
    name, quality = solution.wcsname, solution.quality
    new["WCSNAME"] = name
    new["WCSTYPE"] = REFERENCE_TYPE if moved is None else describe_wcsname(name)
    if moved is not None and (hst or "ORIENTAT" in cards):
        matrix = moved.wcs.pixel_scale_matrix
        new["ORIENTAT"] = float(np.degrees(np.arctan2(matrix[0, 1], matrix[1, 1])))
    if quality is not None:
        new |= {
            "FITNAME": name,
            "RMS_RA": quality.rms_ra,
            "RMS_DEC": quality.rms_dec,
            "NMATCH": quality.n_match,
            "CRDER1": quality.rms_ra,
            "CRDER2": quality.rms_dec,
        }
        # where the archive's words for the same are, they are kept true
        if "NMATCHES" in cards:
            new["NMATCHES"] = quality.n_match
        if "FITGEOM" in cards:
            new["FITGEOM"] = quality.geometry
    new["HDRNAME"] = hdrname
    return {key: value for key, value in new.items() if value is not None or key in cards}


def _forget_former_fit(primary: CardList) -> None:
    """Take out of a primary header without an image what tells of the fit of the former WCS."""
    for key in _OF_A_FIT:
        primary.remove(key)


def _set_cards(cards: CardList, new: Mapping[str, CardValue | None]) -> None:
    """Set and remove cards."""
    for key, value in new.items():
        if value is None:
            cards.remove(key)
        else:
            cards.set(key, value, _COMMENTS.get(key))


def _history(solution: Solution, chips: Sequence[Chip], archived: Archived | None) -> str:
    """Say in a line what was done."""
    name = solution.wcsname
    reference = solution.moved is None
    done = f"reference of the alignment, WCS named {name}" if reference else f"aligned, WCS {name}"
    kept = "overwritten" if archived is None else f"{archived.name} kept as {archived.key}"
    labels = " ".join(chip.label for chip in chips)
    return f"tweakreg-steps {__version__}: {done} ({labels}); former WCS {kept}"
