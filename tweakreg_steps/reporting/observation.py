"""When, with what and in which visit an exposure was taken, as far as its header says."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tweakreg_steps.fits_files.header_cards import Cards

_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_DAY = 86400.0
_HST_ROOT = re.compile(r"^[a-z][a-z0-9]{3}[a-z0-9]{2}[a-z0-9]{2}[a-z]$", re.IGNORECASE)
"""ipppssoot: instrument, programme, visit, exposure, how it was sent."""
_NO_FILTER = ("CLEAR", "N/A", "NONE")


def epoch_of(header: Cards) -> float | None:
    """Return the modified Julian date at which an exposure began, or None."""
    for key in ("EXPSTART", "MJD-OBS"):
        value = header.get(key)
        if isinstance(value, int | float) and value > 0:
            return float(value)
    date, time = str(header.get("DATE-OBS", "")), str(header.get("TIME-OBS", ""))
    try:
        begin = datetime.fromisoformat(f"{date}T{time}" if time and "T" not in date else date)
    except ValueError:
        return None
    return round((begin.replace(tzinfo=UTC) - _MJD_ZERO).total_seconds() / _DAY, 6)


def visit_of(header: Cards) -> str:
    """Return what exposures of one visit have in common: programme and visit of HST, or the day."""
    root = str(header.get("ROOTNAME", ""))
    if _HST_ROOT.match(root) and str(header.get("TELESCOP", "")).upper() == "HST":
        return root[1:6].lower()
    return str(header.get("DATE-OBS", ""))[:10]


def filter_of(header: Cards) -> str:
    """Return the names of the filters, without those that are none."""
    names = (str(header.get(key, "")).strip() for key in ("FILTER", "FILTER1", "FILTER2"))
    return " ".join(n for n in names if n and not n.upper().startswith(_NO_FILTER))
