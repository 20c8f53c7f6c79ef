"""What a pixel's value counts, from BUNIT and EXPTIME.

TweakReg's noise of the sky is a statistic of counts: the square root of their number. It means the
same in a rate, counts over a time, once the rate is multiplied with that time.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TypedDict

from tweakreg_steps.fits_files.header_cards import Cards, CardValue

_ELECTRONS = frozenset({"ELECTRON", "ELECTRONS", "E", "E-", "EL", "PHOTON", "PHOTONS", "PH"})
_COUNTS = _ELECTRONS | {"COUNT", "COUNTS", "CT", "CTS", "DN", "DNS", "ADU", "ADUS"}
_COUNTS_PER_SECOND = frozenset({"CPS", "EPS"})
_QUOTIENT = re.compile(r"(\S+?) ?(?:/| PER ) ?(?:S|SECS?|SECONDS?)")
_PRODUCT = re.compile(r"(\S+?)[ .*]+(?:S|SEC|SECOND)[ ^*(]*-1\)?")
_LONGEST = 68  # characters; what a card holds


class UnitRecord(TypedDict):
    """A unit as records hold it: see `PixelUnit`."""

    name: str | None
    counts: float | None
    is_rate: bool


@dataclass(frozen=True)
class PixelUnit:
    """What the values of an image's pixels are.

    Attributes
    ----------
    name
        BUNIT as the header has it; None without.
    counts
        Counts that a pixel of value 1 holds: 1 for counts, the exposure time for counts a second;
        None where that is not known.
    is_rate
        They are counts over a time.
    """

    name: str | None
    counts: float | None
    is_rate: bool

    @property
    def problem(self) -> str | None:
        """Say why it is not known what a pixel counts; None where it is."""
        if self.counts is not None:
            return None
        if self.name is None:
            return "BUNIT is missing"
        if self.is_rate:
            return f"BUNIT is {self.name} and EXPTIME is missing"
        return f"BUNIT is {self.name}, neither counts nor counts a second"

    @property
    def is_electrons(self) -> bool:
        """Whether what is counted are electrons, each of them; digital numbers are not."""
        word = re.match(r"E-|[A-Z]+", self.name or "")
        return word is not None and word[0] in _ELECTRONS | {"EPS"}

    def as_record(self) -> UnitRecord:
        """Return it as a job's record holds it."""
        return {"name": self.name, "counts": self.counts, "is_rate": self.is_rate}


def pixel_unit(*headers: Cards) -> PixelUnit:
    """Return the unit of an image's pixels.

    Parameters
    ----------
    *headers
        Keyword values of the image's header, then of the primary header: the first that has a
        keyword tells it.
    """
    name = _first(headers, "BUNIT")
    text = " ".join(str(name).upper().split())[:_LONGEST] if name is not None else ""
    if not text:
        return PixelUnit(None, None, is_rate=False)
    if text in _COUNTS:
        return PixelUnit(text, 1.0, is_rate=False)
    if not _is_rate(text):
        return PixelUnit(text, None, is_rate=False)
    seconds = _first(headers, "EXPTIME")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return PixelUnit(text, None, is_rate=True)
    is_known = math.isfinite(seconds) and seconds > 0
    return PixelUnit(text, float(seconds) if is_known else None, is_rate=True)


def unit_from_record(record: UnitRecord) -> PixelUnit:
    """Return the unit that `PixelUnit.as_record` has written down."""
    return PixelUnit(**record)


def _is_rate(text: str) -> bool:
    """Tell whether a unit is counts a second."""
    if text in _COUNTS_PER_SECOND:
        return True
    match = _QUOTIENT.fullmatch(text) or _PRODUCT.fullmatch(text)
    return match is not None and match[1] in _COUNTS


def _first(headers: tuple[Cards, ...], keyword: str) -> CardValue | None:
    """Return the first value of a keyword, or None."""
    return next((h[keyword] for h in headers if h.get(keyword) not in (None, "")), None)
