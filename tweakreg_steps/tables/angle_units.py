"""Units of a catalog's columns, in the spellings that catalogs have of them."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tweakreg_steps.tables.cell_values import PLAIN_SIGNS

if TYPE_CHECKING:
    from astropy.units import UnitBase

_ANGLES = {
    "deg": ["d", "degs", "degree", "degrees", "degr", "decdeg", "decimaldegree", "decimaldegrees"],
    "hourangle": ["h", "hr", "hrs", "hour", "hours", "hourangle"],
    "arcmin": ["'", "arcm", "arcmins", "amin", "arcminute", "arcminutes"],
    "arcsec": ["''", "arcs", "arcsecs", "asec", "as", "arcsecond", "arcseconds"],
    "mas": ["marcsec", "milliarcsec", "milliarcsecs", "milliarcsecond", "milliarcseconds"],
    "uas": ["muas", "uarcsec", "microarcsec", "microarcsecond", "microarcseconds"],
    "rad": ["radian", "radians", "rads"],
}
"""Spellings of units of an angle that astropy does not know, or takes for a time (d, h)."""
_ANGLE_OF_SPELLING = {word: unit for unit, words in _ANGLES.items() for word in words} | {
    '"': "arcsec"
}
_SEXAGESIMAL = {"h": "hms", "d": "dms"}
_FORMATS = (None, "cds", "vounit", "ogip", "fits")
_LONGEST = 64
"""Characters of a unit; astropy's parsers are slow on what is longer."""


def plain_unit(text: str) -> str:
    """Return a unit without the brackets and quotes that tables put around it."""
    plain = text.strip()
    while len(plain) > 2 and plain[0] + plain[-1] in {"[]", "()", "{}", '""'}:  # noqa: PLR2004  the two ends
        plain = plain[1:-1].strip()
    return plain


def sexagesimal_unit(text: str) -> str | None:
    """Return ``h`` or ``d`` where a unit means hours or degrees, minutes and seconds; else None."""
    letters = "".join(c for c in plain_unit(text).lower() if c.isalpha())
    return next((first for first, word in _SEXAGESIMAL.items() if letters == word), None)


def conversion_factor(own: str, wanted: str) -> float | None:
    """Return by what values in a unit are multiplied to be in another one.

    Parameters
    ----------
    own
        The unit as a table spells it.
    wanted
        The unit as astropy spells it, such as ``deg`` or ``mas / yr``.

    Returns
    -------
    float or None
        None where the one cannot be converted into the other.

    Raises
    ------
    ValueError
        The table's unit is not known.
    """
    from astropy.units import Unit, UnitConversionError

    try:
        return float(parse_unit(own).to(Unit(wanted)))
    except UnitConversionError:
        return None


@lru_cache(maxsize=256)
def parse_unit(text: str) -> UnitBase:
    """Return the unit that a text means, where units of angles and their motions are meant.

    Raises
    ------
    ValueError
        It is not known.
    """
    plain = plain_unit(text.translate(PLAIN_SIGNS))
    if len(plain) > _LONGEST:
        raise ValueError(f"the unit {plain[:_LONGEST]!r}... is too long to be one")
    if found := _parse_angle(plain):
        return found
    for spelling in dict.fromkeys((plain, plain.lower(), _with_known_angle(plain))):
        for form in _FORMATS:
            if found := _parse_as(spelling, form):
                return found
    raise ValueError(f"the unit {text!r} is not known")


def _parse_angle(plain: str) -> Any:  # noqa: ANN401  a unit of astropy, or None
    """Return the unit of an angle that a word means, or None."""
    from astropy.units import Unit

    word = plain.lower().replace(" ", "").replace("_", "").rstrip(".")
    angle = _ANGLE_OF_SPELLING.get(plain) or _ANGLE_OF_SPELLING.get(word)
    return Unit(angle) if angle else None


def _with_known_angle(plain: str) -> str:
    """Return a unit such as ``milliarcsec/year`` with its first word as astropy spells it."""
    word = plain.lower()
    for i, character in enumerate(word):
        if not character.isalpha():
            return _ANGLE_OF_SPELLING.get(word[:i], word[:i]) + word[i:]
    return word


def _parse_as(text: str, form: str | None) -> Any:  # noqa: ANN401  a unit of astropy, or None
    """Return the unit that one of astropy's formats makes of a text, or None."""
    from astropy.units import Unit

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an outdated spelling is a spelling
            return Unit(text, format=form) if text else None
    except (ValueError, TypeError, RecursionError, OverflowError, AttributeError):
        return None
