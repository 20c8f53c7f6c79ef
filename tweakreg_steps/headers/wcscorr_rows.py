"""The rows of a WCS in a WCSCORR table that has the form stwcs gives it today, without stwcs.

stwcs builds the WCS of each chip with all its distortion, a table to hold the new rows, and both
headers anew: 140 ms of CPU for two chips, which is three quarters of what an aligned copy costs
beside the copying of its pixels; here it is 10 ms. The rows are the same, byte for byte.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.fits_blocks import padded
from tweakreg_steps.fits_files.header_cards import CARD, CardValue, HeaderValues, iter_cards

_FORMS = (
    *(("WCS_ID", "40A"), ("EXTVER", "I"), ("WCS_key", "A")),
    *((name, "24A") for name in ("HDRNAME", "SIPNAME", "NPOLNAME", "D2IMNAME")),
    *((name, "D") for name in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")),
    *((name, "D") for name in ("CD1_1", "CD1_2", "CD2_1", "CD2_2")),
    *((name, "24A") for name in ("CTYPE1", "CTYPE2")),
    *((name, "D") for name in ("ORIENTAT", "PA_V3", "RMS_RA", "RMS_Dec")),
    *(("NMatch", "J"), ("Catalog", "40A"), ("DESCRIP", "128A")),
)
"""Names and forms of the columns, as in ``stwcs.wcsutil.wcscorr.create_wcscorr`` (stwcs 1.7)."""
_TYPES = {"D": ">f8", "I": ">i2", "J": ">i4"}
_ROW = np.dtype([(name, _TYPES.get(form, f"S{form[:-1] or 1}")) for name, form in _FORMS])
_OF_PRIMARY = ("HDRNAME", "SIPNAME", "NPOLNAME", "D2IMNAME", "DESCRIP")
_OF_FIT = {"RMS_RA": "CRDER1", "RMS_Dec": "CRDER2", "NMatch": "NMATCH", "Catalog": "CATALOG"}
_LINEAR = (
    *("WCSAXES", "RADESYS", "EQUINOX", "LONPOLE", "LATPOLE"),
    *(f"{name}{axis}" for name in ("CTYPE", "CUNIT", "CRVAL", "CRPIX") for axis in (1, 2)),
    *(f"CD{i}_{j}" for i in (1, 2) for j in (1, 2)),
)
_OTHER_MATRIX = re.compile(r"^(?:CDELT\d|CROTA\d|PC\d_\d|P[VS]\d_\d+)$")
_NO_FILE = ("", "N/A", "NONE", "INDEF")
"""What a keyword says where there is no reference file."""
_CTYPES = (("RA---TAN-SIP", "DEC--TAN-SIP"), ("RA---TAN", "DEC--TAN"))


class _OtherFormError(ValueError):
    """A table or a header of another form than those that are done here."""


def add_rows(
    *, primary: bytes, science: Sequence[bytes], table: bytes, wcsname: str
) -> bytes | None:
    """Record the primary WCS of an exposure in its WCSCORR table.

    The rows of a WCS of the same name are replaced.

    Parameters
    ----------
    primary, science, table, wcsname
        As for `tweakreg_steps.headers.wcscorr_table.record_wcs`.

    Returns
    -------
    bytes or None
        The extension; None where its form, or what a header holds, is for stwcs to judge.
    """
    try:
        header = table[: padded(CARD * (1 + sum(1 for _ in iter_cards(table))))]
        rows = _read_rows(header, table)
        rows, end = _without(rows, wcsname)
        new = _new_rows(CardList(primary), [CardList(chip) for chip in science])
        if end + len(new) > len(rows) - 1:
            return None  # stwcs makes it longer
        rows[end : end + len(new)] = new
    except (ValueError, TypeError, KeyError):
        return None
    cards = CardList(header)
    cards.set("TROWS", end + len(new))
    content = rows.tobytes()
    return cards.to_bytes() + content.ljust(padded(len(content)), b"\0")


def _read_rows(header: bytes, table: bytes) -> NDArray[Any]:
    """Read the rows of a table that has today's columns and nothing that changes their meaning."""
    values = HeaderValues(header)
    number, n_rows = len(_FORMS), values["NAXIS2"]
    forms = [(values.get(f"TTYPE{i}"), values.get(f"TFORM{i}")) for i in range(1, number + 1)]
    others = ("TSCAL", "TZERO", "TNULL", "TDIM", "CHECKSUM", "DATASUM")
    is_plain = not any(str(key).startswith(others) for key in values)
    sizes = (values["TFIELDS"], values["NAXIS1"], values["PCOUNT"])
    if forms != [*_FORMS] or sizes != (number, _ROW.itemsize, 0) or not is_plain:
        raise _OtherFormError
    return np.frombuffer(table, _ROW, int(n_rows), len(header)).copy()


