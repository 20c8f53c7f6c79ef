"""Exposures of a known truth for ``tweakreg demo``.

Small, dithered exposures with the two chips, the SIP distortion and the keywords of a real
WFC3/UVIS exposure (the middle of the detector, 1024x512 px a chip); painted stars, cosmic rays
and hot pixels.  All headers but the first are wrong in pointing and roll.  Of more than four, the
last is wrong by more than the default search radius.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_steps.arrays import FloatArray, IntArray
from tweakreg_steps.astrometry.rigid_motion import Motion, move_exposure
from tweakreg_steps.demo.painting import (
    UVIS_PSF,
    Hits,
    cosmic_rays,
    expose,
    hot_pixels,
    paint_stars,
    steep_fluxes,
)
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.fits_files.image_name import image_name
from tweakreg_steps.tables.ecsv import ColumnTable, read_table, write_table

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.wcs import WCS

_SHAPE = (512, 1024)
_STARS = 400
_FAINTEST = 1500.0  # electrons; the brightest few come near the full well
_MARGIN = 120.0  # px around the chips that hold stars too, so that dithers find some
_SKY, _READ_NOISE = 25.0, 3.1  # electrons
_DITHERS = ((0.0, 0.0), (3.1, 1.4), (-1.3, 3.2), (1.8, -2.9))  # arcsec, east and north
_FARTHEST_DITHER = 3.5  # arcsec, along either axis, of the fifth exposure on
_ERROR, _ROLL_ERROR = 0.3, 0.02  # arcsec, degrees
_LOST = 3.0  # arcsec: the error of the last of more than four exposures
_CATALOG_ERROR = 1.0  # mas
_ZEROPOINT = 27.0  # magnitude of a star of one electron
_HOT_PIXEL, _COSMIC_RAY = 16, 4096  # DQ bits of WFC3


@dataclass(frozen=True)
class DemoTruth:
    """What is true of the demo's exposures.

    Attributes
    ----------
    paths
        The exposures, in the order of the recipe; the first header is exact.
    stars
        One row for each star on each chip: ``image`` (name), ``chip`` (1-based), ``x``, ``y``
        (true FITS pixel position, first pixel = 1.0), ``ra``, ``dec`` (deg), ``flux`` (electrons).
    """

    paths: tuple[Path, ...]
    stars: ColumnTable


def make_demo(directory: Path, seed: int, *, number: int = 4) -> DemoTruth:
    """Paint the demo's exposures and write them, with the truth beside them.

    Parameters
    ----------
    directory
        Where ``demo1_flc.fits`` and so on, ``truth.ecsv`` and ``stars.csv`` go; made if need be.
    seed
        Seed of all chance: the same seed gives the same pixels.
    number
        How many exposures.  The first four are the same, however many there are.

    Returns
    -------
    DemoTruth
        The paths and the table of ``truth.ecsv``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    sky = _draw_sky(rng)
    hot = tuple(hot_pixels(_SHAPE, number=60, rng=rng, faintest=100.0) for _ in range(2))
    paths, tables = [], []
    width = len(str(number))
    for i, (east, north) in enumerate(_dithers(number, seed)):
        path = directory / f"demo{i + 1:0{width}}_flc.fits"
        hdus = _exposure_headers(path, Motion(east, north, 0.0))
        tables.append(_paint_exposure(hdus, image_name(path), sky, hot, rng))
        is_lost = i == number - 1 and number > len(_DITHERS)
        size = _LOST if is_lost else _ERROR
        move_exposure(hdus, _draw_error(rng, size) if i else Motion(0.0, 0.0, 0.0))
        hdus.writeto(path, overwrite=True)
        paths.append(path)
    stars = _join(tables)
    write_table(directory / "truth.ecsv", stars)
    _write_catalog(directory / "stars.csv", sky, seed)
    return DemoTruth(tuple(paths), stars)


def read_demo(directory: Path) -> DemoTruth:
    """Read what `make_demo` left in a folder.

    Raises
    ------
    RecipeError
        There is no demo.
    """
    path = directory / "truth.ecsv"
    if not path.is_file():
        raise RecipeError(f"{path}: not there; make a demo first: tweakreg demo {directory}")
    stars = read_table(path)
    names = dict.fromkeys(stars["image"].tolist())
    return DemoTruth(tuple(directory / f"{name}.fits" for name in names), stars)


