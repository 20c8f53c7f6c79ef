"""DS9 region files: text in, a list of regions in the file's order out.

Why not ``regions.Regions.read``: it drops what it does not know with a warning that names no line
(physical and other systems, pandas, sizes in pixels within sky systems, files without a system) and
ignores surplus numbers. A dropped region silently changes which sources are found, so every line is
read here and what cannot be read is an error. The shapes themselves are tested with ``regions``
(see ``region_planes``).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.errors import InputError

log = logging.getLogger(__name__)

SKY_SYSTEMS = {
    "fk5": "fk5",
    "j2000": "fk5",
    "icrs": "icrs",
    "fk4": "fk4",
    "b1950": "fk4",
    "galactic": "galactic",
    "ecliptic": "ecliptic",
}
"""Names of the sky systems in region files, and the name each has here."""

_SYSTEMS = {"image": "image", "physical": "physical", **SKY_SYSTEMS}
_EQUATORIAL = ("fk5", "icrs", "fk4")
_SYNTAX = {
    "circle": "circle(x, y, radius)",
    "annulus": "annulus(x, y, radius, radius, ...)",
    "ellipse": "ellipse(x, y, a, b[, a, b ...][, angle])",
    "box": "box(x, y, width, height[, width, height ...][, angle])",
    "polygon": "polygon(x, y, x, y, x, y, ...)",
    "panda": "panda(x, y, start, stop, number, radius, radius, number)",
    "epanda": "epanda(x, y, start, stop, number, a, b, a, b, number[, angle])",
    "bpanda": "bpanda(x, y, start, stop, number, width, height, width, height, number[, angle])",
    "point": "point(x, y)",
    "line": "line(x, y, x, y)",
    "vector": "vector(x, y, length, angle)",
    "segment": "segment(x, y, x, y, ...)",
}
_PIE_SIZES = {"panda": 1, "epanda": 2, "bpanda": 2}  # numbers per outline
_SKIPPED = ("text", "ruler", "compass", "projection")
_QUOTED = re.compile(r"=\s*(?:\{[^}]*\}|\"[^\"]*\"|'[^']*')")
_COMMENTED = re.compile(r"#\s*([-+]?)\s*([a-z]+)\s*\(")
_SYMBOL_POINT = re.compile(r"^([-+]?)\s*(?:circle|box|diamond|cross|x|arrow|boxcircle)\s+point\b")
_FIRST_WORD = re.compile(r"^([-+]?)\s*([a-z][a-z0-9]*)")
_INCLUDE = re.compile(r"\binclude\s*=\s*([01])\b")
_ANGULAR_UNITS = {'"': 1 / 3600, "'": 1 / 60, "d": 1.0, "r": 57.29577951308232}
_PIXEL_UNITS = {"i": "image", "p": "physical"}


@dataclass(frozen=True)
class Ds9Region:
    """One region of a DS9 file.

    ``points`` holds the centre, or the vertices of a polygon: (x, y) in pixels of the image or
    physical system (1-based), or (longitude, latitude) in degrees of a sky system.

    ``outer`` and ``inner`` are half sizes of the outlines along the region's own x and y axis, in
    pixels of the system, or degrees on the sky; ``inner`` is None where there is no hole.
    ``angle`` and ``sector`` (start, stop) are in degrees, counter-clockwise from the x axis as DS9
    counts them; on the sky the x axis points to the west and y to the north. A sector is counted
    from the rotated x axis.
    """

    shape: str
    include: bool
    system: str
    points: tuple[tuple[float, float], ...]
    outer: tuple[float, float]
    inner: tuple[float, float] | None
    angle: float
    sector: tuple[float, float] | None
    line: int
    text: str

    @property
    def has_area(self) -> bool:
        """Whether any pixel can lie inside."""
        return self.shape == "polygon" or min(self.outer) > 0

    @property
    def is_box(self) -> bool:
        """Whether the outlines are rectangles (else ellipses)."""
        return self.shape in ("box", "bpanda")


class _Unreadable(ValueError):  # noqa: N818  never leaves this module
    """One line of the file cannot be read; says why."""


def read_region_file(path: Path) -> tuple[Ds9Region, ...]:
    """Read a DS9 region file.

    Parameters
    ----------
    path
        The region file.

    Returns
    -------
    tuple of Ds9Region
        In the order of the file, which matters.

    Raises
    ------
    InputError
        The file cannot be opened, or lines of it cannot be read; every such line is named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: the region file cannot be read: {error.strerror}") from error
    return parse_regions(text, name=str(path))


