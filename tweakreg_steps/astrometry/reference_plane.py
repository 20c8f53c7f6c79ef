"""The reference plane: one undistorted WCS on which all exposures are compared.

For HST it is what TweakReg uses, the output WCS that stwcs makes for all chips of all exposures, so
that shifts can be compared with TweakReg's. For other telescopes it is built by the same idea: the
mean pixel scale and the y axis of the first chip at its centre, centred on all footprints. A
reference image brings its own plane: its WCS as it is where that is undistorted.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.frames import from_icrs, radesys_of
from tweakreg_steps.astrometry.undistortion import (
    pixel_scale,
    pixels_to_sky,
    plane_to_sky,
    sky_to_plane,
)
from tweakreg_steps.atomic import atomic_path
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import Chip, is_hst
from tweakreg_steps.fits_files.exposure import header_of, make_wcs
from tweakreg_steps.fits_files.fits_blocks import scan_hdus
from tweakreg_steps.fits_files.opening import open_quietly

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

PlaneSource = tuple[Path, Sequence[Chip]]

log = logging.getLogger(__name__)

# A CD matrix is taken for orthogonal up to rounding of 32-bit numbers, as drizzlepac does.
_ORTHOGONAL = 50.0 * np.finfo(np.float32).eps
_EDGE_POINTS = 5
_CENTRINGS = 3
_USUAL_EQUINOXES = {("ICRS", 2000.0), ("FK5", 2000.0)}  # need not be said
_LONPOLE = 180.0  # where no header says otherwise
_STEP = 5.0  # px, half the step of the derivative at the chip's centre


def build_reference_plane(sources: Sequence[PlaneSource]) -> WCS:
    """Build the reference plane of exposures; no pixels are read.

    Parameters
    ----------
    sources : sequence of (Path, sequence of Chip)
        Exposures (or reference images) that the plane is to cover, each a file and its chips from
        `tweakreg_steps.fits_files.chips.list_chips`, in the recipe's order; the first chip of the
        first gives scale and orientation.

    Returns
    -------
    astropy.wcs.WCS
        Undistorted, `pixel_shape` set; equal to what `read_reference_plane` gives after
        `write_reference_plane`.

    Raises
    ------
    InputError
        A WCS cannot be used, or the exposures lie too far apart for one plane.
    """
    path, (first, *_) = sources[0]
    where = f"{path}: {first.label}"
    with open_quietly(path) as hdus:
        chip = make_wcs(header_of(hdus, first, where=where), hdus, where=where)
        by_stwcs = is_hst(scan_hdus(path)[0].values)
        hst = _read_hst_wcs(hdus, first.extension, where) if by_stwcs else None
    outlines = list(footprints(sources))
    try:
        if hst is None:
            plane, radesys = _orthogonal_plane(chip, outlines), "ICRS"
        else:
            own = [np.column_stack(from_icrs(chip, *edge.T)) for edge in outlines]
            plane, radesys = _hst_plane(hst, own), radesys_of(chip)
            plane.wcs.equinox = chip.wcs.equinox
    except (ValueError, RuntimeError, InputError) as error:
        raise InputError(
            f"{path} and the other inputs cannot be put on one plane "
            f"({' '.join(str(error).split())}); align distant fields with separate recipes"
        ) from error
    return _wcs_of(plane_header(plane, radesys=radesys))


def plane_of_image(path: Path, chip: Chip) -> WCS:
    """Return the plane that a reference image defines by its first chip; no pixels are read.

    Parameters
    ----------
    path : Path
        The reference image.
    chip : Chip
        Its first chip, or the one that was selected: as in TweakReg it stands for the image.

    Returns
    -------
    astropy.wcs.WCS
        The chip's own WCS, size included, where that is a tangent plane in right ascension and
        declination without distortion; else the undistorted plane of this chip alone
        (`build_reference_plane`).

    Raises
    ------
    InputError
        The WCS cannot be used.
    """
    with open_quietly(path) as hdus:
        where = f"{path}: {chip.label}"
        wcs = make_wcs(header_of(hdus, chip, where=where), hdus, where=where)
    if not _is_tangent_plane(wcs) or _is_distorted(wcs):
        return build_reference_plane([(path, [chip])])
    return _wcs_of(plane_header(wcs, radesys=radesys_of(wcs)))


def plane_center(plane: WCS) -> FloatArray:
    """Return the point about which fits turn: CRPIX, 1-based pixels, shape (2,)."""
    return np.array(plane.wcs.crpix, dtype=np.float64)


def plane_pixel_scale(plane: WCS) -> float:
    """Return the size of a plane's pixel in arcsec."""
    return pixel_scale(plane)


def footprints(sources: Iterable[PlaneSource]) -> Iterator[FloatArray]:
    """Yield for each chip its edge on the sky: corners first; ra, dec in ICRS, shape (n, 2)."""
    for path, chips in sources:
        with open_quietly(path) as hdus:
            for chip in chips:
                where = f"{path}: {chip.label}"
                wcs = make_wcs(header_of(hdus, chip, where=where), hdus, where=where)
                x, y = _edge(wcs)
                yield np.column_stack(pixels_to_sky(wcs, x, y, where=where))


