"""Writing a moved WCS into a copy of an exposure.

Only cards, the WCSCORR table and the headerlet change: the data of every other HDU are copied byte
for byte, in pieces, compressed ones as they are. The source is only read; the copy appears complete
or not at all, and is the same whenever it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from tweakreg_steps.errors import InputError
from tweakreg_steps.fit_file import FitRecord
from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.chips import Chip, explain_gwcs, holds_gwcs, is_hst
from tweakreg_steps.fits_files.copying import NewHdu, read_hdu, write_hdus
from tweakreg_steps.fits_files.fits_blocks import Hdu, scan_hdus
from tweakreg_steps.fits_files.fits_checksum import renew_checksum
from tweakreg_steps.fits_files.header_cards import CardValue
from tweakreg_steps.fits_files.wcs_cards import Archived
from tweakreg_steps.headers.headerlet import Attachment, prepare_attachment
from tweakreg_steps.headers.signature import Signature, sign
from tweakreg_steps.headers.solution import Solution, edit_headers, solution_of_fit


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


class ArchivedRecord(TypedDict):
    """Where the former primary WCS is kept."""

    key: str
    name: str


class WrittenHeader(TypedDict):
    """An `AlignedHeader` as JSON has it.

    ``deviation`` is the largest distance (mas) of the written WCS from the fit.
    """

    wcsname: str
    archived: ArchivedRecord | None
    cards: dict[str, dict[str, CardValue | None]]
    rewritten: list[int]
    deviation: float


def write_aligned_copy(
    source: Path,
    destination: Path,
    *,
    chips: Sequence[Chip],
    plane_path: Path,
    fit: FitRecord,
    wcsname: str,
    reusename: bool,
    headerlet: Path | None,
    same_data: bool,
    history: Sequence[str],
    signature: Signature | None = None,
) -> WrittenHeader:
    """Copy an exposure with its WCS moved by a fit, and say what was written.

    Parameters
    ----------
    source, destination, chips, reusename, headerlet, same_data, history, signature
        As for `write_copy`.
    plane_path, fit, wcsname
        As for `tweakreg_steps.headers.solution.solution_of_fit`.

    Returns
    -------
    WrittenHeader
        To be written as JSON.

    Raises
    ------
    NotAlignedError
        The fit cannot be written as a WCS of the image's kind.
    InputError, JobFailedError
        As `write_copy`.
    """
    solution = solution_of_fit(source, chips=chips, plane_path=plane_path, fit=fit, wcsname=wcsname)
    written = write_copy(
        source,
        destination,
        chips=chips,
        solution=solution,
        reusename=reusename,
        headerlet=headerlet,
        same_data=same_data,
        history=history,
        signature=signature,
    )
    kept = written.archived
    return {
        "wcsname": written.wcsname,
        "archived": {"key": kept.key, "name": kept.name} if kept else None,
        "cards": {label: dict(cards) for label, cards in written.cards.items()},
        "rewritten": list(written.rewritten),
        "deviation": solution.deviation,
    }


def write_copy(
    source: Path,
    destination: Path,
    *,
    chips: Sequence[Chip],
    solution: Solution,
    reusename: bool,
    headerlet: Path | None,
    same_data: bool,
    history: Sequence[str],
    signature: Signature | None = None,
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
    solution : Solution
        The new WCS of the chips.
    reusename : bool
        Overwrite a WCS, and replace a headerlet, of the solution's name.
    headerlet : Path or None
        The solution's headerlet, which is attached as a further extension.
    same_data : bool
        The destination is an earlier copy of this source: only its headers are written again.
    history : sequence of str
        Lines for the HISTORY of the primary header.
    signature : Signature or None
        What made the copy, for three keywords of the primary header.

    Raises
    ------
    InputError
        A name is taken and may not be reused, no alternate key is free, or the WCS that counts is
        not in the header.
    JobFailedError
        The copy cannot be written.
    """
    hdus = scan_hdus(source)
    if holds_gwcs(hdus):
        raise InputError(explain_gwcs(source))
    attached = None
    if headerlet is not None:
        attached = prepare_attachment(source, hdus, headerlet, reusename=reusename)
    edited = edit_headers(
        source,
        hdus,
        chips=chips,
        solution=solution,
        reusename=reusename,
        hdrname=attached.hdrname if attached else None,
    )
    edited.headers[0].add_history_lines(history)
    if signature is not None:
        sign(edited.headers[0], signature)
    table = None
    if is_hst(hdus[0].values):
        table = _record(source, hdus, edited.headers, solution.wcsname)
    content = _content(hdus, edited.headers, table, attached)
    write_hdus(source, destination, content, same_data=same_data)
    rewritten = tuple(i for i, new in enumerate(content) if new.data is None)
    return AlignedHeader(solution.wcsname, edited.archived, edited.cards, rewritten)


def _record(
    source: Path, hdus: Sequence[Hdu], headers: Mapping[int, CardList], name: str
) -> bytes | None:
    """Return the WCSCORR extension with the new WCS in it."""
    from tweakreg_steps.headers.wcscorr_table import record_wcs

    science = sorted((hdu for hdu in hdus if hdu.name == "SCI"), key=lambda hdu: hdu.version)
    present = next((hdu for hdu in hdus if hdu.name == "WCSCORR"), None)
    if not science:
        return None
    return record_wcs(
        primary=headers[0].to_bytes(),
        science=[headers[h.index].to_bytes() if h.index in headers else h.header for h in science],
        table=None if present is None else read_hdu(source, present),
        wcsname=name,
    )


def _content(
    hdus: Sequence[Hdu],
    headers: Mapping[int, CardList],
    table: bytes | None,
    attached: Attachment | None,
) -> list[NewHdu]:
    """Lay out the copy: the new headers, what is new, and the data of everything else."""
    replaced: dict[int, bytes] = {}
    appended: list[bytes] = []
    if table is not None:
        present = [hdu.index for hdu in hdus if hdu.name == "WCSCORR"]
        replaced |= dict.fromkeys(present[:1], table)
        appended += [] if present else [table]
    if attached is not None and attached.replaces is not None:
        replaced[attached.replaces] = attached.content
    elif attached is not None:
        appended.append(attached.content)
    if appended and "NEXTEND" in headers[0]:
        headers[0].set("NEXTEND", len(hdus) + len(appended) - 1)
    content = [
        NewHdu(replaced[hdu.index], None)
        if hdu.index in replaced
        else NewHdu(_head(hdu, headers.get(hdu.index)), hdu)
        for hdu in hdus
    ]
    return content + [NewHdu(new, None) for new in appended]


def _head(hdu: Hdu, cards: CardList | None) -> bytes:
    """Return the header of an HDU as it is to be written."""
    return hdu.header if cards is None else renew_checksum(cards).to_bytes()