def parse_regions(text: str, *, name: str) -> tuple[Ds9Region, ...]:
    """Parse the text of a DS9 region file; ``name`` stands in messages.

    A file that names no system before its first region is in physical pixels, as in DS9.

    Raises
    ------
    InputError
        Lines cannot be read; every such line is named with what is allowed.
    """
    system, in_global, regions, faults = "physical", False, [], []
    for number, statement in _statements(text):
        lower = statement.lower()
        in_global = lower.startswith("global") or (in_global and bool(re.match(r"\w+\s*=", lower)))
        if in_global:
            continue
        try:
            if lower in _SYSTEMS:
                system = _SYSTEMS[lower]
            elif (region := _region(statement, system, number, name)) is not None:
                regions.append(region)
        except _Unreadable as fault:
            faults.append(f"{name}, line {number}: {statement!r}: {fault}")
    if faults:
        raise InputError("\n".join(faults))
    return tuple(regions)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Line number and statement, comments left out and lines split at semicolons."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#"):
            if _COMMENTED.match(line.lstrip().lower()):  # DS9 hides some shapes in comments
                yield number, _QUOTED.sub("=", line.strip())
            continue
        after_hash = False
        for piece in _QUOTED.sub("=", line).split(";"):
            statement = piece.strip()
            # a semicolon in free text after '#' starts nothing
            if statement and not (after_hash and not _starts_statement(statement)):
                yield number, statement
            after_hash = after_hash or "#" in piece


def _starts_statement(text: str) -> bool:
    """Whether the text starts as a system or a shape does."""
    word = _FIRST_WORD.match(text.lower())
    return word is not None and (word[2] in _SYSTEMS or word[2] in _SYNTAX)


def _region(statement: str, system: str, number: int, name: str) -> Ds9Region | None:
    """Region of one statement, None for what is skipped."""
    body, _, properties = statement.lower().partition("#")
    if commented := _COMMENTED.match(statement.lower()):
        if commented[2] not in (*_SKIPPED, "vector", "segment"):
            return None  # an ordinary comment, or the head of a composite
        head, closed, properties = statement.lower().lstrip("# ").partition(")")
        body = head + closed
    body = _SYMBOL_POINT.sub(r"\1point", body.strip())
    found = _FIRST_WORD.match(body)
    word = found[2] if found else ""
    if word in _SKIPPED:
        log.info("%s, line %d: %s is no region of pixels; skipped", name, number, word)
        return None
    if found is None or word not in _SYNTAX:
        raise _Unreadable(
            f"not a region, nor a coordinate system. Shapes: {', '.join(_SYNTAX)}; "
            f"systems: {', '.join(_SYSTEMS)}"
        )
    switch = _INCLUDE.search(properties)  # written behind the region it has the last word
    return _build(
        word,
        _numbers(body[found.end() :]),
        system=system,
        include=found[1] != "-" if switch is None else switch[1] == "1",
        line=number,
        text=statement,
    )


def _numbers(body: str) -> list[str]:
    """Split what follows the name of a shape into words."""
    inside = body.strip().removesuffix("||").strip()
    if "(" in inside or ")" in inside:
        if not re.fullmatch(r"\([^()]*\)", inside):
            raise _Unreadable("one pair of parentheses, and nothing behind it, is allowed")
        inside = inside[1:-1]
    return [w for w in re.split(r"[,\s]+", inside) if w and not re.fullmatch(r"n=\d+", w)]


def _build(
    shape: str, words: list[str], *, system: str, include: bool, line: int, text: str
) -> Ds9Region:
    """Make the region from the words between its parentheses."""
    if not _count_is_right(shape, len(words)):
        raise _Unreadable(f"{len(words)} numbers do not make {_SYNTAX[shape]}")
    n_points = len(words) if shape == "polygon" else 2
    system, points = _points(words[:n_points], system)
    sizes, angle, sector = _sizes_and_angles(shape, words)
    outlines = sorted(_outlines(shape, sizes, system))
    return Ds9Region(
        shape=shape,
        include=include,
        system=system,
        points=points,
        outer=outlines[-1] if outlines else (0.0, 0.0),
        inner=outlines[0] if len(outlines) > 1 and min(outlines[0]) > 0 else None,
        angle=angle,
        sector=sector,
        line=line,
        text=text,
    )


def _count_is_right(shape: str, count: int) -> bool:
    """Whether so many numbers can make this shape."""
    at_least = {"annulus": 4, "ellipse": 4, "box": 4, "segment": 4, "point": 2, "line": 4}
    exactly = {
        "circle": (3,),
        "panda": (8,),
        "epanda": (10, 11),
        "bpanda": (10, 11),
        "vector": (4,),
    }
    if shape == "polygon":
        return count >= 6 and count % 2 == 0  # noqa: PLR2004  a triangle
    return count in exactly[shape] if shape in exactly else count >= at_least[shape]