def _edge(wcs: WCS) -> tuple[FloatArray, FloatArray]:
    """Return pixel positions along a chip's edge: the four corners, then points between them."""
    nx, ny = wcs.pixel_shape
    x, y = np.linspace(1.0, nx, _EDGE_POINTS), np.linspace(1.0, ny, _EDGE_POINTS)
    inner_x, inner_y = x[1:-1], y[1:-1]
    low, high = np.ones(_EDGE_POINTS - 2), np.full(_EDGE_POINTS - 2, 1.0)
    return (
        np.concatenate([[1, 1, nx, nx], inner_x, inner_x, low, high * nx]),
        np.concatenate([[1, ny, ny, 1], low, high * ny, inner_y, inner_y]),
    )


class _CornersOnly:
    """A chip as stwcs asks for it: nothing but its corners on the sky."""

    def __init__(self, footprint: FloatArray) -> None:
        self._corners = footprint[:4]

    def calc_footprint(self) -> FloatArray:
        """Return ra, dec of the corners, shape (4, 2)."""
        return self._corners


def _read_hst_wcs(hdus: Any, extension: int, where: str) -> Any:  # noqa: ANN401  HSTWCS
    """Read a chip with stwcs; None, with a warning, where stwcs cannot."""
    from stwcs.wcsutil import HSTWCS

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return HSTWCS(hdus, ext=extension)
    except Exception as error:  # noqa: BLE001  stwcs raises what Python raises
        log.warning(
            "%s: stwcs cannot read this HST header (%s); the reference plane is built from the WCS "
            "alone, its orientation may differ from TweakReg's",
            where,
            error,
        )
        return None


def _hst_plane(first: Any, footprints: Sequence[FloatArray]) -> WCS:  # noqa: ANN401  HSTWCS
    """Make the output WCS of stwcs; all is in the frame of the first chip, as for TweakReg."""
    import warnings

    from stwcs.distortion.utils import output_wcs

    chips = [first, *(_CornersOnly(footprint) for footprint in footprints[1:])]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # that IDCSCALE is computed where it is missing
        return output_wcs(chips, undistort=_is_distorted(first))


def _is_tangent_plane(wcs: WCS) -> bool:
    """Tell whether a WCS is a tangential projection of right ascension and declination."""
    axes = [str(axis) for axis in wcs.wcs.ctype]
    return [axis[:8] for axis in axes] == ["RA---TAN", "DEC--TAN"] and not wcs.wcs.get_pv()


def _is_distorted(wcs: WCS) -> bool:
    """Tell whether a chip needs undistorting: a lookup table, SIP or a matrix that shears."""
    tables = (wcs.sip, wcs.cpdis1, wcs.cpdis2, wcs.det2im1, wcs.det2im2)
    matrix = wcs.pixel_scale_matrix
    area = abs(np.linalg.det(matrix))
    sheared = np.abs(matrix @ matrix.T / area - np.eye(2)).max() >= _ORTHOGONAL
    return bool(sheared) or any(table is not None for table in tables)


def _orthogonal_plane(chip: WCS, footprints: Sequence[FloatArray]) -> WCS:
    """Build a plane from the first chip's own geometry.

    The axes of the chip are followed from its centre to the plane, so that the plane's y axis is
    the chip's there however far away the plane's own centre is, the poles included.
    """
    edge = np.concatenate(list(footprints))
    center = _mean_direction(edge)
    axes = _center_axes(chip)
    for _ in range(_CENTRINGS):
        plane = _make_plane(center, np.eye(2), np.zeros(2))
        plane = _make_plane(center, _orthogonal_matrix(axes, plane), np.zeros(2))
        x, y = sky_to_plane(plane, edge[:, 0], edge[:, 1], where="footprint")
        middle = (x.min() + x.max()) / 2.0, (y.min() + y.max()) / 2.0
        center = np.concatenate(plane_to_sky(plane, middle[0:1], middle[1:2]))
    shape = tuple(int(np.ceil(np.ptp(v))) + 1 for v in (x, y))
    plane = _make_plane(center, plane.wcs.cd, (np.asarray(shape) + 1.0) / 2.0)
    plane.pixel_shape = shape
    return plane


