"""Which camera, filter and detector an exposure is of, in the words of the PSF library.

The STDPSF library names its files ``PSFSTD_<camera>_<filter>.fits``: WFC3UV, WFC3IR, ACSWFC, ...
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.header_cards import Cards

_CAMERAS = {
    ("WFC3", "UVIS"): "WFC3UV",
    ("WFC3", "IR"): "WFC3IR",
    ("ACS", "WFC"): "ACSWFC",
    ("ACS", "HRC"): "ACSHRC",
    ("ACS", "SBC"): "ACSSBC",
}
DETECTOR_SIZES = {
    "WFC3UV": (4096, 2051),
    "WFC3IR": (1014, 1014),
    "ACSWFC": (4096, 2048),
    "ACSHRC": (1062, 1044),
    "ACSSBC": (1024, 1024),
    "WFPC2": (800, 800),
    "MIRI": (1032, 1024),
}
"""Columns and rows of one detector."""

_NIRCAM = {"NRCALONG": "NRCAL", "NRCBLONG": "NRCBL"}
_SHORT_WAVE = {f"NRC{module}{n}": n + 4 * (module == "B") for module in "AB" for n in range(1, 5)}
_STRANGE = re.compile(r"[^A-Z0-9+_-]")
_LONGEST = 100
"""Characters of a name."""
_OPEN = re.compile(r"^(CLEAR.*|N/A|NONE|)$")


@dataclass(frozen=True)
class Setup:
    """What a PSF depends on, and where on its detector an image lies.

    Attributes
    ----------
    camera
        ``WFC3UV``, ``ACSWFC``, ...; INSTRUME and DETECTOR joined for those the library does not
        have; '' where the header names none.
    filter
        ``F606W``; several joined by ``+``; '' where the header names none.
    detector
        The number that `photutils.psf.stdpsf_reader` gives the chip in a file for several of them
        (1 for the lower chip of WFC3/UVIS and ACS/WFC); the chip's own number, or 1, elsewhere.
    offset_x, offset_y
        Pixels of the detector left of and below the image: not 0 for a subarray.
    """

    camera: str
    filter: str
    detector: int
    offset_x: float
    offset_y: float


def setup_name(header: Cards) -> str:
    """Name camera and filter as one word, which a file can have as its name.

    Parameters
    ----------
    header
        As for `setup_of`.

    Returns
    -------
    str
        ``WFC3UV_F606W``; ``unknown`` where the header names neither.
    """
    words = [word for word in (_camera(header), _filter(header)) if word]
    return _STRANGE.sub("_", "_".join(words))[:_LONGEST] or "unknown"


def setup_of(header: Cards, label: str) -> Setup:
    """Read the setup of a chip from its header.

    Parameters
    ----------
    header
        Cards of the primary header and of the chip's, together.
    label
        The chip's name, for messages.

    Raises
    ------
    InputError
        The pixels are binned: no PSF is known for these.
    """
    camera = _camera(header)
    _require_unbinned(header, label)
    return Setup(
        camera=camera,
        filter=_filter(header),
        detector=_detector(header, camera, label),
        offset_x=-_number(header, "LTV1", 0.0, label),
        offset_y=-_number(header, "LTV2", 0.0, label),
    )


def camera_and_filter(header: Cards) -> tuple[str, str]:
    """Return `Setup.camera` and `Setup.filter` of any header, binned or not."""
    return _camera(header), _filter(header)


def _camera(header: Cards) -> str:
    """Name the camera as the library does."""
    instrument, detector = (
        str(header.get(key, "")).strip().upper() for key in ("INSTRUME", "DETECTOR")
    )
    if instrument == "NIRCAM":
        return _NIRCAM.get(detector, detector)
    return camera_of(instrument, detector)


def camera_of(instrument: str, detector: str) -> str:
    """Name a camera as the library does: ``WFC3UV`` for WFC3 and UVIS."""
    instrument, detector = instrument.upper(), detector.upper()
    if instrument in {"WFPC2", "NIRISS", "MIRI"}:
        return instrument
    return _CAMERAS.get((instrument, detector), f"{instrument}{detector}")


def _filter(header: Cards) -> str:
    """Name what is in the light's way."""
    for names in (("FILTER",), ("FILTER1", "FILTER2"), ("FILTNAM1", "FILTNAM2")):
        words = [str(header[name]).strip().upper() for name in names if name in header]
        filters = [word for word in words if not _OPEN.match(word)]
        if str(header.get("INSTRUME", "")).upper() in {"NIRCAM", "NIRISS"}:
            pupil = str(header.get("PUPIL", "")).strip().upper()
            filters += [pupil] if pupil.startswith("F") else []
        if filters:
            return "+".join(filters)
    return ""


def _detector(header: Cards, camera: str, label: str) -> int:
    """Return the number of the chip."""
    if camera in {"WFC3UV", "ACSWFC"}:
        return 3 - int(_number(header, "CCDCHIP", 2.0, label))
    if camera == "WFPC2":
        return int(_number(header, "DETECTOR", 1.0, label))
    if camera in _SHORT_WAVE:
        return _SHORT_WAVE[camera]
    return int(_number(header, "CCDCHIP", 1.0, label))


def _number(header: Cards, key: str, default: float, label: str) -> float:
    """Return the number of a card; its default where it is not there."""
    value = header.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{label}: {key} is {value!r} and must be a number; correct the header")
    return float(value)


def _require_unbinned(header: Cards, label: str) -> None:
    """Refuse pixels that are larger than the detector's."""
    for key in ("LTM1_1", "LTM2_2"):
        if abs(_number(header, key, 1.0, label) - 1.0) > 1e-6:  # noqa: PLR2004  a rounded card
            raise InputError(
                f"{label}: {key} is {header[key]}: the pixels are binned, and a PSF of the "
                "detector's own does not hold for them; use centroid: daofind"
            )
