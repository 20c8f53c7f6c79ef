"""Which cards of a header make up its WCS, and how one is kept beside another.

A header holds one primary WCS and up to 26 alternates; the keyword of an alternate is that of the
primary with a letter behind it (FITS WCS paper I, section 2.1, table 2).
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.header_cards import CardValue

if TYPE_CHECKING:
    from astropy.io.fits import Header

_AXIS = r"C(?:TYPE|RVAL|RPIX|DELT)\d"
_LABELS = r"C(?:UNIT|NAME)\d"
_ERRORS = r"C(?:RDER|SYER)\d"
_MATRIX = r"(?:CD|PC)\d_\d"
_PARAMETERS = r"P[VS]\d_\d+"
_WHOLE = r"WCSAXES|WCSNAME|RADESYS|EQUINOX|LONPOLE|LATPOLE"
_SIP = r"[AB]P?_(?:ORDER|DMAX|\d+_\d+)"
_LOOKUP = r"C[PQ]DIS\d|C[PQ]ERR(?:OR)?\d|D[PQ]\d|D2IM.*|AXISCORR|DVERR"
_OLD = r"CROTA\d|EPOCH|RADECSYS|WAT\d_\d+|CNPIX\d|[XY]PIXELSZ|PPO\d|AMD[XY]\d+|PLT(?:RA|DEC).+"

_PRIMARY = re.compile(
    f"^(?:{_AXIS}|{_LABELS}|{_ERRORS}|{_MATRIX}|{_PARAMETERS}|{_WHOLE}|{_SIP}|{_LOOKUP}|{_OLD}|NAXIS\\d?)$"
)
_DISTORTION = re.compile(f"^(?:{_SIP}|{_LOOKUP})$")
_INSTRUMENT = re.compile(r"^(?:IDC.+|OC[XY]1[01]|ORIENTAT|LT[VM]\d(?:_\d)?|CCDCHIP|VAFACTOR)$")
_ARCHIVED = re.compile(
    f"^(?:{_AXIS}|{_LABELS}|{_ERRORS}|{_MATRIX}|{_PARAMETERS}|{_WHOLE}"
    "|WCSTYPE|RMS_RA|RMS_DEC|NMATCH|FITNAME|FITGEOM|HDRNAME|CATALOG)$"
)
_GEOMETRY = re.compile(f"^(?:{_AXIS}|{_MATRIX}|{_PARAMETERS}|LONPOLE|LATPOLE)$")
_ALTERNATE = re.compile(r"^(?:WCSNAME|CTYPE\d|CRPIX\d|CRVAL\d|RADESYS)(?P<key>[A-Z])$")
_COUNTED = re.compile(r"^(?P<stem>.*[-_ ])(?P<count>\d+)$")

_LAST_OWN_PARAMETER = 4  # PVi_0 to PVi_4 may stand for the native pole

UNNAMED = "PRE-TWEAKREG"
"""Name under which a primary WCS without WCSNAME is kept, as TweakReg's users know it."""

RESERVED_KEY = "O"
"""HST keeps the WCS of the original pipeline (OPUS) under this key."""

_KEYWORDS = 10_000
"""How many keywords to remember: the headers of many exposures have the same few hundred."""


@lru_cache(_KEYWORDS)
def is_primary_wcs(keyword: str) -> bool:
    """Tell whether a keyword is part of the primary WCS of an image, its size included."""
    return _PRIMARY.match(keyword) is not None


def is_alternate_wcs(keyword: str) -> bool:
    """Tell whether a keyword is part of an alternate WCS."""
    key = keyword[-1:]
    return key in string.ascii_uppercase and _ARCHIVED.match(keyword[:-1]) is not None


@lru_cache(_KEYWORDS)
def is_instrument_plane(keyword: str) -> bool:
    """Tell whether stwcs makes the undistorted plane of an HST exposure from a chip's keyword."""
    return _INSTRUMENT.match(keyword) is not None


def primary_wcs_header(header: Header) -> Header:
    """Return the cards of the primary WCS alone.

    A WCS is built from them some three times faster than from all, and without complaints about
    cards that have nothing to do with it. A TPV polynomial is put into the one form that wcslib
    reads as the convention means it: its coefficients PVi_1 are 1 where they are not given, and the
    matrix is CD (the polynomial is in degrees, wcslib applies it before CDELT).
    """
    from astropy.io.fits import Header

    kept = Header([card for card in header.cards if is_primary_wcs(card.keyword.partition(".")[0])])
    _spell_frame(kept)
    if has_polynomial(kept):
        for axis in (1, 2):
            kept.setdefault(f"PV{axis}_1", 1.0)
        if not any(f"CD{i}_{j}" in kept for i in (1, 2) for j in (1, 2)):
            _use_cd(kept)
    return kept


