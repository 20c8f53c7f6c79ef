"""Digests of an exposure's parts, by which a run tells what has changed in a file.

The digest of a part changes with what a step reads of it and with nothing else: source finding
depends on a chip's pixels, masks on its data quality, sky positions on its WCS. All digests are
SHA-256 of the bytes in the file (of the compressed ones in a ``.fits.fz``, of the decompressed ones
in a ``.fits.gz``), taken in one reading.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from tweakreg_steps.errors import DamagedFileError, InputError
from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.chips import Chip, find_chips, holds_gwcs
from tweakreg_steps.fits_files.companions import find_companion, find_quality
from tweakreg_steps.fits_files.exposure_checks import check_exposure
from tweakreg_steps.fits_files.exposure_epoch import epoch_of
from tweakreg_steps.fits_files.exposure_record import ContentDigests, LearntChip, LearntExposure
from tweakreg_steps.fits_files.fits_blocks import Hdu, iter_chunks, open_stream, scan_hdus
from tweakreg_steps.fits_files.header_cards import CardValue, card_value, keyword
from tweakreg_steps.fits_files.noise_cards import NOISE_CARDS
from tweakreg_steps.fits_files.pixel_unit import pixel_unit
from tweakreg_steps.fits_files.wcs_cards import (
    alternate_names,
    is_instrument_plane,
    is_primary_wcs,
    named,
    names_wcs,
)

# what the bytes of an image mean; of a compressed one, its table's columns as well
_STRUCTURE = re.compile(
    r"^(?:XTENSION|BITPIX|NAXIS\d*|PCOUNT|BSCALE|BZERO|BLANK|PIXVALUE"
    r"|Z(?:IMAGE|CMPTYPE|BITPIX|NAXIS\d*|TILE\d|NAME\d|VAL\d|QUANTIZ|DITHER0|BLANK|SCALE|ZERO)"
    r"|TFIELDS|THEAP|T(?:FORM|TYPE|SCAL|ZERO|NULL)\d+)$"
)
# what tells the PSF of a chip
_CAMERA = (
    *("INSTRUME", "DETECTOR", "CCDCHIP", "PUPIL"),
    *("FILTER", "FILTER1", "FILTER2", "FILTNAM1", "FILTNAM2"),
    *("LTV1", "LTV2", "LTM1_1", "LTM2_2"),
)
_PRIMARY_PLANE = frozenset({"TELESCOP", "INSTRUME", "DETECTOR", "PA_V3", "REFFRAME"})
# what decides whether, and with which reference files, stwcs works on an exposure
_IDENTITY = (
    "TELESCOP",
    "INSTRUME",
    "IDCTAB",
    "OFFTAB",
    "NPOLFILE",
    "D2IMFILE",
    "DGEOFILE",
    "ODGEOFIL",
    "NDRIZIM",
    "D001DATA",
)
_LABELS = (
    "DATE-OBS",
    "TIME-OBS",
    "EXPSTART",
    "MJD-OBS",
    "EXPTIME",
    "TELESCOP",
    "INSTRUME",
    "DETECTOR",
    "FILTER",
    "FILTER1",
    "FILTER2",
    "TARGNAME",
    "OBJECT",
    "ROOTNAME",
)
"""What people tell exposures apart by; no result depends on it."""
_TABLE_NUMBER = re.compile(rb"^(?P<kind>DP|D2IM)\d *= *'EXTVER *: *(?P<number>\d+)")
_TABLE_NAMES = {b"DP": "WCSDVARR", b"D2IM": "D2IMARR"}
_KEYWORDS = 10_000  # to remember: the headers of many exposures have the same few hundred
_POINTS_TO_TABLES = re.compile(r"^(?:CPDIS\d|D2IMDIS\d|AXISCORR|D2IMEXT)$")


def digest_exposure(path: Path, selection: str | None) -> LearntExposure:
    """Describe the content of an exposure.

    Parameters
    ----------
    path : Path
        The file.
    selection : str or None
        As for `tweakreg_steps.fits_files.exposure.list_chips`.

    Returns
    -------
    LearntExposure
        What it holds, chip by chip.

    Raises
    ------
    InputError
        As `tweakreg_steps.fits_files.exposure.list_chips`, and
        `tweakreg_steps.fits_files.exposure_checks.check_exposure`.
    """
    hdus = scan_hdus(path)
    chips = find_chips(path, selection, hdus)
    check_exposure(path, hdus, chips)
    data = _digest_data(path, hdus, [None] * len(hdus))
    return {
        "file": _digest_all(hdus, data),
        "data": [content.hex() for content in data],
        "chips": [_describe_chip(path, chip, hdus, data) for chip in chips],
        "primary": _cards(_IDENTITY, hdus[0]),
        "model": hdus[1].values.get("IDCTAB") if len(hdus) > 1 else None,
        "headerlets": [
            CardList(hdu.header).text("HDRNAME") for hdu in hdus if hdu.name == "HDRLET"
        ],
        "gwcs": holds_gwcs(hdus),
        "labels": _labels(hdus),
        "epoch": epoch_of(hdus[0].values, hdus[chips[0].extension].values),
    }


def _labels(hdus: Sequence[Hdu]) -> dict[str, CardValue]:
    """Return what the primary header, or else the next one, says of time, filter and target."""
    found = _cards(_LABELS, *reversed(hdus[:2]))
    return {
        key: value.strip() if isinstance(value, str) else value
        for key in _LABELS
        if (value := found.get(key)) is not None
    }


def digest_content(path: Path) -> ContentDigests:
    """Return ``file`` and ``data`` of `digest_exposure`.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    hdus = scan_hdus(path)
    data = _digest_data(path, hdus, [None] * len(hdus))
    return {"file": _digest_all(hdus, data), "data": [content.hex() for content in data]}


