"""PSF files: the STDPSF library, single images, and what this program has built.

- ``PSFSTD_<camera>_<filter>.fits`` of the library (Anderson 2016, ISR WFC3 2016-12), read as
  `photutils.psf` reads it: a grid for one detector or for several;
- one image of an effective PSF, with its oversampling in OVERSAMP;
- a built PSF: an extension ``PSF`` for each detector, with the library's cards and OVERSAMP.
"""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.atomic import atomic_path
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.header_cards import CardValue, Commented
from tweakreg_steps.psf.psf_camera import DETECTOR_SIZES, Setup
from tweakreg_steps.psf.psf_grid import PsfGrid
from tweakreg_steps.psf.psf_origin import DETECTORS, Origin, origin_of, reach_of
from tweakreg_steps.psf.psf_tidying import find_middles

if TYPE_CHECKING:
    from astropy.io.fits import Header


LEAST_SIDE = 5.0
"""Pixels on a side that an image of a PSF must cover for the fit of its core."""

MOST_OFF = 0.25
"""Pixels by which the star may be beside the middle of an image: definitions of a PSF's middle
differ by hundredths."""

MOST_BEYOND = 1.1
"""How far an image may reach beyond the last nodes of a grid, and these beyond its detector: over
borders that some tables leave out, and none of another camera."""

ERROR = "PSFERR"
"""Card of a built PSF, with the number of the detector behind it: what it adds to errors."""

UNKNOWN_REACH = (math.nan, math.nan)
_OVERSAMPLING = ("OVERSAMP", "OVERSAMPLING", "OVSAMP", "OSAMP")


@dataclass(frozen=True)
class PsfFile:
    """What a PSF file says of itself.

    Attributes
    ----------
    path
        The file.
    kind
        ``stdpsf``, ``image`` or ``built``.
    origin
        The camera and filter that it is of.
    detectors
        Numbers of the detectors that it holds PSFs of; empty where it is the same for all.
    reach
        Last column and row of a detector that has a node of the grid; nan where that says nothing.
    errors
        By detector, what the PSF adds to the standard error of a position, pixels along one axis;
        only what this program has built tells it.
    """

    path: Path
    kind: Literal["stdpsf", "image", "built"]
    origin: Origin
    detectors: tuple[int, ...]
    reach: tuple[float, float]
    errors: Mapping[int, float]

    def error_of(self, detector: int) -> float:
        """Give what the PSF of a detector adds to the error of a position, 0 where not known."""
        return self.errors.get(detector, 0.0)


def describe_psf_file(path: Path) -> PsfFile:
    """Find out what kind of PSF a file holds, and of what.

    Raises
    ------
    InputError
        It is missing, no FITS file, or holds no PSF; a single image is read, and cannot be used.
    """
    with _open(path) as hdus:
        headers = [hdu.header for hdu in hdus]
        _require_whole(path, hdus)
    first = headers[0]
    built = [h for h in headers if h.get("EXTNAME") == "PSF" and "DETNUM" in h]
    if built:
        numbers = tuple(_whole(path, h, "DETNUM", "that of a detector") for h in built)
        errors = _errors(path, first, numbers)
        return PsfFile(path, "built", _cards(first), numbers, UNKNOWN_REACH, errors)
    if all(key in first for key in ("NXPSFS", "NYPSFS", "NAXIS3")):
        number = math.prod(DETECTORS.get(int(first["NAXIS3"]), (1,)))
        detectors = tuple(range(1, number + 1)) if number > 1 else ()
        comments = "\n".join(map(str, first.get("COMMENT", ())))
        origin = origin_of(path, first, comments)
        return PsfFile(path, "stdpsf", origin, detectors, reach_of(first), {})
    image = _only_image(path, headers)
    _single(path)
    return PsfFile(path, "image", _cards(image), (), UNKNOWN_REACH, {})


