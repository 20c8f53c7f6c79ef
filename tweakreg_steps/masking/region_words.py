"""One shape of a DS9 region file in words that ``regions`` reads: numbers, units and signs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tweakreg_steps.masking.region_lines import Statement

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

PIXEL_SYSTEMS = ("image", "physical", "detector", "amplifier")
"""Systems whose positions are pixels."""

SKY = "sky"
"""Where sizes are in degrees on the sky."""

SYNTAX = {
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
_ANGULAR_UNITS = {'"': 1 / 3600, "'": 1 / 60, "d": 1.0, "r": math.degrees(1.0)}
_PIXEL_UNITS = {"i": "image", "p": "physical"}
_TRUE, _FALSE = ("yes", "y", "on", "true"), ("no", "n", "off", "false")
_SEXAGESIMAL = re.compile(r"[-+]?\d+(?::\d+(?::\d+(?:\.\d*)?)?|[hd]\d+m(?:\d+(?:\.\d*)?s)?)")
_LARGEST = 1e9
_LONGEST_WORD = 60  # letters of a number; DS9 writes 20


class Unreadable(ValueError):  # noqa: N818  never leaves this module
    """One line of the file cannot be read; says why."""


@dataclass(frozen=True)
class Draft:
    """A region in words: what ``regions`` is to read, and what it does not know."""

    statement: Statement
    shape: str
    include: bool
    system: str
    outlines: tuple[str, ...]
    sizes_in: str
    angles_in: str
    angle: float
    sector: tuple[float, float] | None


def included(properties: Mapping[str, str], otherwise: bool) -> bool:
    """Return whether properties include or exclude a region; ``otherwise`` where they are mute."""
    value = properties.get("include", "").lower()
    if not value:
        return otherwise
    if value in _TRUE or value in _FALSE:
        return value in _TRUE
    if re.fullmatch(r"[-+]?\d{1,9}", value) is None:
        raise Unreadable(f"include={value[:20]!r} is neither 0 nor 1")
    return int(value) != 0


def split_words(body: str) -> list[str]:
    """Split what follows the name of a shape into words."""
    inside = body.rstrip(" \t|")
    if "(" in inside or ")" in inside:
        is_pair = inside.count("(") == inside.count(")") == 1
        if not (is_pair and inside.startswith("(") and inside.endswith(")")):
            raise Unreadable("one pair of parentheses, and nothing behind it, is allowed")
        inside = inside[1:-1]
    words = inside.replace(",", " ").split()
    if any(len(word) > _LONGEST_WORD for word in words):
        raise Unreadable(f"a number of more than {_LONGEST_WORD} letters; shorten it")
    return [word for word in words if not re.fullmatch(r"n=\d+", word)]


def draft_shape(
    shape: str, words: list[str], statement: Statement, *, system: str, include: bool
) -> Draft:
    """Bring a shape into words that ``regions`` knows."""
    if not _count_is_right(shape, len(words)):
        raise Unreadable(f"{len(words)} numbers do not make {SYNTAX[shape]}")
    n_points = len(words) if shape == "polygon" else 2
    position_in, points = _points(words[:n_points], system)
    sizes, turn, limits = _sizes_and_angles(shape, words)
    sizes_in, values = _sizes(sizes, system, shape)
    default = {"+": True, "-": False}.get(statement.sign, include)
    return Draft(
        statement=statement,
        shape=shape,
        include=included(statement.properties, default),
        system=position_in,
        outlines=tuple(_outlines(shape, points, values)),
        sizes_in=sizes_in
        if sizes
        else (SKY if position_in in SKY_SYSTEMS.values() else position_in),
        angles_in=system,
        angle=_angle(turn),
        sector=(_angle(limits[0]), _angle(limits[1])) if limits else None,
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
) -> tuple[list[str], str, tuple[str, str] | None]:
    """Words of the sizes, angle, and (start, stop) of a panda."""
    if shape in _PIE_SIZES:
        stop = 5 + 2 * _PIE_SIZES[shape]
        turn = words[stop + 1] if len(words) > stop + 1 else "0"
        return words[5:stop], turn, (words[2], words[3])
    if shape in ("ellipse", "box") and len(words) % 2:
        return words[2:-1], words[-1], None
    return (words[2:] if shape in ("circle", "annulus", "ellipse", "box") else []), "0", None


def _outlines(shape: str, points: list[str], values: list[float]) -> list[str]:
    """Return the outermost and, where there is one, the innermost outline as ``regions`` reads."""
    if not values:
        return [f"{'polygon' if shape == 'polygon' else 'point'}({','.join(points)})"]
    in_pairs = shape in ("ellipse", "box", "epanda", "bpanda")
    sizes = (
        list(zip(values[::2], values[1::2], strict=True)) if in_pairs else [(v,) for v in values]
    )
    named = {"ellipse": "ellipse", "epanda": "ellipse", "box": "box", "bpanda": "box"}
    word, end = named.get(shape, "circle"), ["0"] if in_pairs else []
    chosen = [max(sizes), min(sizes)] if len(sizes) > 1 and min(min(sizes)) > 0 else [max(sizes)]
    if min(chosen[0]) == 0:
        return [f"point({','.join(points)})"]
    return [f"{word}({','.join([*points, *map(repr, pair), *end])})" for pair in chosen]


def _points(words: Sequence[str], system: str) -> tuple[str, list[str]]:
    """System and words of positions; a suffix i or p puts them into image or physical pixels."""
    suffixes = {_PIXEL_UNITS.get(word[-1]) for word in words}
    if suffixes != {None}:
        if len(suffixes) > 1:
            raise Unreadable("both coordinates must be in the same system")
        system = str(suffixes.pop())
        words = [word[:-1] for word in words]
    if system in PIXEL_SYSTEMS:
        return system, [repr(_number(word)) for word in words]
    for index, word in enumerate(words):
        degrees = _leading_degrees(word)
        if index % 2 and degrees is not None and abs(degrees) > 90:  # noqa: PLR2004  a pole
            raise Unreadable("a latitude must lie within -90 and 90 degrees")
    return system, list(words)


def _leading_degrees(word: str) -> float | None:
    """Degrees of a longitude or latitude written as one number; None for a sexagesimal one."""
    if word[-1] in "dr" and not re.search(r"[hms:]", word[:-1]):
        return _number(word[:-1]) * _ANGULAR_UNITS[word[-1]]
    if not re.search(r"[:hdm]", word):
        return _number(word)
    if _SEXAGESIMAL.fullmatch(word) is None:
        raise Unreadable(f"{word!r} is not an angle such as 12:34:56.7 or 12h34m56.7s")
    return None


def _number(word: str) -> float:
    """Value of a plain number."""
    try:
        value = float(word.replace("_", "x"))
    except ValueError:
        raise Unreadable(
            f"{word!r} is not a number; positions in pixels are plain numbers, positions on the "
            f"sky need a line with their system before: {', '.join(SKY_SYSTEMS)}"
        ) from None
    if not abs(value) < float("inf"):
        raise Unreadable(f"{word!r} is not a finite number")
    if abs(value) > _LARGEST:
        raise Unreadable(f"{word!r} is beyond any image; numbers up to {_LARGEST:.0e} are read")
    return value


def _sizes(words: list[str], system: str, shape: str) -> tuple[str, list[float]]:
    """Where sizes are measured, and the sizes: in pixels of that system, or in degrees."""
    own = SKY if system in SKY_SYSTEMS.values() else system
    kinds = {SKY if w[-1] in _ANGULAR_UNITS else _PIXEL_UNITS.get(w[-1], own) for w in words}
    if len(kinds) > 1:
        raise Unreadable(f"the sizes of one {shape} must be in the same system")
    kind = kinds.pop() if kinds else own
    if kind == SKY and own in ("detector", "amplifier"):
        raise Unreadable(
            f"a size on the sky in {own} coordinates: DS9 takes its number for pixels; save the "
            "regions from DS9 in one system"
        )
    values = [_size(word, kind) for word in words]
    if kind != SKY and shape in ("ellipse", "box", "epanda", "bpanda"):
        values = [abs(value) for value in values]  # DS9 writes signs where an axis is reversed
    for word, value in zip(words, values, strict=True):
        if value < 0:
            raise Unreadable(f"a size must not be negative, got {word}")
    return kind, values


def _size(word: str, kind: str) -> float:
    """Size in pixels, or in degrees where ``kind`` is the sky."""
    has_unit = word[-1] in _ANGULAR_UNITS or word[-1] in _PIXEL_UNITS
    value = _number(word[:-1] if has_unit else word) * _ANGULAR_UNITS.get(word[-1], 1.0)
    if kind == SKY and value >= 90:  # noqa: PLR2004  where a tangent plane ends
        raise Unreadable(f"a size on the sky must be below 90 degrees, got {word}")
    return value


def _angle(word: str) -> float:
    """Degrees of a rotation."""
    if word[-1] in "dr":
        return _number(word[:-1]) * _ANGULAR_UNITS[word[-1]]
    return _number(word)
