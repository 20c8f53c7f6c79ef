"""When an exposure was taken: the middle of it, as its headers tell.

Keywords of HST and JWST (EXPSTART, EXPEND), of FITS (MJD-AVG, DATE-AVG, MJD-BEG, DATE-BEG,
MJD-OBS, DATE-OBS; standard 4.0, section 9.5) and of ground-based cameras (TIME-OBS, UT). Times are
taken as UTC: what that is off from TDB, 70 s, is 1e-3 mas for 500 mas/yr.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from math import isfinite

from tweakreg_steps.fits_files.header_cards import CardValue

Values = Mapping[str, CardValue]

_FIRST_DAY = 678576
"""Proleptic Gregorian ordinal of MJD 0, 1858 November 17."""

_PLAUSIBLE = (15020.0, 88069.0)
"""MJD of 1900 and 2100: what a header has outside, such as 0, is no time."""

_DAY = 86400.0
_TIMES = ("TIME-OBS", "UTC-OBS", "UT", "UTSTART")
_EXPOSURES = ("EXPTIME", "TEXPTIME", "XPOSURE", "EXPOSURE")


def epoch_of(primary: Values, chip: Values) -> float | None:
    """Return the middle of an exposure as a Julian year, to 0.1 s; None where no header tells.

    Parameters
    ----------
    primary, chip : mapping of str to header values
        The primary header and that of the first chip; what the chip says goes before.
    """
    for values in (chip, primary):
        for mjd in _middles(values, chip, primary):
            if mjd is not None and _PLAUSIBLE[0] < mjd < _PLAUSIBLE[1]:
                return round(2000.0 + (mjd - 51544.5) / 365.25, 9)
    return None


def _middles(values: Values, *headers: Values) -> Iterator[float | None]:
    """Yield what a header says of the middle of the exposure, as MJD, the best first."""
    for first, last in (("EXPSTART", "EXPEND"), ("MJD-BEG", "MJD-END")):
        begin, end = _number(values, first), _number(values, last)
        if begin is not None and end is not None and end >= begin:
            yield (begin + end) / 2.0
    yield _number(values, "MJD-AVG")
    yield _mjd_of_date(values, "DATE-AVG")
    half = _half_exposure(*headers)
    for begin in (
        _number(values, "EXPSTART"),
        _number(values, "MJD-BEG"),
        _mjd_of_date(values, "DATE-BEG"),
        _mjd_of_date(values, "DATE-OBS"),
        _number(values, "MJD-OBS"),
    ):
        yield None if begin is None else begin + half


def _number(values: Values, name: str) -> float | None:
    """Return a number of a header."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return float(value)


def _half_exposure(*headers: Values) -> float:
    """Return half the exposure time in days, 0 where no header tells it."""
    found = (_number(values, name) for values in headers for name in _EXPOSURES)
    return next((time for time in found if time is not None and time > 0.0), 0.0) / 2.0 / _DAY


def _mjd_of_date(values: Values, name: str) -> float | None:
    """Return a date of a header, with its time of day where it tells one, as MJD."""
    text = str(values.get(name, "")).strip()
    day, _, time = text.partition("T")
    if not time:
        time = next((str(values[key]).strip() for key in _TIMES if key in values), "")
    try:
        moment = date.fromisoformat(day) if "-" in day else _old_date(day)
    except ValueError:
        return None
    return moment.toordinal() - _FIRST_DAY + _fraction(time)


def _old_date(text: str) -> date:
    """Return a date as FITS wrote them before 2000: DD/MM/YY."""
    return datetime.strptime(text, "%d/%m/%y").date()  # noqa: DTZ007  a date without a time


def _fraction(time: str) -> float:
    """Return the fraction of a day that a time is; 0 for what is none."""
    try:
        hours, minutes, seconds = (float(part) for part in time.rstrip("Zz").split(":"))
    except ValueError:
        return 0.0
    return (hours * 3600.0 + minutes * 60.0 + seconds) / _DAY