def _spell_frame(header: Header) -> None:
    """Spell RADESYS as the standard does, and leave out an EQUINOX of 0, which is none."""
    for key in ("RADESYS", "RADECSYS"):
        own = str(header.get(key, ""))
        if own != own.strip().upper():
            del header[key]  # the card may be another header's, too
            header[key] = own.strip().upper()
    for key in ("EQUINOX", "EPOCH"):
        if header.get(key) in (0, ""):
            del header[key]


def has_polynomial(header: Header) -> bool:
    """Tell whether PVi_m are a TPV polynomial.

    SCAMP writes it under TAN, too, which has no parameters of order 5 or more of its own.
    """
    code = str(header.get("CTYPE1", ""))[5:8]
    orders = (int(key[4:]) for key in header if key.startswith(("PV1_", "PV2_")))
    return code == "TPV" or (code == "TAN" and max(orders, default=0) > _LAST_OWN_PARAMETER)


def core_wcs_header(header: Header) -> Header:
    """Return the cards of the primary WCS without SIP and lookup tables."""
    from astropy.io.fits import Header

    return Header(
        [
            card
            for card in primary_wcs_header(header).cards
            if not _DISTORTION.match(card.keyword.partition(".")[0])
        ]
    )


def _use_cd(header: Header) -> None:
    """Replace PC or CROTA2 with CDELT by CD (FITS WCS papers I, section 2.1; II, 6.2)."""
    cdelt = [float(header.pop(f"CDELT{i}", 1.0)) for i in (1, 2)]
    angle = math.radians(float(header.pop("CROTA2", 0.0)))
    header.pop("CROTA1", None)
    cosine, sine, ratio = math.cos(angle), math.sin(angle), cdelt[1] / cdelt[0]
    turned = [[cosine, -sine * ratio], [sine / ratio, cosine]]
    for i in (1, 2):
        for j in (1, 2):
            pc = float(header.pop(f"PC{i}_{j}", turned[i - 1][j - 1]))
            header[f"CD{i}_{j}"] = cdelt[i - 1] * pc


def wcs_names(cards: CardList) -> tuple[str, ...]:
    """Return the names of the primary WCS and its alternates, blank ones left out."""
    return named(cards, alternate_names(cards))


def named(cards: CardList, alternates: Mapping[str, str]) -> tuple[str, ...]:
    """Return the same where the alternates are known: `alternate_names`."""
    names = [str(cards.value("WCSNAME") or "").strip(), *alternates.values()]
    return tuple(name for name in names if name)


def alternate_names(cards: CardList) -> dict[str, str]:
    """Return the alternate keys in use, each with the name of its WCS, blank where it has none."""
    keys = sorted(_used_keys([cards]))
    return {key: str(cards.value(f"WCSNAME{key}") or "").strip() for key in keys}


@dataclass(frozen=True)
class Archived:
    """Where the former primary WCS of an exposure is kept: alternate key and name."""

    key: str
    name: str


def archive_primary(chips: Sequence[CardList], *, where: str) -> Archived:
    """Keep the primary WCS of all chips as an alternate WCS, under one free key and name.

    A WCS that is kept already under its name is not kept twice; a name that another WCS has is
    given a number, as ``stwcs.wcsutil.altwcs.archive_wcs`` with AUTO_RENAME does. The cards are
    copied as they stand, digit for digit.

    Parameters
    ----------
    chips : sequence of CardList
        The headers, changed in place.
    where : str
        The file, for messages.

    Raises
    ------
    InputError
        No key is free.
    """
    name = str(chips[0].value("WCSNAME") or "").strip() or UNNAMED
    for key in sorted(_used_keys(chips)):
        if all(_is_kept_as(cards, key, name) for cards in chips):
            return Archived(key, name)
    used = {known.upper() for cards in chips for known in alternate_names(cards).values()}
    kept = Archived(_free_key(chips, where), _free_name(name, used))
    for cards in chips:
        copy_primary(cards, kept)
    return kept


def archive_original(chips: Sequence[CardList]) -> None:
    """Keep the primary WCS as HST's original one, unless a chip has an original already."""
    if RESERVED_KEY not in _used_keys(chips):
        for cards in chips:
            copy_primary(cards, Archived(RESERVED_KEY, "OPUS"))


