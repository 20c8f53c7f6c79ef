"""Which columns of a catalog hold positions, where only the file can tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tweakreg_steps.tables.catalog_columns import CatalogTable

_SKY_PAIRS = (
    ("ra", "dec"),
    ("raj2000", "dej2000"),
    ("raj2000", "decj2000"),
    ("_raj2000", "_dej2000"),
    ("ra_icrs", "de_icrs"),
    ("ra_icrs", "dec_icrs"),
    ("_ra.icrs", "_de.icrs"),
    ("ra_j2000", "dec_j2000"),
    ("ramean", "decmean"),
    ("meanra", "meandec"),
    ("alpha_j2000", "delta_j2000"),
    ("alphawin_j2000", "deltawin_j2000"),
    ("alphapsf_j2000", "deltapsf_j2000"),
    ("alpha_sky", "delta_sky"),
    ("alphawin_sky", "deltawin_sky"),
    ("ra_deg", "dec_deg"),
    ("radeg", "decdeg"),
    ("radeg", "dedeg"),
    ("ra_degrees", "dec_degrees"),
    ("right_ascension", "declination"),
    ("alpha", "delta"),
    ("_ra", "_de"),
    ("ra", "de"),
    ("x_world", "y_world"),
    ("xwin_world", "ywin_world"),
)
_PIXEL_PAIRS = (
    ("x", "y"),
    ("x_image", "y_image"),
    ("xwin_image", "ywin_image"),
    ("xpsf_image", "ypsf_image"),
    ("xcentroid", "ycentroid"),
    ("x_centroid", "y_centroid"),
    ("xcenter", "ycenter"),
    ("x_pix", "y_pix"),
)
_RA_PARTS = ("rah", "ram", "ras")
_DEC_PARTS = (("de-", "ded", "dem", "des"), ("ded", "dem", "des"))
_BEST = "centroid"
_BRACKETED = re.compile(r"[\[(][^\[\]()]*[\])]")


def known_pair(table: CatalogTable, xyunits: str) -> tuple[str, str] | None:
    """Return the columns that hold positions, when the file names a well-known pair.

    Parameters
    ----------
    table
        The catalog.
    xyunits
        ``degrees`` or ``pixels``.

    Returns
    -------
    tuple of str or None
        A name for each coordinate; or, where hours, minutes and seconds have columns of their own,
        their numbers, such as ``1-3``.
    """
    for words in table.headings:
        if pair := _known_among(words, xyunits):
            return pair
    return None


def _known_among(words: Sequence[str], xyunits: str) -> tuple[str, str] | None:
    """Return the pair that one list of names holds."""
    pairs = _SKY_PAIRS if xyunits == "degrees" else _PIXEL_PAIRS
    for spelled in _spellings(words):
        for first, second in pairs:
            if first in spelled and second in spelled:
                return spelled[first], spelled[second]
    if xyunits != "degrees":
        return None
    return _sky_coordinate(words) or _in_parts(words)


def _spellings(words: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Yield the names in lower case, then the same without units in brackets."""
    yield {word.lower(): word for word in reversed(words)}
    yield {_BRACKETED.sub("", word[:64]).strip().lower(): word for word in reversed(words)}


def _sky_coordinate(words: Sequence[str]) -> tuple[str, str] | None:
    """Return the columns of a sky coordinate, ``name.ra`` and ``name.dec``; a centroid is best."""
    names = set(words)
    roots = [word[:-3] for word in words if word.endswith(".ra") and f"{word[:-3]}.dec" in names]
    best = next((root for root in roots if _BEST in root.lower()), next(iter(roots), None))
    return None if best is None else (f"{best}.ra", f"{best}.dec")


def _in_parts(words: Sequence[str]) -> tuple[str, str] | None:
    """Return the numbers of the columns that CDS tables have for hours, minutes, seconds."""
    place = {word.lower(): number for number, word in reversed(list(enumerate(words, start=1)))}
    for dec in _DEC_PARTS:
        if all(name in place for name in (*_RA_PARTS, *dec)):
            ra_numbers, dec_numbers = ([place[name] for name in part] for part in (_RA_PARTS, dec))
            return " ".join(map(str, ra_numbers)), " ".join(map(str, dec_numbers))
    return None
