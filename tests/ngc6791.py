"""Three WFC3/UVIS exposures of NGC 6791, rebuilt from what a real TweakReg run left behind.

The run's catalogs hold the pixels of all sources and their sky positions through the headers of
that time. From both the WCS of each chip follows: TAN-SIP, and lookup tables for what the detector
and the filter add to it, as in the real headers. Stars are painted at the real positions with the
real fluxes.
"""

from __future__ import annotations

import gzip
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from astropy.wcs.utils import fit_wcs_from_points
from numpy.typing import NDArray
from skies import READ_NOISE, SKY, separation

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.demo.painting import UVIS_PSF, expose, paint_stars

DATA = Path(__file__).parent / "data" / "ngc6791"
NAMES = ("ibwb01xrq_flc", "ibwb01xqq_flc", "ibwb01xxq_flc")
SHAPE = (2051, 4096)
SIP_DEGREE = 4  # a fifth degree diverges
NODES = (5, 9)  # of the lookup tables, in rows and columns
SEED = 6791


@dataclass(frozen=True)
class ChipList:
    """The sources of one chip: FITS pixels, counts, and degrees through the header of the time."""

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    ra: FloatArray
    dec: FloatArray


def unpack(name: str, folder: Path) -> Path:
    """Write a stored file as it was, and return its path."""
    path = folder / name
    path.write_bytes(gzip.decompress((DATA / f"{name}.gz").read_bytes()))
    return path


def chip_lists(name: str) -> tuple[ChipList, ChipList]:
    """Return the sources of both chips of an exposure."""
    sky = _table(f"{name}_sky_catalog.coo")
    first, second = (_table(f"{name}_sci{chip}_xy_catalog.coo") for chip in (1, 2))
    assert len(sky) == len(first) + len(second)
    parts = (first, sky[: len(first)]), (second, sky[len(first) :])
    one, two = (ChipList(*xy.T[:3], *places.T) for xy, places in parts)
    return one, two


def write_exposure(folder: Path, name: str, *, painted: bool) -> Path:
    """Write an exposure: with its stars painted, or with pixels that say nothing at all."""
    hdus = fits.HDUList([fits.PrimaryHDU()])
    tables = []
    for chip, sources in enumerate(chip_lists(name), start=1):
        header, chip_tables = _fitted_header(sources, first_table=2 * chip - 1)
        pixels: NDArray[Any] = np.broadcast_to(np.uint8(0), SHAPE)
        hdus.append(fits.ImageHDU(pixels, header, name="SCI", ver=chip))
        tables += chip_tables
    hdus.extend(tables)
    path = folder / f"{name}.fits"
    hdus.writeto(path)
    if painted:
        paint_exposure(path)
    return path


def paint_exposure(path: Path) -> None:
    """Paint the stars of an exposure whose pixels say nothing."""
    name = path.name.removesuffix(".fits")
    rng = np.random.default_rng([SEED, NAMES.index(name)])
    with fits.open(path, mode="update") as hdus:
        for chip, sources in enumerate(chip_lists(name), start=1):
            light = paint_stars(SHAPE, x=sources.x, y=sources.y, flux=sources.flux, psf=UVIS_PSF)
            hdus["SCI", chip].data = expose(light, hits=(), rng=rng, sky=SKY, read_noise=READ_NOISE)


def header_errors(exposure: Path) -> FloatArray:
    """Return how far (mas) a rebuilt header puts each source from its stored sky position."""
    errors = []
    for chip, sources in enumerate(chip_lists(exposure.name.removesuffix(".fits")), start=1):
        ra, dec = _sky(exposure, chip, sources.x, sources.y)
        errors.append(separation(ra, dec, sources.ra, sources.dec))
    return np.concatenate(errors)


def published_offsets(aligned: Path) -> FloatArray:
    """Return how far (mas) the pairs of the published fit are from Gaia, by an aligned header."""
    gaia = _table("gaia.cat")
    pairs = _pairs(aligned.name.removesuffix(".fits"))
    reference = gaia[pairs[:, 12].astype(int)]
    offsets = []
    for chip in (1, 2):
        own = pairs[:, 14] == chip
        ra, dec = _sky(aligned, chip, pairs[own, 10], pairs[own, 11])
        offsets.append(separation(ra, dec, *reference[own, :2].T))
    return np.concatenate(offsets)


def published_residuals(name: str) -> FloatArray:
    """Return the residuals of the published fit in pixels of its plane."""
    dx, dy = _pairs(name)[:, 6:8].T
    return np.asarray(np.hypot(dx, dy))


def _pairs(name: str) -> FloatArray:
    """Return the pairs of the published fit, without their last column."""
    return _table(f"{name}_catalog_fit.match", columns=range(17))


def _sky(exposure: Path, chip: int, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where the header of a chip puts FITS pixels."""
    with fits.open(exposure) as hdus, warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        ra, dec = WCS(hdus["SCI", chip].header, hdus).all_pix2world(x, y, 1)
    return ra, dec


def _fitted_header(
    sources: ChipList, *, first_table: int
) -> tuple[fits.Header, list[fits.ImageHDU]]:
    """Return the header of a chip that its sources determine, and its lookup tables."""
    places = SkyCoord(sources.ra, sources.dec, unit=units.deg)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        wcs = fit_wcs_from_points((sources.x - 1, sources.y - 1), places, sip_degree=SIP_DEGREE)
    focal = np.array(wcs.wcs_world2pix(sources.ra, sources.dec, 1))
    missing = focal - np.array(wcs.sip_pix2foc(sources.x, sources.y, 1) + wcs.wcs.crpix[:, None])
    header = wcs.to_header(relax=True)
    tables = []
    for axis, values in enumerate(missing, start=1):
        number = first_table + axis - 1
        header[f"CPDIS{axis}"] = "LOOKUP"
        for record in (f"EXTVER: {number}", "NAXES: 2", "AXIS.1: 1", "AXIS.2: 2"):
            header.append((f"DP{axis}", record))
        tables.append(_lookup_table(sources.x, sources.y, values, number))
    return header, tables


def _lookup_table(x: FloatArray, y: FloatArray, values: FloatArray, number: int) -> fits.ImageHDU:
    """Return the table whose bilinear interpolation is nearest to values at FITS pixels."""
    steps = [(n - 1) / (nodes - 1) for n, nodes in zip(SHAPE, NODES, strict=True)]
    weights = [
        np.maximum(0.0, 1.0 - np.abs((place[:, None] - 1.0) / step - np.arange(nodes)))
        for place, step, nodes in zip((y, x), steps, NODES, strict=True)
    ]
    design = (weights[0][:, :, None] * weights[1][:, None, :]).reshape(len(x), -1)
    found, *_ = np.linalg.lstsq(design, values, rcond=None)
    table = fits.ImageHDU(found.reshape(NODES).astype(np.float32), name="WCSDVARR", ver=number)
    for axis, step in ((1, steps[1]), (2, steps[0])):
        table.header[f"CRPIX{axis}"] = 1.0
        table.header[f"CRVAL{axis}"] = 1.0
        table.header[f"CDELT{axis}"] = step
    return table


def _table(name: str, columns: range | None = None) -> FloatArray:
    """Return the numbers of a stored table, shape (rows, columns)."""
    with gzip.open(DATA / f"{name}.gz", "rt") as stream:
        numbers: FloatArray = np.loadtxt(stream, usecols=columns)
    return numbers