def copy_primary(cards: CardList, kept: Archived) -> None:
    """Copy the cards of the primary WCS to those of an alternate."""
    key = kept.key
    cards.set(f"WCSNAME{key}", kept.name, "Coordinate system title")
    has_cd = any(keyword.startswith("CD1_") for keyword in cards.keywords())
    for keyword in tuple(cards.keywords()):
        if not _ARCHIVED.match(keyword) or keyword == "WCSNAME":
            continue
        if has_cd and keyword.startswith("CDELT"):
            continue  # beside CD it means nothing, and an alternate may not have both
        cards.copy(keyword, keyword + key)
    if not has_cd and "CROTA2" in cards:
        _archive_rotation(cards, key)
    if "RADECSYS" in cards and "RADESYS" not in cards:
        cards.copy("RADECSYS", f"RADESYS{key}")
    if "EPOCH" in cards and "EQUINOX" not in cards:
        cards.copy("EPOCH", f"EQUINOX{key}")


def _archive_rotation(cards: CardList, key: str) -> None:
    """Write CROTA2 as PC: an alternate WCS has no CROTA (FITS WCS paper II, section 6.2)."""
    angle = math.radians(float(cards.value("CROTA2") or 0.0))
    cdelt = [float(cards.value(f"CDELT{i}") or 1.0) for i in (1, 2)]
    cosine, sine, ratio = math.cos(angle), math.sin(angle), cdelt[1] / cdelt[0]
    matrix = ((cosine, -sine * ratio), (sine / ratio, cosine))
    for i, row in enumerate(matrix, start=1):
        for j, value in enumerate(row, start=1):
            cards.set(f"PC{i}_{j}{key}", value, "Coordinate transformation matrix element")


def remove_alternates(cards: CardList, name: str) -> None:
    """Remove alternates of a name, the original of HST excepted."""
    for key in _used_keys([cards]) - {RESERVED_KEY}:
        if str(cards.value(f"WCSNAME{key}") or "").strip().upper() == name.upper():
            for keyword in tuple(cards.keywords()):
                if keyword.endswith(key) and is_alternate_wcs(keyword):
                    cards.remove(keyword)


def names_wcs(keyword: str) -> bool:
    """Tell whether a keyword names a WCS or shows that an alternate is in use."""
    return keyword == "WCSNAME" or bool(_alternate_key(keyword))


def _used_keys(chips: Iterable[CardList]) -> set[str]:
    """Return the alternate keys that any chip uses."""
    keys = (_alternate_key(keyword) for cards in chips for keyword in cards.keywords())
    return {key for key in keys if key}


@lru_cache(_KEYWORDS)
def _alternate_key(keyword: str) -> str:
    """Return the alternate key that a keyword shows to be in use, or nothing."""
    match = _ALTERNATE.match(keyword)
    return match["key"] if match else ""


def _is_kept_as(cards: CardList, key: str, name: str) -> bool:
    """Tell whether an alternate has this name and the geometry of the primary WCS."""
    if str(cards.value(f"WCSNAME{key}") or "").strip().upper() != name.upper():
        return False
    has_cd = "CD1_1" in cards
    geometry = [
        keyword
        for keyword in cards.keywords()
        if _GEOMETRY.match(keyword) and not (has_cd and keyword.startswith("CDELT"))
    ]
    return all(_same(cards.value(keyword), cards.value(keyword + key)) for keyword in geometry)


def _same(value: CardValue | None, other: CardValue | None) -> bool:
    """Compare values of which one may have been written with fewer digits."""
    if isinstance(value, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(value, other, rel_tol=1.0e-11)
    return value == other


def _free_key(chips: Sequence[CardList], where: str) -> str:
    """Return the first letter that no chip uses."""
    used = _used_keys(chips) | {RESERVED_KEY}
    for key in string.ascii_uppercase:
        if key not in used:
            return key
    raise InputError(
        f"{where}: all 26 alternate WCS keys are in use, so the present WCS cannot be kept; "
        "delete one (stwcs.wcsutil.altwcs.deleteWCS) or set reusename with the present WCSNAME"
    )


def _free_name(name: str, used: set[str]) -> str:
    """Return the name, with a number behind it where it is in use."""
    counted = _COUNTED.match(name)
    stem, count = (counted["stem"], int(counted["count"]) + 1) if counted else (f"{name}-", 1)
    while name.upper() in used:
        name = f"{stem}{count}"
        count += 1
    return name
