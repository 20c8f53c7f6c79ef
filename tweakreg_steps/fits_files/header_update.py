"""Writing a moved WCS into a copy of an exposure.

Only cards and the WCSCORR table change: the data of every other HDU are copied byte for byte, in
pieces, compressed ones as they are. The source is only read; the copy appears complete or not at
all, and is the same whenever it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tweakreg_steps import __version__
from tweakreg_steps.astrometry.apply_fit import MovedWcs, PlaneFit, move_wcs
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.chips import Chip, is_hst
from tweakreg_steps.fits_files.copying import NewHdu, padding, write_hdus
from tweakreg_steps.fits_files.fits_blocks import (
    CardValue,
    Hdu,
    iter_chunks,
    open_stream,
    scan_hdus,
)
from tweakreg_steps.fits_files.fits_checksum import renew_checksum
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

_MAS = 3.6e6  # in a degree


@dataclass(frozen=True)
class FitQuality:
    """How good a fit is, as the header records it.

    Attributes
    ----------
    rms_ra, rms_dec : float
        rms of the residuals on the sky, in degrees, as TweakReg writes them.
    n_match : int
        Sources in the final fit.
    """

    rms_ra: float
    rms_dec: float
    n_match: int


@dataclass(frozen=True)
class AlignedHeader:
    """What was written.

    Attributes
    ----------
    wcsname : str
        Name of the new primary WCS.
    archived : Archived or None
        Key and name under which the former one is kept; None where it was overwritten.
    cards : mapping
        For each chip's label the cards that were set; None for a removed one.
    rewritten : tuple of int
        Indices of the HDUs whose data are not the source's.
    """

    wcsname: str
    archived: Archived | None
    cards: Mapping[str, Mapping[str, CardValue | None]]
    rewritten: tuple[int, ...]


def write_aligned_copy(
    source: Path,
    destination: Path,
    *,
    chips: Sequence[Chip],
    plane_path: Path,
    fit: Mapping[str, Any],
    wcsname: str,
    reusename: bool,
    same_data: bool,
) -> dict[str, Any]:
    """Copy an exposure with its WCS moved by a fit, and say what was written.

    Parameters
    ----------
    source, destination, chips, wcsname, reusename, same_data
        As for `write_copy`.
    plane_path : Path
        The reference plane, ``reference/wcs.fits``.
    fit : mapping
        ``fits/<image>.json``: ``status`` ``aligned``, with ``matrix``, ``dx``, ``dy``, ``center``
        (pixels of the plane), ``rms_ra``, ``rms_dec`` (mas) and ``n_fit``; or ``reference``.

    Returns
    -------
    dict
        To be written as JSON: ``wcsname``; ``archived``, the ``key`` and ``name`` of the former
        WCS or None; ``cards``, those set for each chip's label; ``deviation``, the largest distance
        (mas) of the written WCS from the fit.

    Raises
    ------
    NotAlignedError
        The fit cannot be written as a WCS of the image's kind.
    InputError, JobFailedError
        As `write_copy`.
    """
    moved = quality = None
    if fit["status"] != "reference":
        moved = _move_chips(source, chips, plane_path, PlaneFit.from_record(fit))
        quality = FitQuality(
            rms_ra=fit["rms_ra"] / _MAS, rms_dec=fit["rms_dec"] / _MAS, n_match=fit["n_fit"]
        )
    written = write_copy(
        source,
        destination,
        chips=chips,
        moved=moved,
        quality=quality,
        wcsname=wcsname,
        reusename=reusename,
        same_data=same_data,
    )
    return asdict(written) | {"deviation": max((m.deviation for m in moved or ()), default=0.0)}


def _move_chips(
    source: Path, chips: Sequence[Chip], plane_path: Path, fit: PlaneFit
) -> list[MovedWcs]:
    """Move the WCS of each chip."""
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane
    from tweakreg_steps.fits_files.exposure import make_wcs, open_quietly

    plane = read_reference_plane(plane_path)
    moved = []
    with open_quietly(source) as hdus:
        for chip in chips:
            where = f"{source}: {chip.label}"
            header = hdus[chip.extension].header
            wcs = make_wcs(header, hdus, where=where)
            moved.append(move_wcs(header, wcs, plane=plane, fit=fit, where=where))
    return moved


def write_copy(
    source: Path,
    destination: Path,
    *,
    chips: Sequence[Chip],
    moved: Sequence[MovedWcs] | None,
    quality: FitQuality | None,
    wcsname: str,
    reusename: bool,
    same_data: bool,
) -> AlignedHeader:
    """Copy an exposure with a new primary WCS.

    The former primary WCS is kept as an alternate WCS, for HST recorded in WCSCORR as well. SIP
    coefficients, lookup tables and everything that is no WCS stay as they are.

    Parameters
    ----------
    source, destination : Path
        The exposure and the copy; a gzipped one stays gzipped.
    chips : sequence of Chip
        Of the source, from `tweakreg_steps.fits_files.exposure.list_chips`.
    moved : sequence of MovedWcs or None
        The new WCS of each chip, in the same order; None for the reference, whose WCS only gets
        the name.
    quality : FitQuality or None
        Of the fit; None for the reference.
    wcsname : str
        Name of the new WCS; blank means ``TWEAK``.
    reusename : bool
        Overwrite a WCS of that name.
    same_data : bool
        The destination is an earlier copy of this source: only its headers are written again.

    Raises
    ------
    InputError
        The name is taken and may not be reused, or no alternate key is free.
    JobFailedError
        The copy cannot be written.
    """
    hdus = scan_hdus(source)
    name = effective_wcsname(wcsname)
    hst = is_hst(hdus[0].values)
    headers = {chip.extension: CardList(hdus[chip.extension].header) for chip in chips}
    headers.setdefault(0, CardList(hdus[0].header))
    edited = [headers[chip.extension] for chip in chips]
    _check_name(source, chips, edited, name, reusename=reusename)
    if hst and _keeps_history(hdus):
        archive_original(edited)
    archived = _archive(edited, name, where=str(source))
    written = {}
    for i, (chip, cards) in enumerate(zip(chips, edited, strict=True)):
        new = None if moved is None else moved[i]
        written[chip.label] = _write_wcs(cards, new, quality, name, hst=hst)
    headers[0].add_history(_history(name, chips, archived, reference=moved is None))
    table = _record(source, hdus, headers, name) if hst else None
    content = _content(hdus, headers, table)
    write_hdus(source, destination, content, same_data=same_data)
    rewritten = tuple(i for i, new in enumerate(content) if new.data is None)
    return AlignedHeader(name, archived, written, rewritten)


def _keeps_history(hdus: Sequence[Hdu]) -> bool:
    """Tell whether stwcs would begin a WCSCORR table: for exposures, not for drizzled images."""
    names = {hdu.name for hdu in hdus}
    drizzled = {"NDRIZIM", "D001DATA"} & set(hdus[0].values)
    return "SCI" in names and "WCSCORR" not in names and not drizzled


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


def _write_wcs(
    cards: CardList,
    moved: MovedWcs | None,
    quality: FitQuality | None,
    name: str,
    *,
    hst: bool,
) -> dict[str, CardValue | None]:
    """Write the new primary WCS of a chip, and return the cards that were set."""
    new: dict[str, CardValue | None] = {} if moved is None else dict(moved.cards)
    new["WCSNAME"] = name
    new["WCSTYPE"] = REFERENCE_TYPE if moved is None else describe_wcsname(name)
    comments = {"WCSNAME": "Coordinate system title", "WCSTYPE": "Kind of WCS solution"}
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
            "HDRNAME": None,  # names the headerlet of the former solution
        }
        comments |= {
            "FITNAME": "Name of the fit",
            "RMS_RA": "[deg] rms of the fit in RA",
            "RMS_DEC": "[deg] rms of the fit in Dec",
            "NMATCH": "Number of sources in the fit",
            "CRDER1": "[deg] random error in RA",
            "CRDER2": "[deg] random error in Dec",
        }
    new = {key: value for key, value in new.items() if value is not None or key in cards}
    for key, value in new.items():
        if value is None:
            cards.remove(key)
        else:
            cards.set(key, value, comments.get(key))
    return new


def _history(
    name: str, chips: Sequence[Chip], archived: Archived | None, *, reference: bool
) -> str:
    """Say in a line what was done."""
    done = f"reference of the alignment, WCS named {name}" if reference else f"aligned, WCS {name}"
    kept = "overwritten" if archived is None else f"{archived.name} kept as {archived.key}"
    labels = " ".join(chip.label for chip in chips)
    return f"tweakreg-steps {__version__}: {done} ({labels}); former WCS {kept}"


def _record(
    source: Path, hdus: Sequence[Hdu], headers: Mapping[int, CardList], name: str
) -> bytes | None:
    """Return the WCSCORR extension with the new WCS in it, and count it in NEXTEND."""
    from tweakreg_steps.fits_files.wcscorr_table import record_wcs

    science = sorted((hdu for hdu in hdus if hdu.name == "SCI"), key=lambda hdu: hdu.version)
    present = next((hdu for hdu in hdus if hdu.name == "WCSCORR"), None)
    if not science:
        return None
    table = record_wcs(
        primary=headers[0].to_bytes(),
        science=[headers[h.index].to_bytes() if h.index in headers else h.header for h in science],
        table=None if present is None else _read_hdu(source, present),
        wcsname=name,
    )
    if table is not None and present is None and "NEXTEND" in headers[0]:
        headers[0].set("NEXTEND", len(hdus))
    return table


def _read_hdu(source: Path, hdu: Hdu) -> bytes:
    """Read a small HDU whole."""
    with open_stream(source) as stream:
        stream.seek(hdu.data_offset)
        return hdu.header + b"".join(iter_chunks(stream, hdu.data_size)) + padding(hdu)


def _content(
    hdus: Sequence[Hdu], headers: Mapping[int, CardList], table: bytes | None
) -> list[NewHdu]:
    """Lay out the copy: the new headers, the table, and the data of everything else."""
    content = []
    for hdu in hdus:
        if hdu.name == "WCSCORR" and table is not None:
            content.append(NewHdu(table, None))
            continue
        cards = headers.get(hdu.index)
        head = hdu.header if cards is None else renew_checksum(cards).to_bytes()
        content.append(NewHdu(head, hdu))
    if table is not None and all(hdu.name != "WCSCORR" for hdu in hdus):
        content.append(NewHdu(table, None))
    return content