def _without(rows: NDArray[Any], wcsname: str) -> tuple[NDArray[Any], int]:
    """Leave out the rows of a WCS; return the rows, as many as before, and how many are used."""
    names = [bytes(name).decode("ascii").strip().upper() for name in rows["WCS_ID"]]
    used = len([name for name in names if name])
    if "" in names[:used] or used == len(names) or "0.0" in names:
        raise _OtherFormError
    kept = [place for place, name in enumerate(names[:used]) if name != wcsname.upper()]
    if len(kept) == used:
        return rows, used
    moved = rows[[*kept, *[used] * (len(rows) - len(kept))]]
    for name, form in _FORMS:
        if form.endswith("A"):  # astropy moves a text without the blanks that fill it
            moved[name] = np.strings.rstrip(moved[name])
    return moved, len(kept)


def _new_rows(primary: CardList, science: Sequence[CardList]) -> NDArray[Any]:
    """Return the row of each chip."""
    rows = np.zeros(len(science), _ROW)
    common: dict[str, CardValue | None] = {**_names_of_tables(primary)}
    common |= {key: _value(primary, key) for key in _OF_PRIMARY if key in primary}
    for version, (cards, row) in enumerate(zip(science, rows, strict=True), start=1):
        fit = {name: _value(cards, key) for name, key in _OF_FIT.items() if key in cards}
        said = {**common, **_linear_part(cards), **fit}
        said |= {"WCS_ID": _value(cards, "WCSNAME"), "EXTVER": version}
        for name, value in said.items():
            is_text = _ROW[name].kind == "S"
            if isinstance(value, str) and is_text:
                row[name] = value.encode("ascii")[: _ROW[name].itemsize].rstrip()
            elif is_text or value is None or isinstance(value, (bool, str)):
                raise _OtherFormError
            else:
                row[name] = value
    return rows


def _value(cards: CardList, key: str) -> CardValue | None:
    """Return the value of a keyword, a text of any length."""
    value = cards.value(key)
    return cards.text(key) if isinstance(value, str) else value


def _names_of_tables(primary: CardList) -> dict[str, str]:
    """Return how stwcs calls the reference files of the distortion.

    As ``stwcs.updatewcs.utils.build_npolname`` and ``build_d2imname``; importing them takes 0.1 s
    of CPU, because it imports what they have in common with requests to a server.
    """
    return {
        "HDRNAME": "",
        "SIPNAME": "None",  # what stwcs passes as the name where the header has none
        "NPOLNAME": _name_of_table(primary, "NPOLFILE", "npl"),
        "D2IMNAME": _name_of_table(primary, "D2IMFILE", "d2i"),
    }


def _name_of_table(primary: CardList, key: str, kind: str) -> str:
    """Return how stwcs calls the reference file that a keyword names."""
    path = (primary.text(key) if key in primary else "").strip()
    if path in _NO_FILE:
        return "NOMODEL"
    usual = re.fullmatch(rf"(?:\w*\$)?([a-z0-9]+)_{kind}\.fits", path, re.ASCII)
    if not usual:
        raise _OtherFormError
    return usual[1]


def _linear_part(cards: CardList) -> Mapping[str, CardValue]:
    """Return the linear part of the primary WCS in the digits in which wcslib writes it."""
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    linear = CardList(cards.to_bytes())
    linear.keep(lambda name: name in _LINEAR)
    types = tuple(cards.value(f"CTYPE{axis}") for axis in (1, 2))
    has_sip = "A_ORDER" in cards and "B_ORDER" in cards
    if types not in _CTYPES or has_sip != (types == _CTYPES[0]) or "CD1_1" not in cards:
        raise _OtherFormError
    if any(_OTHER_MATRIX.match(key) for key in cards.keywords()):
        raise _OtherFormError
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = WCS(Header.fromstring(linear.to_bytes())).to_header(relax=False)
    matrix = {
        f"CD{i}_{j}": written.get(f"CDELT{i}", 1) * written.get(f"PC{i}_{j}", int(i == j))
        for i in (1, 2)
        for j in (1, 2)
    }
    points = {key: written[key] for key in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")}
    return {**points, **matrix, "CTYPE1": _CTYPES[1][0], "CTYPE2": _CTYPES[1][1]}