def _cards(header: Header) -> Origin:
    """Read CAMERA and FILTER."""
    camera, name = (str(header.get(key, "")).strip().upper() for key in ("CAMERA", "FILTER"))
    return Origin(camera, name, "header")


def find_mismatches(psf: PsfFile, setup: Setup, shape: tuple[int, int], label: str) -> list[str]:
    """Say how a PSF file does not fit an exposure; what neither tells is no mismatch.

    Parameters
    ----------
    psf
        The file.
    setup
        Of a chip of the exposure.
    shape
        (ny, nx) of the chip.
    label
        The chip's name, for messages.
    """
    found, origin = [], psf.origin
    pairs = (("camera", origin.camera, setup.camera), ("filter", origin.filter, setup.filter))
    for what, theirs, ours in pairs:
        same = theirs == ours or (what == "camera" and _covers(theirs, ours))
        if theirs and ours and not same:
            by_comment = origin.said_by == "COMMENT"
            as_said = ", as its COMMENT says," if by_comment else ","
            besides = f"; a card {what.upper()} in its header goes before" if by_comment else ""
            found.append(
                f"{psf.path}: is the PSF of {what} {theirs}{as_said} and {label} is of {what} "
                f"{ours}; give imagefindpars.psf the file for it, or build{besides}"
            )
    if not found and psf.detectors and setup.detector not in psf.detectors:
        found.append(
            f"{psf.path}: has no PSF of detector {setup.detector}, which {label} is of, only of "
            f"{', '.join(map(str, psf.detectors))}"
        )
    return found or _of_another_size(psf, setup, shape, label)


def _of_another_size(psf: PsfFile, setup: Setup, shape: tuple[int, int], label: str) -> list[str]:
    """Say where the nodes of a grid cannot be those of the detector of an image."""
    ends = (setup.offset_x + shape[1], setup.offset_y + shape[0])
    sizes = DETECTOR_SIZES.get(setup.camera, (math.inf, math.inf))
    for what, reach, end, size in zip(("column", "row"), psf.reach, ends, sizes, strict=True):
        if reach > MOST_BEYOND * size or end > MOST_BEYOND * reach:
            other = f"the detector has {size}" if reach > size else f"the image ends at {end:g}"
            text = (
                f"{psf.path}: is the PSF of another detector than {label} is of: its last node is "
                f"at {what} {reach:g}, and {other}; give imagefindpars.psf the file for it"
            )
            return [text]
    return []


def _covers(theirs: str, ours: str) -> bool:
    """Tell whether one file holds a camera's short-wave detectors together."""
    return theirs == "NRCSW" and ours.startswith("NRC") and ours[3:] not in {"AL", "BL"}


def read_psf(psf: PsfFile, setup: Setup) -> PsfGrid:
    """Read the PSF of a chip.

    Parameters
    ----------
    psf
        The file.
    setup
        Of the chip: which detector, and how a subarray lies on it.

    Raises
    ------
    InputError
        The file cannot be used.
    """
    grid = {"stdpsf": _read_library, "image": _read_image, "built": _read_built}[psf.kind](
        psf, setup
    )
    _require_usable(psf.path, grid)
    return grid.seen_from((setup.offset_x, setup.offset_y))