def demo_errors(aligned_paths: tuple[Path, ...], truth: DemoTruth) -> dict[str, float]:
    """Tell how far the headers of exposures are from the truth.

    Parameters
    ----------
    aligned_paths
        Exposures of the demo (aligned copies, or the originals to see their error).
    truth
        From :func:`make_demo`.

    Returns
    -------
    dict of str to float
        For each image name the rms, over its stars, of the angle (mas) between where the header
        puts the star's true pixel position and where the star is.
    """
    from tweakreg_steps.fits_files.exposure import list_chips, read_wcs

    errors = {}
    for path in aligned_paths:
        squares = []
        for chip in list_chips(path, None):
            stars = truth.stars
            own = (stars["image"] == image_name(path)) & (stars["chip"] == chip.number)
            ra, dec = read_wcs(path, chip).all_pix2world(stars["x"][own], stars["y"][own], 1)
            squares.append(_squared_mas(ra, dec, stars["ra"][own], stars["dec"][own]))
        errors[image_name(path)] = float(np.sqrt(np.mean(np.concatenate(squares))))
    return errors


@dataclass(frozen=True)
class _Sky:
    """The stars: places in degrees and fluxes in electrons, shape (n,)."""

    ra: FloatArray
    dec: FloatArray
    flux: FloatArray


def _facts() -> Any:  # noqa: ANN401 - JSON
    """Read the keywords of a real exposure: ``primary``, and ``chips`` in the order of SCI."""
    text = (
        files("tweakreg_steps.demo").joinpath("data/wfc3_uvis_wcs.json").read_text(encoding="utf-8")
    )
    return json.loads(text)


def _draw_sky(rng: np.random.Generator) -> _Sky:
    """Scatter stars over both chips of the first exposure, the gap and a margin."""
    from astropy.io import fits
    from astropy.wcs import WCS

    wcs = WCS(fits.Header(_facts()["chips"][0]))
    ny, nx = _SHAPE
    x = rng.uniform(-_MARGIN, nx + _MARGIN, _STARS)
    y = rng.uniform(-_MARGIN, 2 * ny + 35.0 + _MARGIN, _STARS)  # the gap is 35 px
    ra, dec = wcs.wcs_pix2world(x, y, 1)
    return _Sky(ra, dec, steep_fluxes(_STARS, rng=rng, faintest=_FAINTEST, slope=1.5))


def _dithers(number: int, seed: int) -> list[tuple[float, float]]:
    """Return the pointings of the exposures, in arcsec east and north of the first."""
    rng = np.random.default_rng([seed, 1])
    more = rng.uniform(-_FARTHEST_DITHER, _FARTHEST_DITHER, (max(number - len(_DITHERS), 0), 2))
    return [*_DITHERS[:number], *((float(east), float(north)) for east, north in more)]


def _write_catalog(path: Path, sky: _Sky, seed: int) -> None:
    """Write the stars as a catalog has them: with errors, and magnitudes."""
    rng = np.random.default_rng([seed, 2])
    error = _CATALOG_ERROR / 3.6e6
    dec = sky.dec + rng.normal(0.0, error, len(sky.dec))
    ra = sky.ra + rng.normal(0.0, error, len(sky.ra)) / np.cos(np.radians(sky.dec))
    mag = _ZEROPOINT - 2.5 * np.log10(sky.flux)
    rows = (
        f"{a:.10f},{b:.10f},{_CATALOG_ERROR},{_CATALOG_ERROR},{m:.3f}\n"
        for a, b, m in zip(ra, dec, mag, strict=True)
    )
    path.write_text("ra,dec,ra_error,dec_error,mag\n" + "".join(rows), encoding="utf-8")


def _draw_error(rng: np.random.Generator, size: float) -> Motion:
    """Draw the error of a header: a shift of given size in any direction, and a roll."""
    angle = rng.uniform(0.0, 2.0 * math.pi)
    roll = rng.uniform(-_ROLL_ERROR, _ROLL_ERROR)
    return Motion(size * math.cos(angle), size * math.sin(angle), roll)


