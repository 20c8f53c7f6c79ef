"""Which images of a file are the chips of an exposure.

An exposure is a FITS file with one image (in PRIMARY or in one extension) or with the chips
``SCI,1`` to ``SCI,n``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.fits_blocks import Hdu, scan_hdus
from tweakreg_steps.fits_files.header_cards import Cards
from tweakreg_steps.fits_files.sizes import check_image_size

_LONGITUDE = re.compile(r"^(RA--|[A-Z]LON|[A-Z]{2}LN)")
_LATITUDE = re.compile(r"^(DEC-|[A-Z]LAT|[A-Z]{2}LT)")
_SELECTION = re.compile(r"^\s*(?:(?P<index>\d+)|(?P<name>[^,\s]+)(?:\s*,\s*(?P<version>\d+))?)\s*$")
_AUXILIARY = frozenset({"WHT", "CTX", "ERR", "DQ", "WCSDVARR", "D2IMARR", "SAMP", "TIME"})
_HST_INSTRUMENTS = frozenset({"ACS", "NICMOS", "STIS", "WFC3", "WFPC2"})


@dataclass(frozen=True)
class Chip:
    """One image of an exposure.

    Attributes
    ----------
    number : int
        From 1, in the order of ``SCI,n``.
    extension : int
        Index of the HDU in the file, 0 = primary.
    label : str
        How messages call it: ``SCI,1``, ``PRIMARY``, or ``extension 4`` where another one of the
        file has the same name and version.
    shape : tuple of int
        (ny, nx) in pixels.
    """

    number: int
    extension: int
    label: str
    shape: tuple[int, int]


def list_chips(path: Path, selection: str | None) -> tuple[Chip, ...]:
    """Find the chips of an exposure, without reading pixels.

    Parameters
    ----------
    path : Path
        The file.
    selection : str or None
        ``sci,1`` (EXTNAME and EXTVER) or ``1`` (index of the HDU) for one image; None for all.

    Raises
    ------
    InputError
        Missing, unreadable or truncated file, no image, no celestial WCS.
    """
    return find_chips(path, selection, scan_hdus(path))


def find_chips(path: Path, selection: str | None, hdus: Sequence[Hdu]) -> tuple[Chip, ...]:
    """Find the chips in the layout of a file; else as `list_chips`.

    Parameters
    ----------
    path : Path
        The file, for messages.
    selection : str or None
        As for `list_chips`.
    hdus : sequence of Hdu
        The layout of the file.
    """
    images = [hdu for hdu in hdus if image_shape(hdu) is not None]
    if not images:
        raise InputError(_explain_no_image(path, hdus))
    science = [hdu for hdu in images if hdu.name == "SCI" and hdu.index > 0]
    science.sort(key=lambda hdu: hdu.version)
    if selection is not None:
        chosen = [select_image(path, selection, hdus)]
    elif science:
        chosen = science
    else:
        chosen = [_only_image(path, images)]
    for hdu in chosen:
        _require_celestial(path, hdu)
        shape = image_shape(hdu)
        if shape is not None:
            check_image_size(f"{path}: {_label(hdu)}", hdu.values, shape)
    return tuple(_make_chip(hdu, science, hdus) for hdu in chosen)


def is_selected(chip: Chip, selection: str) -> bool:
    """Tell whether a selection, ``sci,1`` or ``1``, means a chip."""
    match = _SELECTION.match(selection)
    if match is None:
        return False
    if match["index"] is not None:
        return chip.extension == int(match["index"])
    name = match["name"].upper()
    return chip.label in (name, f"{name},{match['version'] or 1}")


def image_shape(hdu: Hdu) -> tuple[int, int] | None:
    """Return (ny, nx) of a two-dimensional image, None for every other HDU.

    Further axes of length one are allowed.
    """
    prefix = "Z" if hdu.values.get("ZIMAGE") is True else ""
    if hdu.values.get("XTENSION", "IMAGE") != "IMAGE" and not prefix:
        return None
    axes = [
        int(hdu.values[f"{prefix}NAXIS{i + 1}"]) for i in range(int(hdu.values[f"{prefix}NAXIS"]))
    ]
    if len(axes) < 2 or min(axes) < 1 or max(axes[2:], default=1) > 1:  # noqa: PLR2004  x and y
        return None
    return axes[1], axes[0]


def _explain_no_image(path: Path, hdus: Sequence[Hdu]) -> str:
    """Say why a file has no image that can be used."""
    axes = hdus[0].values.get("NAXIS", 0)
    if isinstance(axes, int) and axes > 2:  # noqa: PLR2004  x and y
        return (
            f"{path}: PRIMARY holds a cube of {axes} axes, not an image; give two-dimensional "
            "images (a waivered HST file: convert it with stsci.tools.convertwaiveredfits)"
        )
    return f"{path}: holds no two-dimensional image; give another file"


def select_image(path: Path, selection: str, hdus: Sequence[Hdu]) -> Hdu:
    """Find the image that a selection (``sci,1`` or ``1``) names.

    Raises
    ------
    InputError
        The selection is none, or names no two-dimensional image.
    """
    match = _SELECTION.match(selection)
    if match is None:
        raise InputError(
            f"{path}[{selection}]: is not a selection; write [sci,1] (name, version) or [1] (index)"
        )
    if match["index"] is not None:
        found = [hdu for hdu in hdus if hdu.index == int(match["index"])]
    else:
        name, version = match["name"].upper(), int(match["version"] or 1)
        found = [hdu for hdu in hdus if (_name(hdu), hdu.version) == (name, version)]
    if len(found) > 1:
        indices = " or ".join(f"[{hdu.index}]" for hdu in found)
        raise InputError(
            f"{path}[{selection}]: {len(found)} extensions have this name and version; choose one "
            f"by its index, {indices}"
        )
    if not found:
        known = "; ".join(f"{hdu.index}: {_label(hdu)}" for hdu in hdus)
        raise InputError(f"{path}[{selection}]: no such extension; the file holds {known}")
    if image_shape(found[0]) is None:
        raise InputError(
            f"{path}[{selection}]: is not a two-dimensional image; choose another extension"
        )
    return found[0]


def _only_image(path: Path, images: Sequence[Hdu]) -> Hdu:
    """Return the one image of a file without SCI extensions."""
    plain = [hdu for hdu in images if hdu.name not in _AUXILIARY] or list(images)
    celestial = [hdu for hdu in plain if _is_celestial(hdu)] or plain
    if len(celestial) > 1:
        known = ", ".join(_label(hdu) for hdu in celestial)
        raise InputError(
            f"{path}: holds several images and none is called SCI ({known}); choose one, "
            f"such as {path.name}[{celestial[0].index}]"
        )
    return celestial[0]


def _name(hdu: Hdu) -> str:
    """Return the name by which a selection finds an HDU."""
    return hdu.name or ("PRIMARY" if hdu.index == 0 else "")


def _label(hdu: Hdu) -> str:
    """Return how messages call an HDU."""
    if hdu.index == 0:
        return "PRIMARY"
    return f"{hdu.name},{hdu.version}" if hdu.name else f"extension {hdu.index}"


def _make_chip(hdu: Hdu, science: Sequence[Hdu], hdus: Sequence[Hdu]) -> Chip:
    """Describe one chip; its number is its rank among the SCI extensions."""
    shape = image_shape(hdu)
    assert shape is not None  # noqa: S101  chosen among images
    number = science.index(hdu) + 1 if hdu in science else 1
    is_only_one = sum(_label(other) == _label(hdu) for other in hdus) == 1
    label = _label(hdu) if is_only_one else f"extension {hdu.index}"
    return Chip(number=number, extension=hdu.index, label=label, shape=shape)


def _is_celestial(hdu: Hdu) -> bool:
    """Tell whether the first two axes are celestial."""
    first, second = (str(hdu.values.get(key, "")).upper() for key in ("CTYPE1", "CTYPE2"))
    return bool(
        (_LONGITUDE.match(first) and _LATITUDE.match(second))
        or (_LATITUDE.match(first) and _LONGITUDE.match(second))
    )


def _require_celestial(path: Path, hdu: Hdu) -> None:
    """Refuse an image whose axes are not on the sky."""
    if not _is_celestial(hdu):
        kinds = " and ".join(repr(hdu.values.get(key)) for key in ("CTYPE1", "CTYPE2"))
        raise InputError(
            f"{path}: {_label(hdu)} has no celestial WCS (CTYPE1 and CTYPE2 are {kinds}); "
            "solve the image first (for example with astrometry.net) or give another"
        )


def is_hst(primary: Cards) -> bool:
    """Tell from the primary header's values whether stwcs understands an exposure."""
    telescope, instrument = (str(primary.get(k, "")) for k in ("TELESCOP", "INSTRUME"))
    return telescope.strip().upper() == "HST" and instrument.strip().upper() in _HST_INSTRUMENTS


def holds_gwcs(hdus: Sequence[Hdu]) -> bool:
    """Tell whether a file has the WCS that its tools use in an ASDF extension, as JWST's do."""
    return any(hdu.name == "ASDF" for hdu in hdus)


def explain_gwcs(path: Path) -> str:
    """Say why no solution is written into such a file."""
    return (
        f"{path}: the WCS that JWST's and Roman's tools use lies in its ASDF extension (gwcs), of "
        "which the keywords in the header are a copy: a solution written into the header alone "
        "would be lost on the way. Align it with tweakwcs (JWSTWCSCorrector) or the tweakreg step "
        "of the jwst pipeline; here set update_header.updatehdr: false to measure the shifts, or "
        "use the image as refimage"
    )


def is_drizzled(primary: Cards) -> bool:
    """Tell from the primary header's values whether an HST image was made by drizzling others."""
    return not {"NDRIZIM", "D001DATA"}.isdisjoint(primary)