def write_psf(
    path: Path,
    psfs: Mapping[int, PsfGrid],
    cards: Mapping[str, CardValue | Commented],
    *,
    history: Sequence[str],
) -> None:
    """Write built PSFs, an extension for each detector.

    Parameters
    ----------
    path
        The file.
    psfs
        By number of the detector.
    cards
        Of the primary header: CAMERA, FILTER, and what else is to be known.
    history
        Lines for its HISTORY.
    """
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    for key, value in cards.items():
        primary.header[key] = value
    for line in history:
        primary.header.add_history(line)
    hdus = fits.HDUList([primary])
    for detector in sorted(psfs):
        psf = psfs[detector]
        size = psf.images.shape[-1]
        hdu = fits.ImageHDU(psf.images.reshape(-1, size, size).astype(np.float32), name="PSF")
        hdu.header["EXTVER"] = detector
        hdu.header["DETNUM"] = (detector, "detector, as the STDPSF library counts")
        hdu.header["OVERSAMP"] = (psf.oversampling, "samples a pixel")
        hdu.header["NXPSFS"], hdu.header["NYPSFS"] = len(psf.x_nodes), len(psf.y_nodes)
        for key, nodes in (("IPSFX", psf.x_nodes), ("JPSFY", psf.y_nodes)):
            for i, place in enumerate(nodes, start=1):
                hdu.header[f"{key}{i:02d}"] = (float(place), "FITS pixel")
        hdus.append(hdu)
    with atomic_path(path) as temporary:
        hdus.writeto(temporary, output_verify="exception", overwrite=True)


def _read_library(psf: PsfFile, setup: Setup) -> PsfGrid:
    """Read a grid of the library through photutils; its places are 0-based."""
    from photutils.psf import GriddedPSFModel

    detector = setup.detector if psf.detectors else None
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # on cards that its header has in lower case
        try:
            # from the name that it has, photutils would conclude on a detector, and may not know it
            nameless = Path(folder) / "stdpsf.fits"
            nameless.symlink_to(psf.path.resolve())
            model = GriddedPSFModel.read(nameless, format="stdpsf", detector_id=detector)
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise InputError(f"{psf.path}: cannot be read as a PSF grid: {error}") from error
    places = np.asarray(model.grid_xypos, dtype=np.float64) + 1.0
    x_nodes, y_nodes = np.unique(places[:, 0]), np.unique(places[:, 1])
    # the outermost samples of some are -0.1, a frame for the eye
    images = np.asarray(model.data, dtype=np.float64)[:, 1:-1, 1:-1]
    order = np.lexsort([places[:, 0], places[:, 1]])
    shape = (len(y_nodes), len(x_nodes), *images.shape[1:])
    return PsfGrid(images[order].reshape(shape), x_nodes, y_nodes, int(model.oversampling[0]))


def _read_image(psf: PsfFile, setup: Setup) -> PsfGrid:  # noqa: ARG001 - one signature
    """Read one image that holds everywhere."""
    return _single(psf.path)


def _single(path: Path) -> PsfGrid:
    """Read one image; its sum becomes one star, which has to be in its middle."""
    with _open(path) as hdus:
        header = _only_image(path, [hdu.header for hdu in hdus])
        data = next(hdu.data for hdu in hdus if hdu.header is header).squeeze().astype(np.float64)
    oversampling = _oversampling(path, header)
    _require_finite(path, data)
    total = data.sum() / oversampling**2
    if not total > 0.0:
        raise InputError(f"{path}: the sum of the image is {data.sum():g}, and must be positive")
    grid = PsfGrid((data / total)[None, None], np.ones(1), np.ones(1), oversampling)
    _require_usable(path, grid)
    x, y = find_middles(grid)[0, 0]
    if max(abs(x), abs(y)) > MOST_OFF:
        raise InputError(
            f"{path}: the star is {x:.2f}, {y:.2f} pixels beside the middle of the image, by which "
            "all positions would be off; move it there"
        )
    return grid


def _read_built(psf: PsfFile, setup: Setup) -> PsfGrid:
    """Read the extension of a detector."""
    with _open(psf.path) as hdus:
        hdu = next(hdu for hdu in hdus if hdu.header.get("DETNUM") == setup.detector)
        header, data = hdu.header.copy(), hdu.data.astype(np.float64)
    n_x, n_y = int(header["NXPSFS"]), int(header["NYPSFS"])
    return PsfGrid(
        data.reshape(n_y, n_x, *data.shape[1:]),
        np.array([float(header[f"IPSFX{i:02d}"]) for i in range(1, n_x + 1)]),
        np.array([float(header[f"JPSFY{i:02d}"]) for i in range(1, n_y + 1)]),
        int(header["OVERSAMP"]),
    )