def digest_copy(path: Path, known: Sequence[str | None]) -> str:
    """Return the digest of a whole file, ``file`` of `digest_exposure`, where some of it is known.

    Parameters
    ----------
    path : Path
        The file.
    known : sequence of str or None
        Digest of the data of each HDU, as far as it is known: it need not be read then. HDUs
        beyond the end of the sequence are read.
    """
    hdus = scan_hdus(path)
    given = [*known, *[None] * len(hdus)][: len(hdus)]
    return _digest_all(hdus, _digest_data(path, hdus, given))


def _digest_all(hdus: Sequence[Hdu], data: Sequence[bytes]) -> str:
    """Return the digest of all headers and data."""
    whole = hashlib.sha256()
    for hdu, content in zip(hdus, data, strict=True):
        whole.update(hdu.header)
        whole.update(content)
    return whole.hexdigest()


def _digest_data(path: Path, hdus: Sequence[Hdu], known: Sequence[str | None]) -> list[bytes]:
    """Return the digest of each HDU's data; what is known is not read."""
    digests = []
    try:
        with open_stream(path) as stream:
            for hdu, given in zip(hdus, known, strict=True):
                if given is not None:
                    digests.append(bytes.fromhex(given))
                    continue
                stream.seek(hdu.data_offset)
                content = hashlib.sha256()
                for piece in iter_chunks(stream, hdu.data_size):
                    content.update(piece)
                digests.append(content.digest())
    except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
        what = f"cannot be read to its end ({error})"
        raise DamagedFileError(path, what, "fetch or write the file again") from error
    return digests


def _describe_chip(
    path: Path, chip: Chip, hdus: Sequence[Hdu], data: Sequence[bytes]
) -> LearntChip:
    """Return one entry of ``chips``."""
    hdu = hdus[chip.extension]
    cards = CardList(b"".join(hdu.cards_of(names_wcs)))
    alternates = alternate_names(cards)
    return {
        "number": chip.number,
        "extension": chip.extension,
        "label": chip.label,
        "shape": list(chip.shape),
        "pixels": _digest_image(hdu, data),
        "dq": _digest_flags(path, hdus, chip, data),
        "err": _digest_errors(path, hdus, chip, data),
        "unit": pixel_unit(hdu.values, hdus[0].values).as_record(),
        "camera": _cards(_CAMERA, hdus[0], hdu),
        "noise": _cards(NOISE_CARDS, hdus[0], hdu),
        "wcs": _digest_wcs(hdu, hdus, data),
        "wcsnames": list(named(cards, alternates)),
        "alternates": alternates,
    }


