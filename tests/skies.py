"""Seeded synthetic truth: exposures of which every star's place is known.

``uvis_scene`` is the scene the accuracy of the whole way is stated on, ``hrc_scene`` has real
pixels, ``single_extension_scene`` holds the headers of ground-based images.
"""

from __future__ import annotations

import itertools
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from numpy.typing import NDArray
from optics import Optics, paint

from tweakreg_steps.arrays import FloatArray, IntArray
from tweakreg_steps.astrometry.rigid_motion import Motion, motion_matrix, move_exposure, move_header
from tweakreg_steps.demo.painting import (
    UVIS_PSF,
    Hits,
    cosmic_rays,
    expose,
    hot_pixels,
    paint_stars,
    steep_fluxes,
)

UVIS_HEADERS = Path(__file__).parent / "data" / "wfc3_uvis_flc_headers.fits.gz"
"""A real WFC3/UVIS exposure's headers (SIP, NPOL, D2IM, alternate WCSs, WCSCORR), 10x10 pixels."""

_DISTORTIONS: dict[str, dict[str, float]] = {
    "TAN": {},
    # r = 0.044 deg at the corner: cubic terms of 3 move a star there by 0.6 % of r, 2.5 px
    "TPV": {
        "PV1_0": 1.0e-5,
        "PV1_1": 1.0,
        "PV1_2": 2.0e-4,
        "PV1_4": 0.05,
        "PV1_7": 3.0,
        "PV1_9": 3.0,
        "PV2_1": 1.0,
        "PV2_2": -1.0e-4,
        "PV2_6": 0.04,
        "PV2_7": 3.0,
        "PV2_9": 3.0,
    },
    # radians: theta = r + P r^3, 2.5 px at the corner
    "ZPN": {"PV2_1": 1.0, "PV2_3": 1.0e4},
}

HOT_PIXEL_FLAG, COSMIC_RAY_FLAG = 16, 4096
SKY, READ_NOISE = 25.0, 3.1
INVERSION_TOLERANCE = 1.0e-3  # mas; no accuracy is stated finer than a hundredth


@dataclass(frozen=True)
class ChipTruth:
    """Where the stars of the sky truly fall on a chip.

    ``x, y`` are FITS pixel positions (first pixel = 1.0), ``star`` indexes the scene's stars,
    ``wcs`` is the true one, with all its distortions.
    """

    number: int
    wcs: WCS
    star: IntArray
    x: FloatArray
    y: FloatArray


@dataclass(frozen=True)
class ExposureTruth:
    """One exposure: its file, the error of its header (zero for the first) and its chips."""

    path: Path
    error: Motion
    chips: tuple[ChipTruth, ...]