def _sizes_and_angles(
    shape: str, words: list[str]
) -> tuple[list[str], float, tuple[float, float] | None]:
    """Words of the sizes, angle, and (start, stop) of a panda."""
    if shape in _PIE_SIZES:
        stop = 5 + 2 * _PIE_SIZES[shape]
        angle = _angle(words[stop + 1]) if len(words) > stop + 1 else 0.0
        return words[5:stop], angle, (_angle(words[2]), _angle(words[3]))
    if shape in ("ellipse", "box") and len(words) % 2:
        return words[2:-1], _angle(words[-1]), None
    return (words[2:] if shape in ("circle", "annulus", "ellipse", "box") else []), 0.0, None


def _outlines(shape: str, words: Sequence[str], system: str) -> list[tuple[float, float]]:
    """Half sizes (along x, along y) of each outline."""
    values = [_size(word, system) for word in words]
    if shape in ("circle", "annulus", "panda"):
        return [(value, value) for value in values]
    if shape in ("box", "bpanda"):
        values = [value / 2 for value in values]
    return list(zip(values[::2], values[1::2], strict=True))


def _points(words: Sequence[str], system: str) -> tuple[str, tuple[tuple[float, float], ...]]:
    """System and (x, y) of positions; a suffix i or p puts them into image or physical pixels."""
    suffixes = {_PIXEL_UNITS.get(word[-1]) for word in words}
    if suffixes != {None}:
        if len(suffixes) > 1:
            raise _Unreadable("both coordinates must be in the same system")
        system = str(suffixes.pop())
        words = [word[:-1] for word in words]
    if system in ("image", "physical"):
        values = [_number(word) for word in words]
    else:
        hours = system in _EQUATORIAL
        values = [_degrees(word, hours=hours and i % 2 == 0) for i, word in enumerate(words)]
        if any(abs(value) > 90 for value in values[1::2]):  # noqa: PLR2004  a pole
            raise _Unreadable("a latitude must lie within -90 and 90 degrees")
    return system, tuple(zip(values[::2], values[1::2], strict=True))


def _number(word: str) -> float:
    """Value of a plain number."""
    try:
        value = float(word)
    except ValueError:
        raise _Unreadable(
            f"{word!r} is not a number; positions in pixels are plain numbers, positions on the "
            f"sky need a line with their system before: {', '.join(SKY_SYSTEMS)}"
        ) from None
    if not abs(value) < float("inf"):
        raise _Unreadable(f"{word!r} is not a finite number")
    return value


def _degrees(word: str, *, hours: bool) -> float:
    """Degrees of a longitude or latitude in any of DS9's spellings."""
    if word[-1] in "dr" and not re.search(r"[hms:]", word[:-1]):
        return _number(word[:-1]) * _ANGULAR_UNITS[word[-1]]
    if not re.search(r"[:hdm]", word):
        return _number(word)
    from astropy.coordinates import Angle

    unit = "hourangle" if hours and ":" in word else "deg"
    try:
        return float(Angle(word, unit if ":" in word else None).degree)
    except (ValueError, TypeError) as error:
        raise _Unreadable(f"{word!r} is not an angle such as 12:34:56.7 or 12h34m56.7s") from error


def _angle(word: str) -> float:
    """Degrees of a rotation."""
    if word[-1] in "dr":
        return _number(word[:-1]) * _ANGULAR_UNITS[word[-1]]
    return _number(word)


def _size(word: str, system: str) -> float:
    """Size in pixels of the system, or in degrees on the sky."""
    on_sky = system in SKY_SYSTEMS.values()
    suffix = word[-1]
    if suffix in _PIXEL_UNITS or suffix in _ANGULAR_UNITS:
        if on_sky == (suffix in _PIXEL_UNITS) or _PIXEL_UNITS.get(suffix, system) != system:
            raise _Unreadable(
                f"the size {word} is not in the system of the position, {system}; save the region "
                "from DS9 in one system"
            )
        value = _number(word[:-1]) * _ANGULAR_UNITS.get(suffix, 1.0)
    else:
        value = _number(word)
    if value < 0:
        raise _Unreadable(f"a size must not be negative, got {word}")
    if on_sky and value >= 90:  # noqa: PLR2004  where a tangent plane ends
        raise _Unreadable(f"a size on the sky must be below 90 degrees, got {word}")
    return value
