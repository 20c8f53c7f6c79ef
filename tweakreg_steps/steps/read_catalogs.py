"""The sources of an image from catalogs made elsewhere; its pixels are not read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.provenance.statement import sign_table
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.surveying.chip_record import chip_from_record
from tweakreg_steps.tables.catalog_entries import CatalogEntries
from tweakreg_steps.tables.ecsv import ColumnTable, write_table

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]

_DESCRIPTIONS = {
    "id": "number of the entry through all catalogs of the image, from 0",
    "chip": "chip, in the order of the SCI extensions, from 1",
    "x": "FITS pixel, the centre of the first being 1",
    "y": "FITS pixel, the centre of the first being 1",
    "flux": "as in the catalog, in coordinate_file.fluxunits",
    "ra": "right ascension as in the catalog",
    "dec": "declination as in the catalog",
}
_UNITS = {"x": "pix", "y": "pix", "ra": "deg", "dec": "deg"}


def run(call: StepCall) -> list[Path]:
    """Write ``catalogs/<image>.ecsv``."""
    chips = [chip_from_record(record) for record in call.inputs["chips"]]
    excluded = _exclusions(call)
    first = 0
    parts = []
    for chip in chips:
        path = call.optional_file(f"catalog{chip.number}")
        if path is None:
            log.info("%s: no catalog", chip.label)
            continue
        part, n_all = _read_chip(call, chip, path, excluded.get(chip.number), first)
        parts.append(part)
        first += n_all
    write_table(call.file("catalog"), sign_table(_table(call, parts), call.statement))
    return [call.file("catalog")]


def _exclusions(call: StepCall) -> dict[int, Path]:
    """Return the region file or mask of each chip that has one."""
    from tweakreg_steps.masking.exclusions import read_exclusions

    path = call.optional_file("exclusions")
    if not call.inputs["exclusions"] or path is None:
        return {}
    chips = [chip_from_record(record) for record in call.inputs["chips"]]
    return read_exclusions(path, chips={}).files_of(call.inputs["excluded_as"], chips)


def _read_chip(
    call: StepCall, chip: Chip, path: Path, exclusion: Path | None, first: int
) -> tuple[dict[str, NDArray[Any]], int]:
    """Return the columns of one chip's sources, and the number of entries of its catalog."""
    from tweakreg_steps.tables.coordinate_catalog import read_coordinate_catalog

    parameters = call.parameters["coordinate_file"]
    entries = read_coordinate_catalog(path, **parameters)
    x, y = entries.x, entries.y
    columns: dict[str, NDArray[Any]] = {}
    if parameters["xyunits"] == "degrees":
        x, y = _on_chip(call, chip, entries)
        columns = {"ra": entries.x, "dec": entries.y}
    columns |= {
        "id": entries.id + first,
        "chip": np.full(len(entries), chip.number),
        "x": x,
        "y": y,
        "flux": entries.flux,
    }
    kept = _inside(chip, x, y, path)
    if exclusion is not None:
        kept[kept] = _allowed(call, chip, exclusion, x[kept], y[kept])
    log.info("%s: %d sources of %s", chip.label, kept.sum(), path)
    return {name: column[kept] for name, column in columns.items()}, entries.n_all


def _on_chip(call: StepCall, chip: Chip, entries: CatalogEntries) -> tuple[Floats, Floats]:
    """Return where positions on the sky fall on a chip, through its full distortion."""
    from tweakreg_steps.astrometry.undistortion import sky_to_pixels
    from tweakreg_steps.fits_files.exposure import read_wcs

    wcs = read_wcs(call.file("image"), chip)
    return sky_to_pixels(wcs, entries.x, entries.y)


def _inside(chip: Chip, x: Floats, y: Floats, path: Path) -> NDArray[np.bool_]:
    """Tell which positions are on the chip; the others are noted in the log."""
    ny, nx = chip.shape
    inside = (x >= 0.5) & (x < nx + 0.5) & (y >= 0.5) & (y < ny + 0.5)  # noqa: PLR2004  edges
    if not inside.all():
        log.warning("%s: left out, not on %s: %d entries", path, chip.label, np.sum(~inside))
    return np.asarray(inside)


def _allowed(
    call: StepCall, chip: Chip, exclusion: Path, x: Floats, y: Floats
) -> NDArray[np.bool_]:
    """Tell which positions on the chip no region excludes."""
    from tweakreg_steps.fits_files.exposure import read_header, read_wcs
    from tweakreg_steps.masking.region_masks import chip_mask, physical_system

    image = call.file("image")
    mask = chip_mask(
        shape=chip.shape,
        wcs=read_wcs(image, chip),
        physical=physical_system(read_header(image, chip)),
        exclusion=exclusion,
        dq=None,
        dqbits=None,
    )
    if mask is None:
        return np.ones(len(x), dtype=np.bool_)
    row, column = (np.floor(position + 0.5).astype(np.intp) - 1 for position in (y, x))
    allowed = mask[row, column]
    log.info("%s: %d sources excluded by %s", chip.label, np.sum(~allowed), exclusion)
    return np.asarray(allowed)


def _table(call: StepCall, parts: Sequence[dict[str, NDArray[Any]]]) -> ColumnTable:
    """Join the chips' columns."""
    is_on_sky = call.parameters["coordinate_file"]["xyunits"] == "degrees"
    is_magnitude = call.parameters["coordinate_file"]["fluxunits"] == "mag"
    units = _UNITS | ({"flux": "mag"} if is_magnitude else {})
    names = ("id", "chip", "x", "y", "flux", *(("ra", "dec") if is_on_sky else ()))
    kinds = {"id": np.int64, "chip": np.int64}
    columns = {
        name: np.concatenate([np.zeros(0), *(part[name] for part in parts)]).astype(
            kinds.get(name, np.float64)
        )
        for name in names
    }
    return ColumnTable(
        columns=columns,
        units={name: unit for name, unit in units.items() if name in names},
        descriptions={name: text for name, text in _DESCRIPTIONS.items() if name in names},
        meta={"image": call.name, "found_in": "catalogs", "reason": None},
    )
