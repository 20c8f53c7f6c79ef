"""WCSTYPE: what a WCSNAME says about how an HST WCS came about, in STScI's vocabulary."""

from __future__ import annotations

_BASES = {"IDC": "undistorted", "OPU": "pipeline default"}
_FITS = {
    "REL": "relatively aligned to",
    "IMG": "aligned image-by-image to",
    "EVM": "aligned by visit-exposures to",
    "SVM": "aligned by visit to",
}
_FIT_PARTS = 3


def describe_wcsname(wcsname: str) -> str:
    """Return the WCSTYPE of a WCS of a given name.

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
