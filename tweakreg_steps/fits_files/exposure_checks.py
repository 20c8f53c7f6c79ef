"""What makes a file something else than one exposure, whole and of chips side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from tweakreg_steps.errors import DamagedFileError, InputError
from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.fits_files.fits_blocks import Hdu
from tweakreg_steps.fits_files.header_cards import HeaderValues

_EQUATORIAL = frozenset({"RA--", "DEC-"})
_GALACTIC = frozenset({"GLON", "GLAT"})
_FRAMES = frozenset({"", "ICRS", "FK5", "FK4", "FK4-NO-E"})


def check_exposure(path: Path, hdus: Sequence[Hdu], chips: Sequence[Chip]) -> None:
    """Refuse a file that lost extensions, or whose chips are exposures of one place.

    Parameters
    ----------
    path : Path
        The file, for messages.
    hdus : sequence of Hdu
        Its layout.
    chips : sequence of Chip
        The images of it that are to be used together.

    Raises
    ------
    InputError
        There are fewer extensions than NEXTEND says, a WCS is in a frame that is not known, or the
        centre of one chip lies on another.
    """
    _require_all_extensions(path, hdus)
    for chip in chips:
        _require_known_frame(path, chip, hdus[chip.extension].values)
    for first, second in combinations(chips, 2):
        headers = (hdus[first.extension].values, hdus[second.extension].values)
        if _lies_on(second, headers[1], first, headers[0]) or _lies_on(
            first, headers[0], second, headers[1]
        ):
            raise InputError(_explain_overlap(path, first, second, chips))


def _require_all_extensions(path: Path, hdus: Sequence[Hdu]) -> None:
    """Compare the number of extensions with NEXTEND."""
    promised = hdus[0].values.get("NEXTEND")
    if isinstance(promised, bool) or not isinstance(promised, int) or promised < len(hdus):
        return
    last = hdus[-1]
    name = f"{last.name},{last.version}" if last.name else f"HDU {last.index}"
    raise DamagedFileError(
        path,
        f"ends behind {name}: its primary header promises {promised} extensions (NEXTEND), there "
        f"are {len(hdus) - 1}",
        "fetch the file again, or correct NEXTEND where extensions were removed on purpose",
    )


def _require_known_frame(path: Path, chip: Chip, header: HeaderValues) -> None:
    """Refuse a WCS whose numbers cannot be turned into right ascension and declination in ICRS."""
    axis = str(header["CTYPE1"])[:4].upper()
    radesys = str(header.get("RADESYS", header.get("RADECSYS", ""))).strip()
    if axis in _GALACTIC or (axis in _EQUATORIAL and radesys.upper() in _FRAMES):
        return
    raise InputError(
        f"{path}: {chip.label}: the frame of its WCS is not known (CTYPE1 {header['CTYPE1']!r}, "
        f"RADESYS {radesys!r}); known are RA and Dec in ICRS, FK5, FK4 or FK4-NO-E, and Galactic: "
        "correct RADESYS, or solve the image again"
    )


def _explain_overlap(path: Path, first: Chip, second: Chip, chips: Sequence[Chip]) -> str:
    """Say that chips are exposures of one place, and how to choose one."""
    choices = [f"{path.name}[{_selection(chip)}]" for chip in chips]
    shown = ", ".join(choices[:3]) + (", ..." if len(choices) > 3 else "")  # noqa: PLR2004  a few
    return (
        f"{path}: {first.label} and {second.label} overlap on the sky, so they are no chips of one "
        f"exposure (repeated exposures, reads of a ramp?); select one: {shown}"
    )


def _selection(chip: Chip) -> str:
    """Return how a recipe selects a chip."""
    return chip.label.lower() if "," in chip.label else str(chip.extension)


def _lies_on(chip: Chip, header: HeaderValues, other: Chip, other_header: HeaderValues) -> bool:
    """Tell whether the centre of a chip lies on another one.

    For chips of one size that is so wherever they share more than half of their area, and never
    where they share less than a quarter. Neighbouring chips of a mosaic share some percent.
    Distortions do not matter for that.
    """
    ny, nx = chip.shape
    try:
        sky = _to_sky(header, (nx + 1) / 2.0, (ny + 1) / 2.0)
        pixel = _to_pixel(other_header, *sky)
    except (KeyError, ValueError, TypeError, ArithmeticError):
        return False  # what is wrong with a WCS is said where it is used
    if pixel is None:
        return False
    ny, nx = other.shape
    return abs(pixel[0] - (nx + 1) / 2) <= nx / 2 and abs(pixel[1] - (ny + 1) / 2) <= ny / 2


def _to_sky(header: HeaderValues, x: float, y: float) -> tuple[float, float]:
    """Return longitude and latitude (radians) of a pixel on the tangent plane at CRVAL."""
    (a, b), (c, d) = _matrix(header)
    x, y = x - float(header["CRPIX1"]), y - float(header["CRPIX2"])
    xi, eta = _in_order(header, a * x + b * y, c * x + d * y)
    lon, lat = _reference(header)
    below = math.cos(lat) - eta * math.sin(lat)
    along = math.atan2(xi, below)
    up = math.atan2(math.sin(lat) + eta * math.cos(lat), math.hypot(below, xi))
    return lon + along, up


def _to_pixel(header: HeaderValues, lon: float, lat: float) -> tuple[float, float] | None:
    """Return the pixel of a position (radians); None on the other half of the sky."""
    lon0, lat0 = _reference(header)
    sine, cosine, turn = math.sin(lat), math.cos(lat), lon - lon0
    depth = math.sin(lat0) * sine + math.cos(lat0) * cosine * math.cos(turn)
    if depth <= 0.0:
        return None
    xi = cosine * math.sin(turn) / depth
    eta = (math.cos(lat0) * sine - math.sin(lat0) * cosine * math.cos(turn)) / depth
    u, v = _in_order(header, xi, eta)
    (a, b), (c, d) = _matrix(header)
    area = a * d - b * c
    return (
        float(header["CRPIX1"]) + (d * u - b * v) / area,
        float(header["CRPIX2"]) + (a * v - c * u) / area,
    )


def _reference(header: HeaderValues) -> tuple[float, float]:
    """Return longitude and latitude of CRVAL in radians."""
    first, second = (math.radians(float(header[f"CRVAL{i}"])) for i in (1, 2))
    return _in_order(header, first, second)


def _in_order(header: HeaderValues, first: float, second: float) -> tuple[float, float]:
    """Swap a pair where the first axis is latitude."""
    is_latitude = str(header["CTYPE1"])[:4].upper().strip("-").endswith(("DEC", "LAT", "LT"))
    return (second, first) if is_latitude else (first, second)


def _matrix(header: HeaderValues) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the matrix in radians a pixel: CD, PC or CROTA2 with CDELT (FITS WCS paper I, 2.1)."""

    def value(key: str, default: float) -> float:
        return float(header.get(key, default))

    if any(f"CD{i}_{j}" in header for i in (1, 2) for j in (1, 2)):
        rows = [[value(f"CD{i}_{j}", 0.0) for j in (1, 2)] for i in (1, 2)]
    else:
        cdelt = [value("CDELT1", 1.0), value("CDELT2", 1.0)]
        angle = math.radians(value("CROTA2", 0.0))
        cosine, sine = math.cos(angle), math.sin(angle)
        turned = [[cosine, -sine * cdelt[1] / cdelt[0]], [sine * cdelt[0] / cdelt[1], cosine]]
        rows = [
            [cdelt[i] * value(f"PC{i + 1}_{j + 1}", turned[i][j]) for j in (0, 1)] for i in (0, 1)
        ]
    (a, b), (c, d) = ((math.radians(v) for v in row) for row in rows)
    return (a, b), (c, d)
