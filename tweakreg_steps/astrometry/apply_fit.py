r"""Moving the WCS of a chip by a fit, and proof that the header says what the fit says.

A fit lives on the reference plane: :math:`(q - c) = M (p - c) + s` leads from a reference position
p to where the image's present header puts the same source, q. So a pixel whose present sky position
falls on q belongs at :math:`p = c + M^{-1}(q - c - s)`. The map from present to wanted sky position
is the same for all chips of an exposure, which therefore move as one rigid body.

A header maps pixels by distortion, matrix and projection. Seen in the flat coordinates of the
chip's own projection about the moved reference point, the wanted map is linear to second order of
the angles involved. Its linear part J, by least squares over the chip, goes into the matrix, or,
where the distortion follows the matrix (TPV), into the polynomial's coefficients.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.frames import radesys_of
from tweakreg_steps.astrometry.plane_fit import LinearMap, to_reference
from tweakreg_steps.astrometry.undistortion import (
    pixels_to_sky,
    plane_to_sky,
    separation,
    sky_to_plane,
)
from tweakreg_steps.errors import InputError, NotAlignedError, Reason
from tweakreg_steps.fits_files.wcs_cards import core_wcs_header, has_polynomial

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

Cards = dict[str, float | str | None]

TOLERANCE = 0.05
"""Largest deviation of a written WCS from the fit, in mas; the project promises alignments to
that."""

_FIT_GRID, _CHECK_GRID = 25, 34  # the check looks between the points of the fit
_ROUNDS = 8
_SETTLED = 1.0e-13  # deg, 4e-7 mas
_POLE = 90.0  # deg
_ZENITHAL = frozenset({"AZP", "SZP", "TAN", "STG", "SIN", "ARC", "ZPN", "ZEA", "AIR"})
_TPV_DEGREES = ((1, 2), (4, 6), (7, 10), (12, 16), (17, 22), (24, 30), (31, 38))


@dataclass(frozen=True)
class MovedWcs:
    """The WCS of a chip after the fit.

    Attributes
    ----------
    cards : mapping
        Values of the header cards to set, in degrees; None for a card to remove.
    wcs : astropy.wcs.WCS
        What those cards mean, with the chip's distortions.
    deviation : float
        Largest distance from the wanted sky position over the chip, mas.
    """

    cards: Mapping[str, float | str | None]
    wcs: WCS
    deviation: float


def wanted_sky(
    ra: FloatArray, dec: FloatArray, *, plane: WCS, fit: LinearMap, where: str
) -> tuple[FloatArray, FloatArray]:
    """Return where a fit puts sky positions of an image's present header (degrees).

    Raises
    ------
    NotAlignedError
        The matrix of the fit is singular.
    InputError
        A position cannot be projected on the plane.
    """
    present = np.column_stack(sky_to_plane(plane, ra, dec, where=where))
    try:
        wanted = to_reference(fit, present)
    except np.linalg.LinAlgError as error:
        raise NotAlignedError(
            Reason.SINGULAR_FIT, f"{where}: the fit's matrix {fit.matrix!r} cannot be inverted"
        ) from error
    return plane_to_sky(plane, *wanted.T)


def move_wcs(header: Header, wcs: WCS, *, plane: WCS, fit: LinearMap, where: str) -> MovedWcs:
    """Move the WCS of a chip by a fit.

    Exact but for rounding where the header can say it: any rotation, shift and scale of zenithal
    projections with or without SIP and lookup tables, every linear map of a TPV polynomial.
    Otherwise the nearest WCS in the least squares sense.

    Parameters
    ----------
    header : Header
        Header of the chip as an image, from `tweakreg_steps.fits_files.exposure.read_header`.
    wcs : astropy.wcs.WCS
        The same as a WCS, `pixel_shape` set.
    plane : astropy.wcs.WCS
        The reference plane.
    fit : LinearMap
        The fit on that plane.
    where : str
        File and chip, for messages.

    Returns
    -------
    MovedWcs
        SIP coefficients, lookup tables and CRPIX are those of the header, but for projections that
        are not zenithal: there CRPIX moves instead of CRVAL.

    Raises
    ------
    NotAlignedError
        ``wcs_not_representable``: the header would deviate by more than `TOLERANCE`;
        ``singular_fit``.
    """
    core = core_wcs_header(header)
    x, y = _grid(wcs, _FIT_GRID)
    present = pixels_to_sky(wcs, x, y, where=where)
    wanted = wanted_sky(*present, plane=plane, fit=fit, where=where)
    try:
        if wcs.wcs.ctype[0][5:8] in _ZENITHAL:
            cards = _move_zenithal(core, wcs, present, wanted)
        else:
            cards = _move_flat(core, wcs, present, wanted)
        moved = _with_cards(core, wcs, cards)
    except (ValueError, RuntimeError, ArithmeticError, np.linalg.LinAlgError) as error:
        raise NotAlignedError(
            Reason.WCS_NOT_REPRESENTABLE, f"{where}: {' '.join(str(error).split())}"
        ) from error
    deviation = _deviation(wcs, moved, plane, fit, where)
    if not deviation <= TOLERANCE:
        raise NotAlignedError(
            Reason.WCS_NOT_REPRESENTABLE,
            f"{where}: the best {wcs.wcs.ctype[0]} header deviates from the fit by "
            f"{deviation:.3g} mas ({TOLERANCE} allowed); use a simpler fitgeometry",
        )
    return MovedWcs(cards=cards, wcs=moved, deviation=deviation)


def _grid(wcs: WCS, number: int) -> tuple[FloatArray, FloatArray]:
    """Return 1-based pixel positions over a chip, its outer edges included."""
    nx, ny = wcs.pixel_shape
    x, y = np.meshgrid(np.linspace(0.5, nx + 0.5, number), np.linspace(0.5, ny + 0.5, number))
    return x.ravel(), y.ravel()


def _deviation(wcs: WCS, moved: WCS, plane: WCS, fit: LinearMap, where: str) -> float:
    """Return the largest distance between what a moved WCS says and what the fit wants, mas."""
    x, y = _grid(wcs, _CHECK_GRID)
    wanted = wanted_sky(*pixels_to_sky(wcs, x, y, where=where), plane=plane, fit=fit, where=where)
    try:
        return float(separation(*pixels_to_sky(moved, x, y, where=where), *wanted).max())
    except InputError:
        return float("inf")


def _move_zenithal(
    core: Header,
    wcs: WCS,
    present: tuple[FloatArray, FloatArray],
    wanted: tuple[FloatArray, FloatArray],
) -> Cards:
    """Move CRVAL and find the linear map that is left; write it as matrix or polynomial."""
    parameters = wcs.wcs.get_pv()
    flat = _flat(_projection(core, wcs, wcs.wcs.crval, parameters), present)
    crval = np.asarray(wcs.wcs.crval, dtype=np.float64)
    scale = 1.0
    for _ in range(_ROUNDS):
        scaled = _scale_radial(wcs, parameters, scale)
        projection = _projection(core, wcs, crval, scaled)
        linear, offset = _fit_affine(flat, _flat(projection, wanted))
        if np.abs(offset).max() < _SETTLED:
            break
        crval = np.asarray(projection.wcs_pix2world([offset], 1)[0], dtype=np.float64)
        scale = float(np.sqrt(abs(np.linalg.det(linear))))
    cards: Cards = {f"CRVAL{i + 1}": float(crval[i]) for i in range(2)}
    if "LONPOLE" not in core and wcs.wcs.lonpole != _default_lonpole(crval[wcs.wcs.lat]):
        cards["LONPOLE"] = float(wcs.wcs.lonpole)
    if has_polynomial(core):
        cards |= _turn_polynomial(core, linear)
        return cards | _matrix_cards(core, wcs, wcs.pixel_scale_matrix)
    if wcs.wcs.ctype[0][5:8] == "ZPN":
        cards |= {f"PV{i}_{m}": value for i, m, value in scaled}
    return cards | _matrix_cards(core, wcs, linear @ wcs.pixel_scale_matrix)


def _default_lonpole(latitude: float) -> float:
    """Return LONPOLE of a zenithal projection that gives none (FITS WCS paper II, section 2.2)."""
    return 0.0 if latitude >= _POLE else 180.0


def _move_flat(
    core: Header,
    wcs: WCS,
    present: tuple[FloatArray, FloatArray],
    wanted: tuple[FloatArray, FloatArray],
) -> Cards:
    """Keep CRVAL, which fixes the poles of other projections, and move CRPIX and the matrix."""
    projection = _projection(core, wcs, wcs.wcs.crval, wcs.wcs.get_pv())
    linear, offset = _fit_affine(_flat(projection, present), _flat(projection, wanted))
    matrix = linear @ wcs.pixel_scale_matrix
    crpix = wcs.wcs.crpix - np.linalg.solve(matrix, offset)
    cards: Cards = {f"CRPIX{i + 1}": float(crpix[i]) for i in range(2)}
    if wcs.wcs.cunit[0] != core.get("CUNIT1", "deg"):
        cards |= {f"CRVAL{i + 1}": float(wcs.wcs.crval[i]) for i in range(2)}
    return cards | _matrix_cards(core, wcs, matrix)


def _projection(core: Header, wcs: WCS, crval: FloatArray, parameters: list[Any]) -> WCS:
    """Return the projection of a chip about a reference point, its pixels being degrees."""
    from astropy.wcs import WCS

    # set one by one: a header would have to be written and read, which takes thirty times as long
    projection = WCS(naxis=2)
    of = projection.wcs
    of.ctype = [kind[:8] for kind in wcs.wcs.ctype]
    of.cunit = ["deg", "deg"]
    of.crval = crval
    of.crpix = [0.0, 0.0]
    of.cdelt = [1.0, 1.0]
    of.lonpole = wcs.wcs.lonpole
    if "LATPOLE" in core:
        of.latpole = core["LATPOLE"]
    if wcs.wcs.lngtyp == "RA":
        of.radesys = radesys_of(wcs)
    if np.isfinite(wcs.wcs.equinox):
        of.equinox = float(wcs.wcs.equinox)
    of.set_pv(parameters)
    of.set()
    return projection


def _make_core(header: Header) -> WCS:
    """Build a WCS without distortions."""
    from astropy.wcs import WCS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what was to be said about this header was said before
        wcs = WCS(header, naxis=2)
        wcs.wcs.set()
    return wcs


def _flat(projection: WCS, sky: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Return flat coordinates in degrees, shape (2, n)."""
    return np.stack(sky_to_plane(projection, *sky, where="chip"))