def _exposure_headers(path: Path, pointing: Motion) -> fits.HDUList:
    """Make the HDUs of an exposure with true headers, pixels still empty."""
    from astropy.io import fits

    facts = _facts()
    primary = fits.Header({"FILENAME": path.name, "ROOTNAME": path.name.partition("_")[0]})
    primary.update(facts["primary"])
    hdus = fits.HDUList([fits.PrimaryHDU(header=primary)])
    for version, chip in enumerate(facts["chips"], start=1):
        # a strided zero has the shape, which a WCS asks for, without the memory
        empty = np.broadcast_to(np.float32(0.0), _SHAPE)
        hdus.append(fits.ImageHDU(empty, fits.Header(chip), name="SCI", ver=version))
        hdus.append(fits.ImageHDU(name="DQ", ver=version))
    move_exposure(hdus, pointing)
    return hdus


def _paint_exposure(
    hdus: fits.HDUList, image: str, sky: _Sky, hot: tuple[Hits, ...], rng: np.random.Generator
) -> ColumnTable:
    """Fill the pixels of an exposure with true headers, and tell what stars are on them."""
    from astropy.wcs import WCS

    tables = []
    for version in (1, 2):
        star, x, y = _stars_on_chip(WCS(hdus["SCI", version].header), sky)
        light = paint_stars(_SHAPE, x=x, y=y, flux=sky.flux[star], psf=UVIS_PSF)
        rays = cosmic_rays(_SHAPE, number=90, rng=rng, mean_length=4.0, counts_per_pixel=300.0)
        hits = (rays, hot[version - 1])
        hdus["SCI", version].data = expose(
            light, hits=hits, rng=rng, sky=_SKY, read_noise=_READ_NOISE
        )
        quality = np.zeros(_SHAPE, dtype=np.int16)
        for some, flag in zip(hits, (_COSMIC_RAY, _HOT_PIXEL), strict=True):
            quality[some.row, some.column] |= flag
        hdus["DQ", version].data = quality
        tables.append(_star_table(image, version, sky, star, x, y))
    return _join(tables)


def _stars_on_chip(wcs: WCS, sky: _Sky) -> tuple[IntArray, FloatArray, FloatArray]:
    """Find which stars fall on a chip, and on which FITS pixel positions."""
    ny, nx = _SHAPE
    x, y = wcs.all_world2pix(sky.ra, sky.dec, 1, tolerance=1.0e-7, maxiter=60)
    star = np.flatnonzero((x >= 0.5) & (x < nx + 0.5) & (y >= 0.5) & (y < ny + 0.5))  # noqa: PLR2004 - edges
    return star, x[star], y[star]


def _star_table(
    image: str,
    chip: int,
    sky: _Sky,
    star: IntArray,
    x: FloatArray,
    y: FloatArray,
) -> ColumnTable:
    """Make the rows of one chip."""
    columns = {
        "image": np.full(len(star), image),
        "chip": np.full(len(star), chip),
        "x": x,
        "y": y,
        "ra": sky.ra[star],
        "dec": sky.dec[star],
        "flux": sky.flux[star],
    }
    units = {"x": "pix", "y": "pix", "ra": "deg", "dec": "deg", "flux": "electron"}
    return ColumnTable(columns, units=units)


def _join(tables: list[ColumnTable]) -> ColumnTable:
    """Put tables of the same columns one below the other."""
    columns = {name: np.concatenate([t[name] for t in tables]) for name in tables[0].columns}
    return ColumnTable(columns, units=tables[0].units)


def _squared_mas(
    ra: FloatArray,
    dec: FloatArray,
    true_ra: FloatArray,
    true_dec: FloatArray,
) -> FloatArray:
    """Squared small angle between places in degrees."""
    east = ((ra - true_ra + 180.0) % 360.0 - 180.0) * np.cos(np.radians(true_dec))
    return np.asarray((east**2 + (dec - true_dec) ** 2) * 3.6e6**2)