def _mean_direction(sky: FloatArray) -> FloatArray:
    """Return the ra, dec towards which the mean of unit vectors points."""
    ra, dec = np.radians(sky.T)
    x, y, z = np.mean([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    return np.degrees([np.arctan2(y, x) % (2.0 * np.pi), np.arctan2(z, np.hypot(x, y))])


def _center_axes(chip: WCS) -> tuple[FloatArray, FloatArray]:
    """Return ra and dec of points to the left, right, below and above of a chip's centre."""
    nx, ny = chip.pixel_shape
    x, y = (nx + 1) / 2.0, (ny + 1) / 2.0
    return pixels_to_sky(
        chip,
        [x - _STEP, x + _STEP, x, x],
        [y, y, y - _STEP, y + _STEP],
        where="the centre of the first chip",
    )


def _orthogonal_matrix(axes: tuple[FloatArray, FloatArray], plane: WCS) -> FloatArray:
    """Return the square matrix (deg/px) with the chip's pixel area, y axis and handedness."""
    x, y = sky_to_plane(plane, *axes, where="the centre of the first chip")
    # the area is that on the chip's own tangent plane: on a distant one it is stretched
    own = _make_plane(np.array([axes[0][2], axes[1][2]]), np.eye(2), np.zeros(2))
    u, v = sky_to_plane(own, *axes, where="the centre of the first chip")
    area = ((u[1] - u[0]) * (v[3] - v[2]) - (u[3] - u[2]) * (v[1] - v[0])) / (2.0 * _STEP) ** 2
    angle = np.arctan2(x[3] - x[2], y[3] - y[2])
    hand = np.sign(area)
    sine, cosine = np.sin(angle), np.cos(angle)
    matrix: FloatArray = np.sqrt(abs(area)) * np.array(
        [[hand * cosine, sine], [-hand * sine, cosine]]
    )
    return matrix


def _make_plane(crval: FloatArray, matrix: FloatArray, crpix: FloatArray) -> WCS:
    """Make a tangential WCS."""
    from astropy.wcs import WCS

    plane = WCS(naxis=2)
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.crval = crval
    plane.wcs.crpix = crpix
    plane.wcs.cd = matrix
    plane.wcs.set()
    return plane


def plane_header(plane: WCS, *, radesys: str) -> Header:
    """Write a plane as the header of an image extension without pixels.

    The cards are those by which AstroDrizzle finds the plane in a ``shifts_wcs.fits[wcs]``.
    """
    from astropy.io.fits import Header

    matrix = plane.pixel_scale_matrix
    header = Header()
    header["WCSAXES"] = (2, "number of coordinate axes")
    for i in (1, 2):
        header[f"CRPIX{i}"] = (float(plane.wcs.crpix[i - 1]), "[px] reference point, 1-based")
        header[f"CTYPE{i}"] = (plane.wcs.ctype[i - 1][:8], "axis and projection")
        header[f"CRVAL{i}"] = (float(plane.wcs.crval[i - 1]), "[deg] reference point")
        header[f"CUNIT{i}"] = ("deg", "unit of the axis")
        for j in (1, 2):
            header[f"CD{i}_{j}"] = (float(matrix[i - 1, j - 1]), "[deg/px] matrix")
    header["RADESYS"] = (radesys, "celestial frame")
    if np.isfinite(plane.wcs.equinox) and (radesys, plane.wcs.equinox) not in _USUAL_EQUINOXES:
        header["EQUINOX"] = (float(plane.wcs.equinox), "[a] equinox of the frame")
    if plane.wcs.lonpole != _LONPOLE:
        header["LONPOLE"] = (float(plane.wcs.lonpole), "[deg] native longitude of the pole")
    if plane.wcs.name:
        header["WCSNAME"] = (plane.wcs.name, "WCS of the first input")
    header["EXTNAME"] = "WCS"
    header["EXTVER"] = 1
    header["NPIX1"] = (int(plane.pixel_shape[0]), "[px] size in x")
    header["NPIX2"] = (int(plane.pixel_shape[1]), "[px] size in y")
    header["PIXVALUE"] = (0.0, "value of all pixels")
    angle = float(np.degrees(np.arctan2(matrix[0, 1], matrix[1, 1])))
    header["ORIENTAT"] = (angle, "[deg] position angle of the y axis, E of N")
    return header


def write_reference_plane(plane: WCS, path: Path, *, history: Sequence[str]) -> None:
    """Write a plane to a FITS file, as the image extension ``WCS`` without pixels.

    `history` are lines for the HISTORY of the primary header.
    """
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    for line in history:
        primary.header.add_history(line)

    image = fits.ImageHDU(header=plane_header(plane, radesys=radesys_of(plane)))
    with atomic_path(path) as temporary:
        fits.HDUList([primary, image]).writeto(temporary)


def read_reference_plane(path: Path) -> WCS:
    """Read a plane that `write_reference_plane` wrote.

    Raises
    ------
    InputError
        The file holds no such plane.
    """
    try:
        with open_quietly(path) as hdus:
            return _wcs_of(hdus["WCS"].header)
    except (OSError, KeyError) as error:
        raise InputError(
            f"{path}: is not a reference plane ({error}); remove it and run again"
        ) from error


def _wcs_of(header: Header) -> WCS:
    """Build a plane from its header."""
    from astropy.wcs import WCS

    plane = WCS(header, naxis=2)
    plane.wcs.set()
    plane.pixel_shape = (header["NPIX1"], header["NPIX2"])
    return plane