@dataclass(frozen=True)
class Scene:
    """A sky and the exposures of it: ``ra, dec`` in degrees and ``flux`` in counts, shape (n,)."""

    ra: FloatArray
    dec: FloatArray
    flux: FloatArray
    exposures: tuple[ExposureTruth, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(exposure.path for exposure in self.exposures)

    def exposure(self, path: Path) -> ExposureTruth:
        """Find the truth of a file, an aligned copy elsewhere included, by its name."""
        return next(e for e in self.exposures if e.path.name == path.name)


def uvis_scene(
    directory: Path,
    *,
    seed: int = 2,
    number: int = 4,
    shape: tuple[int, int] = (2051, 4096),
    stars: int = 4000,
    faintest: float = 580.0,
    cosmic_ray_number: int = 3000,
    hot_pixel_number: int = 2000,
    pointing_error: float = 0.3,
    roll_error: float = 0.01,
    dither: float = 5.0,
    flag_defects: bool = False,
    full_error: bool = True,
    optics: Optics | None = None,
) -> Scene:
    """Paint dithered two-chip WFC3/UVIS exposures on a real header, and write them.

    A ``shape`` smaller than the detector's keeps the lower left corner of each chip, where the
    lookup tables of the distortion vary most; numbers of stars and defects are then best made
    smaller too (they are per field and per chip). Hot pixels are at the same places in all
    exposures.  The headers of all but the first are in error by ``pointing_error`` (arcsec) and
    up to ``roll_error`` (degrees), as one rigid exposure.

    ``flag_defects`` marks hot pixels (16) and cosmic rays (4096) in the DQ arrays;
    ``full_error=False`` writes the ERR arrays 10x10 (a third of the file; nothing reads them).
    ``optics`` paints the stars through a telescope, of the chips' shape, in place of Gaussians.
    """
    rng = np.random.default_rng(seed)
    pointings = [_dither(i, dither) for i in range(number)]
    true_headers = [_uvis_headers(pointing, shape) for pointing in pointings]
    ra, dec = _sky_positions(_wcs(true_headers[0], 1), shape, stars, dither / 0.04, rng)
    flux = steep_fluxes(stars, rng=rng, faintest=faintest, slope=1.5)
    hot = [hot_pixels(shape, number=hot_pixel_number, rng=rng, faintest=100.0) for _ in range(2)]
    exposures = []
    for i, hdus in enumerate(true_headers):
        path = directory / f"paint{i + 1:02d}q_flc.fits"
        error = _error(i, pointing_error, roll_error, rng)
        chips = tuple(_chip_truth(_wcs(hdus, c), c, shape, ra, dec) for c in (1, 2))
        for chip in chips:
            own = chip.star
            if optics is None:
                light = paint_stars(shape, x=chip.x, y=chip.y, flux=flux[own], psf=UVIS_PSF)
            else:
                light = paint(optics, chip.x, chip.y, flux[own])
            rays = cosmic_rays(
                shape, number=cosmic_ray_number, rng=rng, mean_length=4.0, counts_per_pixel=300.0
            )
            hits = (rays, hot[chip.number - 1])
            pixels = expose(light, hits=hits, rng=rng, sky=SKY, read_noise=READ_NOISE)
            _fill(hdus, chip.number, pixels, hits if flag_defects else (), full_error)
        move_exposure(hdus, error)
        _name(hdus, path)
        hdus.writeto(path, overwrite=True)
        exposures.append(ExposureTruth(path, error, chips))
    return Scene(ra, dec, flux, tuple(exposures))


def small_uvis_scene(directory: Path, **options: Any) -> Scene:  # noqa: ANN401 - passed on
    """Paint the same on the chips' corners of 1024x512: seconds instead of tens of them."""
    small: dict[str, Any] = {
        "shape": (512, 1024),
        "stars": 1000,
        "faintest": 2000.0,
        "cosmic_ray_number": 150,
        "hot_pixel_number": 100,
        "full_error": False,
    }
    return uvis_scene(directory, **(small | options))


def single_extension_scene(
    directory: Path,
    *,
    projection: str = "TAN",
    compressed: bool = False,
    seed: int = 3,
    number: int = 2,
    stars: int = 200,
) -> Scene:
    """Paint small ground-based images: one image a file, in PRIMARY or Rice-compressed (.fits.fz).

    ``projection`` is TAN, TPV or ZPN, the latter two with distortions of some pixels at the edge.
    The header of every image but the first is 1 arcsec (2.5 px) and 0.02 degrees in error.
    """
    shape = (480, 640)
    rng = np.random.default_rng(seed)
    exposures = []
    first = WCS(_ground_header(projection, Motion(0.0, 0.0, 0.0)))
    margin = 40.0
    x = rng.uniform(-margin, shape[1] + margin, stars)
    y = rng.uniform(-margin, shape[0] + margin, stars)
    ra, dec = first.all_pix2world(x, y, 1)
    flux = steep_fluxes(stars, rng=rng, faintest=4000.0, slope=1.5)
    for i in range(number):
        header = _ground_header(projection, _dither(i, 8.0))
        chip = _chip_truth(WCS(header), 1, shape, ra, dec)
        light = paint_stars(shape, x=chip.x, y=chip.y, flux=flux[chip.star], psf=UVIS_PSF)
        pixels = expose(light, hits=(), rng=rng, sky=SKY, read_noise=READ_NOISE)
        error = _error(i, 1.0, 0.02, rng)
        pointing = header["CRVAL1"], header["CRVAL2"]
        move_header(header, motion_matrix(pointing, error))
        path = directory / f"ground{i + 1}_{projection.lower()}.fits"
        hdus = fits.HDUList([fits.PrimaryHDU(pixels, header)])
        if compressed:
            path = path.with_name(path.name + ".fz")
            image = fits.CompImageHDU(pixels, header, compression_type="RICE_1")
            hdus = fits.HDUList([fits.PrimaryHDU(), image])
        hdus.writeto(path, overwrite=True)
        exposures.append(ExposureTruth(path, error, (chip,)))
    return Scene(ra, dec, flux, tuple(exposures))


def hrc_scene(directory: Path, *, seed: int = 47, noise: float = 15.0) -> tuple[Path, ...]:
    """Write three copies of a real ACS/HRC exposure of 47 Tuc, two with moved headers and noise.

    The copies share their pixels (but for Gaussian noise of ``noise`` electrons), so headers that
    agree give the same pixel the same sky position: see `mutual_rms`.
    """
    import spherical_geometry

    original = Path(spherical_geometry.__file__).parent / "tests" / "data" / "j8bt06nyq_flt.fits"
    rng = np.random.default_rng(seed)
    motions = (Motion(0.0, 0.0, 0.0), Motion(0.31, -0.22, 0.03), Motion(-0.17, 0.36, -0.04))
    paths = []
    for number, motion in enumerate(motions, start=1):
        path = directory / f"j8bt06n{number}q_flt.fits"
        with fits.open(original) as hdus:
            header = hdus["SCI"].header
            move_header(header, motion_matrix((header["RA_APER"], header["DEC_APER"]), motion))
            if number > 1:
                hdus["SCI"].data += rng.normal(0.0, noise, hdus["SCI"].data.shape)
            _name(hdus, path)
            hdus.writeto(path, overwrite=True)
        paths.append(path)
    return tuple(paths)


def mutual_rms(paths: tuple[Path, ...], *, extension: str = "SCI") -> float:
    """Milliarcseconds rms by which copies of one exposure differ over the chip: the worst pair."""
    places = []
    for path in paths:
        with fits.open(path) as hdus:
            header = hdus[extension].header
            x, y = np.meshgrid(
                np.linspace(1, header["NAXIS1"], 33), np.linspace(1, header["NAXIS2"], 33)
            )
            places.append(_quiet_wcs(header, hdus).all_pix2world(x.ravel(), y.ravel(), 1))
    pairs = itertools.combinations(places, 2)
    return max(float(np.sqrt(np.mean(separation(*one, *other) ** 2))) for one, other in pairs)


def rms_to_truth(aligned: Path, scene: Scene) -> float:
    """Milliarcseconds rms between the stars and where an aligned header puts their true pixels."""
    truth = scene.exposure(aligned)
    squares = []
    with fits.open(aligned) as hdus:
        for chip in truth.chips:
            header = _image_header(hdus, chip.number)
            ra, dec = _quiet_wcs(header, hdus).all_pix2world(chip.x, chip.y, 1)
            squares.append(separation(ra, dec, scene.ra[chip.star], scene.dec[chip.star]) ** 2)
    return float(np.sqrt(np.mean(np.concatenate(squares))))


def separation(ra1: FloatArray, dec1: FloatArray, ra2: FloatArray, dec2: FloatArray) -> FloatArray:
    """Angular distance in mas of close places given in degrees."""
    along = (ra1 - ra2 + 180.0) % 360.0 - 180.0
    east = along * np.cos(np.radians(dec2))
    return np.asarray(np.hypot(east, dec1 - dec2) * 3.6e6)


def _dither(index: int, size: float) -> Motion:
    """Pointing of an exposure relative to the first: corners of a turned box, in order."""
    corners = ((0.0, 0.0), (0.9, 0.43), (-0.43, 0.9), (0.5, -0.86))
    ring, corner = divmod(index, len(corners))
    east, north = corners[corner]
    return Motion(size * (east + 0.3 * ring), size * (north - 0.2 * ring), 0.0)


def _error(index: int, size: float, roll: float, rng: np.random.Generator) -> Motion:
    """Error of an exposure's header: none for the first, else a shift of given size and a roll."""
    angle, part = rng.uniform(0.0, 2.0 * math.pi), rng.uniform(-1.0, 1.0)
    if index == 0:
        return Motion(0.0, 0.0, 0.0)
    return Motion(size * math.cos(angle), size * math.sin(angle), math.copysign(roll, part))


def _uvis_headers(pointing: Motion, shape: tuple[int, int]) -> fits.HDUList:
    """Real headers moved to a pointing, with the sizes of the chips but no pixels yet."""
    with fits.open(UVIS_HEADERS) as stored:
        hdus = fits.HDUList([hdu.copy() for hdu in stored])
    move_exposure(hdus, pointing)
    for chip in (1, 2):
        # a strided zero has the shape without the memory
        hdus["SCI", chip].data = np.broadcast_to(np.float32(0.0), shape)
    return hdus


def _name(hdus: fits.HDUList, path: Path) -> None:
    """Give an exposure its own names."""
    rootname = path.name.partition("_")[0]
    hdus[0].header["FILENAME"] = path.name
    for hdu in hdus:
        if "ROOTNAME" in hdu.header:
            hdu.header["ROOTNAME"] = rootname
        if "EXPNAME" in hdu.header:
            hdu.header["EXPNAME"] = rootname


def _quiet_wcs(header: fits.Header, hdus: fits.HDUList) -> WCS:
    """WCS with its lookup tables, without astropy's notes on repaired dates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        return WCS(header, hdus)


def _image_header(hdus: fits.HDUList, chip: int) -> fits.Header:
    """Header of a chip, or of the only image of a file without SCI extensions."""
    if "SCI" in hdus:
        return hdus["SCI", chip].header
    return next(hdu.header for hdu in hdus if hdu.header["NAXIS"] == 2)


def _ground_header(projection: str, pointing: Motion) -> fits.Header:
    """Header of a camera with 0.4 arcsec pixels, slightly turned, in a given projection."""
    header = fits.Header()
    scale, turn = 0.4 / 3600.0, math.radians(3.0)
    header["CTYPE1"], header["CTYPE2"] = f"RA---{projection}", f"DEC--{projection}"
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    header["RADESYS"] = "ICRS"
    header["CRVAL1"], header["CRVAL2"] = 150.1, 22.2
    header["CRPIX1"], header["CRPIX2"] = 300.5, 251.25
    header["CD1_1"], header["CD1_2"] = -scale * math.cos(turn), scale * math.sin(turn)
    header["CD2_1"], header["CD2_2"] = scale * math.sin(turn), scale * math.cos(turn)
    for key, value in _DISTORTIONS[projection].items():
        header[key] = value
    move_header(header, motion_matrix((header["CRVAL1"], header["CRVAL2"]), pointing))
    return header


def _wcs(hdus: fits.HDUList, chip: int) -> WCS:
    return _quiet_wcs(hdus["SCI", chip].header, hdus)


def _sky_positions(
    wcs: WCS, shape: tuple[int, int], number: int, margin: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Places spread evenly over both chips and a margin (px), in degrees."""
    # the second chip lies above the first, 2051 rows and a gap away
    x = rng.uniform(-margin, shape[1] + margin, number)
    y = rng.uniform(-margin, 2090.0 + shape[0] + margin, number)
    ra, dec = wcs.wcs_pix2world(x, y, 1)
    return ra, dec


def _chip_truth(
    wcs: WCS, number: int, shape: tuple[int, int], ra: FloatArray, dec: FloatArray
) -> ChipTruth:
    """Invert the full distortion for the stars on a chip; the inversion is checked."""
    rough_x, rough_y = wcs.wcs_world2pix(ra, dec, 1)
    reach = 200.0  # px that the distortion moves a star at most
    near = (np.abs(rough_x - shape[1] / 2) < shape[1] / 2 + reach) & (
        np.abs(rough_y - shape[0] / 2) < shape[0] / 2 + reach
    )
    star = np.flatnonzero(near)
    x, y = wcs.all_world2pix(ra[star], dec[star], 1, tolerance=1.0e-7, maxiter=60)
    on = (x >= 0.5) & (x < shape[1] + 0.5) & (y >= 0.5) & (y < shape[0] + 0.5)
    star, x, y = star[on], x[on], y[on]
    back_ra, back_dec = wcs.all_pix2world(x, y, 1)
    back = separation(back_ra, back_dec, ra[star], dec[star])
    assert np.all(back < INVERSION_TOLERANCE), f"a star is only known to {back.max()} mas"
    return ChipTruth(number, wcs, star, x, y)


def _fill(
    hdus: fits.HDUList,
    chip: int,
    pixels: NDArray[np.float32],
    flagged: tuple[Hits, ...],
    full_error: bool,
) -> None:
    """Put a chip's pixels, errors and flags into its HDUs."""
    hdus["SCI", chip].data = pixels
    if full_error:
        hdus["ERR", chip].data = np.sqrt(np.maximum(pixels, 0.0) + np.float32(READ_NOISE**2))
    quality = np.zeros(pixels.shape, dtype=np.int16)
    for hits, flag in zip(flagged, (COSMIC_RAY_FLAG, HOT_PIXEL_FLAG), strict=False):
        quality[hits.row, hits.column] |= flag
    hdus["DQ", chip].data = quality