def _cards(names: Iterable[str], *hdus: Hdu) -> dict[str, CardValue]:
    """Return the values of some keywords; a later header's go before."""
    found = ((key, hdu.values.get(key)) for hdu in hdus for key in names)
    return {key: value for key, value in found if value is not None}


def _digest_flags(path: Path, hdus: Sequence[Hdu], chip: Chip, data: Sequence[bytes]) -> str | None:
    """Return the digest of a chip's data quality; None where it has none that can be told."""
    try:
        found = find_quality(path, hdus, chip.extension)
    except InputError:
        return None  # said before a run to those who want to use the flags
    if found is None:
        return None
    file, layout, flags = found
    if layout is hdus:
        return _digest_image(flags, data)
    known = ["" if hdu is not flags else None for hdu in layout]
    return _digest_image(flags, _digest_data(file, layout, known))


def _digest_errors(
    path: Path, hdus: Sequence[Hdu], chip: Chip, data: Sequence[bytes]
) -> str | None:
    """Return the digest of a chip's errors; None where it has none that can be told."""
    try:
        found = find_companion(path, hdus, chip.extension, "ERR")
    except InputError:
        return None
    return None if found is None else _digest_image(found, data)


def _digest_image(hdu: Hdu, data: Sequence[bytes]) -> str:
    """Return the digest of an image: its data and the cards that say what they mean."""
    structure = hdu.cards_of(_is_structure)
    return _digest_parts([*_without_comments(structure), data[hdu.index]])


def _is_structure(keyword: str) -> bool:
    """Tell whether a keyword says what the bytes of an image mean."""
    return _STRUCTURE.match(keyword) is not None


def _digest_wcs(hdu: Hdu, hdus: Sequence[Hdu], data: Sequence[bytes]) -> str:
    """Return the digest of what a chip's sky positions and the reference plane are made from."""
    cards = hdu.cards_of(_is_of_wcs) + hdus[0].cards_of(_is_of_primary_plane)
    parts = _without_comments(cards)
    for table in _lookup_tables(hdu, hdus):
        parts += [table.header, data[table.index]]
    return _digest_parts(parts)


def _is_of_wcs(keyword: str) -> bool:
    """Tell whether sky positions or the undistorted plane are made from a chip's keyword."""
    return is_primary_wcs(keyword) or is_instrument_plane(keyword)


def _is_of_primary_plane(keyword: str) -> bool:
    """Tell whether the undistorted plane is made from a keyword of the primary header."""
    return keyword in _PRIMARY_PLANE


def _lookup_tables(hdu: Hdu, hdus: Sequence[Hdu]) -> list[Hdu]:
    """Return the lookup tables that a chip points to."""
    if not hdu.cards_of(_points_to_tables):
        return []
    records = hdu.cards_of(_names_table)
    found = [match for card in records if (match := _TABLE_NUMBER.match(card))]
    wanted = {(_TABLE_NAMES[match["kind"]], int(match["number"])) for match in found}
    if "AXISCORR" in hdu.values:
        # the old one-dimensional correction belongs to all chips
        wanted |= {(h.name, h.version) for h in hdus if h.name == "D2IMARR"}
    return [h for h in hdus if (h.name, h.version) in wanted]


def _points_to_tables(keyword: str) -> bool:
    """Tell whether a keyword says that the WCS has lookup tables."""
    return _POINTS_TO_TABLES.match(keyword) is not None


def _names_table(keyword: str) -> bool:
    """Tell whether a keyword may say which table a lookup is in."""
    return keyword.startswith(("DP", "D2IM"))


def _without_comments(cards: Iterable[bytes]) -> list[bytes]:
    """Return keyword and value of cards, sorted: order, spelling and comments mean nothing."""
    return sorted(map(_without_comment, cards))


@lru_cache(_KEYWORDS)
def _without_comment(card: bytes) -> bytes:
    """Return keyword and value of a card; exposures of one detector share most of them."""
    return f"{keyword(card)}={card_value(card)!r}".encode()


def _digest_parts(parts: Iterable[bytes]) -> str:
    """Return the digest of parts, each with its length, so that none can run into the next."""
    content = b"".join([len(part).to_bytes(8, "big") + part for part in parts])
    return hashlib.sha256(content).hexdigest()
