"""The sources of an image where its PSF puts them, as a catalog like that of the finder."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.finding.catalog_meta import (
    CatalogMeta,
    ChipNote,
    PsfCounts,
    catalog_meta,
)
from tweakreg_steps.finding.sources import PHASE_COLUMNS
from tweakreg_steps.fits_files.noise_cards import NOISE_OF_HEADER
from tweakreg_steps.psf.exposed_pixels import ExposedPixels, ExposureFiles
from tweakreg_steps.psf.fit_layout import core_radius
from tweakreg_steps.psf.pixel_boxes import ChipPixels
from tweakreg_steps.psf.pixel_noise import ERR
from tweakreg_steps.psf.psf_file import PsfFile, describe_psf_file, read_psf
from tweakreg_steps.psf.psf_fit import fit_positions
from tweakreg_steps.psf.psf_grid import PsfGrid, full_width
from tweakreg_steps.psf.psf_positions import Flag, PsfPositions, unmeasured
from tweakreg_steps.tables.ecsv import ColumnTable

log = logging.getLogger(__name__)


FEW_FITTED = 0.5
"""Part of the measured sources below which it is said that the PSF fits too few of them."""

MANY = 20
"""Measured sources without which nothing is said of their number."""

WIDER = 1.3
"""Widths of the sources that it takes for narrow by which a PSF is said to be too wide."""

_UNITS = {"var_x": "pix2", "var_y": "pix2", "cov_xy": "pix2"}
_DESCRIPTIONS = {
    "flux": "of the PSF, above the local sky, in image units; the finder's where not measured",
    "error": "standard error of x, and of y, of the PSF's fit, that of a built PSF itself included;"
    " nan where the finder's position is",
    "sky": "local sky under the source, in image units",
    "var_x": "variance of x from the noise of the pixels",
    "var_y": "variance of y from the noise of the pixels",
    "cov_xy": "covariance of x and y from the noise of the pixels",
    "quality": "sum of the absolute residuals of the core over the flux: 0 for a perfect fit",
    "chi2": "reduced chi square of the core",
    "flags": "sum of 1 blended, 2 pixels left out, 4 from the wings, 8 not measured, 32 narrow, "
    "64 extended",
    "narrow": "whether no PSF fits it and its light is in fewer pixels: a cosmic ray, a hot pixel",
}


def measure_image(found: ColumnTable, exposure: ExposureFiles, psf: Path) -> ColumnTable:
    """Measure the sources of an image with a PSF.

    Parameters
    ----------
    found
        The finder's catalog.
    exposure
        The image.
    psf
        The file of the PSF.

    Returns
    -------
    ColumnTable
        The catalog with ``x``, ``y``, ``flux``, ``error`` and ``narrow`` of the PSF, and what else
        the fit tells. Pieces of brighter sources are left out. What could not be measured, or is
        wider than the PSF, keeps the finder's position, with an error of nan.

    Raises
    ------
    InputError
        A file cannot be read, or the PSF does not fit the image.
    """
    file = describe_psf_file(psf)
    parts: list[ColumnTable] = []
    notes: list[ChipNote] = []
    for note, pixels in zip(catalog_meta(found)["chips"], exposure.chips, strict=True):
        own = _rows(found, found["chip"] == pixels.chip.number)
        if not len(own):
            notes.append(note)
            continue
        fitted, noise = _fit_chip(file, pixels, own)
        kept = (fitted.flags & Flag.NOTHING) == 0
        error = file.error_of(pixels.setup.detector)
        parts.append(_merge(_rows(own, kept), fitted[kept], error))
        counts = _count(fitted)
        notes.append({**note, **counts, "pixel_noise": noise})
        log.info("%s: %s", pixels.label, counts)
        _warn_of_misfits(pixels, counts)
    _warn_of_noise(exposure, notes)
    return _join(found, parts or [_merge(found, unmeasured(found["x"], found["y"]), 0.0)], notes)


def _fit_chip(file: PsfFile, pixels: ExposedPixels, own: ColumnTable) -> tuple[PsfPositions, str]:
    """Fit the sources of a chip; and say what its noise was taken from.

    Its pixels are let go before those of the next are read.
    """
    grid, data = read_psf(file, pixels.setup), pixels.load()
    fitted = fit_positions(data.pixels, data.good, grid, data.noise, own["x"], own["y"])
    _warn_of_width(pixels.label, data, grid, fitted, ~own["narrow"])
    return fitted, data.noise.source


def _rows(table: ColumnTable, chosen: BoolArray) -> ColumnTable:
    """Return some rows of a table."""
    return replace(table, columns={name: c[chosen] for name, c in table.columns.items()})


def _merge(found: ColumnTable, fitted: PsfPositions, psf_error: float) -> ColumnTable:
    """Lay what the PSF tells over what the finder has found; its own error counts in ``error``."""
    measured = (fitted.flags & (Flag.NOT_MEASURED | Flag.EXTENDED)) == 0
    lit = (fitted.flags & Flag.NOT_MEASURED) == 0
    columns: dict[str, NDArray[Any]] = {
        **found.columns,
        **_phases(found, measured),
        "x": np.where(measured, fitted.x, found["x"]),
        "y": np.where(measured, fitted.y, found["y"]),
        "flux": np.where(lit, fitted.flux, found["flux"]),
        "error": np.where(measured, fitted.errors_with(psf_error), np.nan),
        "narrow": np.where(lit, (fitted.flags & Flag.NARROW) != 0, found["narrow"]),
        "sky": fitted.sky,
        "var_x": fitted.xx,
        "var_y": fitted.yy,
        "cov_xy": fitted.xy,
        "quality": fitted.quality,
        "chi2": fitted.chi2,
        "flags": fitted.flags,
    }
    return replace(
        found,
        columns=columns,
        units={**found.units, **_UNITS},
        descriptions={**found.descriptions, **_DESCRIPTIONS},
    )


def _phases(found: ColumnTable, measured: BoolArray) -> dict[str, NDArray[Any]]:
    """Return the phases that still hold: the fit of a PSF has no pixel around which it is made."""
    names = [name for name in PHASE_COLUMNS if name in found.columns]
    return {name: np.where(measured, np.nan, found[name]) for name in names}


def _join(found: ColumnTable, parts: list[ColumnTable], notes: list[ChipNote]) -> ColumnTable:
    """Put the chips together."""
    names = parts[0].columns
    columns = {name: np.concatenate([part[name] for part in parts]) for name in names}
    meta: CatalogMeta = {**catalog_meta(found), "chips": notes, "centroid": "psf"}
    return replace(parts[0], columns=columns, meta=meta)


def _count(fitted: PsfPositions) -> PsfCounts:
    """Count what the fit makes of the sources of a chip."""
    flags = fitted.flags
    lost = (flags & Flag.NOT_MEASURED) != 0
    return {
        "n_measured": int((~lost).sum()),
        "n_not_measured": int((lost & ((flags & Flag.NOTHING) == 0)).sum()),
        "n_pieces": int(((flags & Flag.NOTHING) != 0).sum()),
        "n_narrow": int(((flags & Flag.NARROW) != 0).sum()),
        "n_extended": int(((flags & Flag.EXTENDED) != 0).sum()),
    }


def _warn_of_noise(exposure: ExposureFiles, notes: list[ChipNote]) -> None:
    """Warn of ERR images without errors: what has none at all is said before."""
    blind = [
        pixels.label
        for note, pixels in zip(notes, exposure.chips, strict=True)
        if pixels.record["err"] is not None and note.get("pixel_noise", ERR) != ERR
    ]
    if blind:
        log.warning("%s: the ERR image holds no errors; %s", " and ".join(blind), NOISE_OF_HEADER)


def _warn_of_width(
    label: str, data: ChipPixels, psf: PsfGrid, fitted: PsfPositions, light_beside: BoolArray
) -> None:
    """Warn of a PSF that is wider than the stars: those whose light is not in a pixel or two."""
    seen = fitted[light_beside & ((fitted.flags & Flag.NOT_MEASURED) == 0)]
    narrow = seen[(seen.flags & Flag.NARROW) != 0]
    if len(narrow) < MANY or len(narrow) <= FEW_FITTED * len(seen):
        return
    width = full_width(psf)
    own = width * _relative_width(data, psf, narrow.x, narrow.y)
    if width > WIDER * own:
        log.warning(
            "%s: the PSF is %.1f pixels wide at half maximum, and %d of %d sources are narrower, "
            "most of them %.1f pixels wide: these count as cosmic rays and hot pixels; give "
            "imagefindpars.psf the file for this camera and filter, or build",
            *(label, width, len(narrow), len(seen), own),
        )


def _relative_width(data: ChipPixels, psf: PsfGrid, x: FloatArray, y: FloatArray) -> float:
    """Return the median width of sources in units of that of the PSF in the same pixels.

    A width is the root of all light over the brightest pixel.
    """
    boxes = data.boxes(x, y, core_radius(psf))
    light = boxes.light_of(psf, x, y, np.ones(len(x)), np.arange(len(x)))
    own, theirs = (
        np.where(boxes.usable, values, 0.0) for values in (boxes.values - data.noise.sky, light)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        areas = own.sum(axis=1) / own.max(axis=1) / (theirs.sum(axis=1) / theirs.max(axis=1))
    return float(np.sqrt(np.nanmedian(areas.clip(0.0))))


def _warn_of_misfits(pixels: ExposedPixels, counts: PsfCounts) -> None:
    """Warn of a PSF that is none of the sources'."""
    measured, extended = counts["n_measured"], counts["n_extended"]
    if measured >= MANY and extended > (1.0 - FEW_FITTED) * measured:
        log.warning(
            "%s: the PSF does not fit %d of %d sources, whose positions stay as they were found;"
            " is it that of another camera or filter?",
            pixels.label,
            extended,
            measured,
        )