def _fit_affine(flat: FloatArray, wanted: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Find matrix and offset of ``wanted = matrix @ flat + offset`` by least squares."""
    middle, wanted_middle = (v.mean(axis=1, keepdims=True) for v in (flat, wanted))
    solution = np.linalg.lstsq((flat - middle).T, (wanted - wanted_middle).T, rcond=None)[0]
    matrix: FloatArray = solution.T
    return matrix, (wanted_middle - matrix @ middle)[:, 0]


def _scale_radial(wcs: WCS, parameters: list[Any], scale: float) -> list[Any]:
    """Stretch the radial polynomial of ZPN (FITS WCS paper II, section 5.1.7).

    The matrix takes the scale s; r = s R(zeta / s) then keeps its shape with
    PV2_m' = PV2_m s^(1 - m).
    """
    if wcs.wcs.ctype[0][5:8] != "ZPN":
        return parameters
    return [(i, m, value * scale ** (1 - m)) for i, m, value in parameters]


def _turn_polynomial(core: Header, linear: FloatArray) -> Cards:
    """Apply a linear map to what the TPV polynomial gives (Calabretta et al. 2004, TPV convention).

    Axis 1 is the sum of PV1_k f_k(x, y), axis 2 that of PV2_k f_k(y, x); f_k(y, x) is the term
    f_j(x, y) with the powers swapped. PVi_1 is 1 where it is not given.
    """
    swapped = {k: first + last - k for first, last in _TPV_DEGREES for k in range(first, last + 1)}
    terms = {int(key[4:]) for key in core if key.startswith(("PV1_", "PV2_"))} | {1}
    terms |= {swapped.get(k, k) for k in terms}

    def given(axis: int, k: int) -> float:
        return float(core.get(f"PV{axis}_{k}", 1.0 if k == 1 else 0.0))

    cards: Cards = {}
    for k in sorted(terms):
        j = swapped.get(k, k)
        cards[f"PV1_{k}"] = float(linear[0, 0] * given(1, k) + linear[0, 1] * given(2, j))
        cards[f"PV2_{k}"] = float(linear[1, 0] * given(1, j) + linear[1, 1] * given(2, k))
    return cards


def _matrix_cards(core: Header, wcs: WCS, matrix: FloatArray) -> Cards:
    """Write the matrix (deg/px) in the form the header has; CROTA2 becomes CD, which says more."""
    rotated = any(float(core.get(f"CROTA{i}", 0.0)) != 0.0 for i in (1, 2))
    has_cd = any(f"CD{i}_{j}" in core for i in (1, 2) for j in (1, 2))
    cards = _units(core, wcs)
    if has_cd or (rotated and "PC1_1" not in core):
        cards |= {f"{stem}{i}": None for stem in ("CDELT", "CROTA") for i in (1, 2)}
        cards |= {f"PC{i}_{j}": None for i in (1, 2) for j in (1, 2)}
        form = "CD"
    else:
        matrix = matrix / np.asarray(wcs.wcs.cdelt)[:, np.newaxis]
        form = "PC"
    return cards | {
        f"{form}{i + 1}_{j + 1}": float(matrix[i, j]) for i in range(2) for j in range(2)
    }


def _units(core: Header, wcs: WCS) -> Cards:
    """Write units as degrees, as wcslib gives all numbers, where the header has others."""
    cards: Cards = {}
    for i in (1, 2):
        if str(core.get(f"CUNIT{i}", "deg")).strip() not in {"", "deg"}:
            cards[f"CUNIT{i}"] = "deg"
            if f"CDELT{i}" in core:
                cards[f"CDELT{i}"] = float(wcs.wcs.cdelt[i - 1])
    return cards


def _with_cards(core: Header, wcs: WCS, cards: Cards) -> WCS:
    """Return the WCS of a header after its cards were set, with the distortions of before."""
    header = core.copy()
    for key, value in cards.items():
        if value is None:
            header.pop(key, None)
        else:
            header[key] = value
    moved = wcs.deepcopy()
    moved.wcs = _make_core(header).wcs
    return moved
