"""The names of WCSs: what a recipe's stands for, which are taken, and what one says (WCSTYPE)."""

from __future__ import annotations

from collections.abc import Iterable

DEFAULT_WCSNAME = "TWEAK"
"""What a blank ``wcsname`` means, as in TweakReg."""

_BASES = {"IDC": "undistorted", "OPU": "pipeline default"}
_FITS = {
    "REL": "relatively aligned to",
    "IMG": "aligned image-by-image to",
    "EVM": "aligned by visit-exposures to",
    "SVM": "aligned by visit to",
}
_FIT_PARTS = 3


def effective_wcsname(wcsname: str) -> str:
    """Return the name that a recipe's ``wcsname`` stands for."""
    return wcsname.strip() or DEFAULT_WCSNAME


def is_taken(wcsname: str, names: Iterable[str]) -> bool:
    """Tell whether a WCS, primary or alternate, of this name is among `names`."""
    return effective_wcsname(wcsname).upper() in map(str.upper, names)


def describe_wcsname(wcsname: str) -> str:
    """Return the WCSTYPE of an HST WCS of a given name, in STScI's vocabulary.

    ``IDC_x-FIT_REL_GAIAEDR3`` tells of a fit, ``IDC_x-GSC240`` of an a priori solution, ``IDC_x``
    of none; any other name is the user's.
    """
    base, _, solution = wcsname.upper().partition("-")
    start = _BASES.get(base[:3])
    if start is None:
        return "user-defined"
    if not solution:
        return f"{start} not aligned"
    parts = solution.split("_", _FIT_PARTS - 1)
    if parts[0] != "FIT":
        return f"{start} a priori solution based on {solution}"
    if len(parts) < _FIT_PARTS or parts[1] not in _FITS:
        return "user-defined"
    return f"{start} a posteriori solution {_FITS[parts[1]]} {parts[2]}"