def _open(path: Path) -> Any:  # noqa: ANN401 - astropy has no types
    """Open a file; those of the library may lack the end of their last block."""
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return fits.open(path, ignore_missing_end=True)
        except OSError as error:
            raise InputError(f"{path}: cannot be read as a PSF: {error}") from error


def _require_whole(path: Path, hdus: Any) -> None:  # noqa: ANN401 - astropy has no types
    """Refuse a file that ends before its pixels do; the end of their last block may be missing."""
    length = path.stat().st_size
    for hdu in hdus:
        header = hdu.header
        if "NAXIS" not in header or "BITPIX" not in header:
            continue  # what stands behind the last block of some of the library's files
        sizes = [int(header[f"NAXIS{i}"]) for i in range(1, int(header["NAXIS"]) + 1)]
        ends = hdu.fileinfo()["datLoc"] + bool(sizes) * abs(header["BITPIX"]) // 8 * math.prod(
            sizes
        )
        if ends > length:
            raise InputError(
                f"{path}: has {length} bytes, and its header promises {ends}; fetch the file again"
            )


def _only_image(path: Path, headers: list[Header]) -> Header:
    """Find the only image of two axes longer than one."""
    images = [
        header
        for header in headers
        if header.get("NAXIS", 0) >= 2  # noqa: PLR2004  x and y
        and all(int(header[f"NAXIS{i}"]) == 1 for i in range(3, int(header["NAXIS"]) + 1))
    ]
    if len(images) != 1:
        raise InputError(
            f"{path}: holds no grid of the STDPSF library and {len(images)} images; a PSF is a "
            "PSFSTD file, or one image with its oversampling in OVERSAMP"
        )
    return images[0]


def _errors(path: Path, header: Header, detectors: Sequence[int]) -> dict[int, float]:
    """Read what a built PSF adds to errors, of the detectors that have it."""
    found = {d: header[f"{ERROR}{d}"] for d in detectors if f"{ERROR}{d}" in header}
    for detector, value in found.items():
        if not _is_number(value) or not 0.0 <= value <= 1.0:
            raise InputError(f"{path}: {ERROR}{detector} is {value!r}; it is 0 to 1 pixels")
    return found


def _is_number(value: object) -> TypeGuard[float]:
    """Tell whether the value of a card is one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(path: Path, header: Header, key: str, what: str) -> int:
    """Read a card that holds a whole number, from 1."""
    value = header[key]
    if not _is_number(value) or value != int(value) or value < 1:
        raise InputError(f"{path}: {key} is {value!r}; it is a whole number from 1, {what}")
    return int(value)


def _oversampling(path: Path, header: Header) -> int:
    """Read the oversampling of an image."""
    for key in _OVERSAMPLING:
        if header.get(key) is not None:
            return _whole(path, header, key, "of samples a pixel")
    raise InputError(
        f"{path}: the header of the image does not tell its oversampling; write the number of its "
        "samples a pixel as OVERSAMP"
    )


def _require_usable(path: Path, grid: PsfGrid) -> None:
    """Refuse what no star can be fitted with."""
    if grid.images.shape[-1] != grid.images.shape[-2]:
        raise InputError(
            f"{path}: a PSF of {grid.images.shape[-1]}x{grid.images.shape[-2]} samples; "
            "it must be square, with the star in the middle"
        )
    _require_finite(path, grid.images)
    if 2.0 * grid.radius < LEAST_SIDE:
        raise InputError(
            f"{path}: the PSF covers {2.0 * grid.radius:g} pixels; a fit needs {LEAST_SIDE:g}"
        )


def _require_finite(path: Path, images: FloatArray) -> None:
    """Refuse samples without a value."""
    number = np.count_nonzero(~np.isfinite(images))
    if number:
        raise InputError(f"{path}: {number} samples of the PSF are not finite")
