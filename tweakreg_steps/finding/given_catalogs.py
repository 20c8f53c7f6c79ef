"""The sources of an image from catalogs made elsewhere; its pixels are not read."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.finding.catalog_meta import CatalogMeta
from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.sections import CoordinateFile
from tweakreg_steps.tables.catalog_entries import CatalogEntries
from tweakreg_steps.tables.ecsv import ColumnTable

log = logging.getLogger(__name__)

Floats = FloatArray

DESCRIPTIONS = {
    "id": "number of the entry through all catalogs of the image, from 0",
    "chip": "chip, in the order of the SCI extensions, from 1",
    "x": "FITS pixel, the centre of the first being 1",
    "y": "FITS pixel, the centre of the first being 1",
    "flux": "as in the catalog, in coordinate_file.fluxunits",
    "ra": "right ascension as in the catalog",
    "dec": "declination as in the catalog",
}
UNITS = {"x": "pix", "y": "pix", "ra": "deg", "dec": "deg"}


def read_given_catalogs(
    image: Path,
    chips: Sequence[Chip],
    *,
    name: str,
    catalogs: Mapping[int, Path],
    exclusions: Mapping[int, Path],
    parameters: CoordinateFile,
) -> ColumnTable:
    """Return the sources of an image from the catalogs that the user has made of it.

    Parameters
    ----------
    image
        The exposure; of it, only the WCS is read, and that only where it is needed.
    chips
        Its chips.
    name
        What the image is called.
    catalogs, exclusions
        The catalog, and the region file or mask, of each chip that has one, by its number.
    parameters
        The section ``coordinate_file``.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    first = 0
    parts = []
    for chip in chips:
        path = catalogs.get(chip.number)
        if path is None:
            log.info("%s: no catalog", chip.label)
            continue
        reader = _Reader(image, chip, parameters)
        part, n_all = reader.read(path, exclusions.get(chip.number), first)
        parts.append(part)
        first += n_all
    return _table(name, parameters, parts)


@dataclass(frozen=True)
class _Reader:
    """Reads the catalog of one chip of an image."""

    image: Path
    chip: Chip
    parameters: CoordinateFile

    def read(
        self, path: Path, exclusion: Path | None, first: int
    ) -> tuple[dict[str, NDArray[Any]], int]:
        """Return the columns of the chip's sources, and the number of entries of its catalog."""
        from tweakreg_steps.tables.coordinate_catalog import read_coordinate_catalog

        entries = read_coordinate_catalog(path, **self.parameters)
        x, y = entries.x, entries.y
        columns: dict[str, NDArray[Any]] = {}
        if self.parameters["xyunits"] == "degrees":
            x, y = self._on_chip(entries)
            columns = {"ra": entries.x, "dec": entries.y}
        columns |= {
            "id": entries.id + first,
            "chip": np.full(len(entries), self.chip.number),
            "x": x,
            "y": y,
            "flux": entries.flux,
        }
        kept = _inside(self.chip, x, y, path)
        if exclusion is not None:
            kept[kept] = self._allowed(exclusion, x[kept], y[kept])
        log.info("%s: %d sources of %s", self.chip.label, kept.sum(), path)
        return {name: column[kept] for name, column in columns.items()}, entries.n_all

    def _on_chip(self, entries: CatalogEntries) -> tuple[Floats, Floats]:
        """Return where positions on the sky fall on the chip, through its full distortion."""
        from tweakreg_steps.astrometry.undistortion import sky_to_pixels
        from tweakreg_steps.fits_files.exposure import read_wcs

        return sky_to_pixels(read_wcs(self.image, self.chip), entries.x, entries.y)

    def _allowed(self, exclusion: Path, x: Floats, y: Floats) -> BoolArray:
        """Tell which positions on the chip no region excludes."""
        from tweakreg_steps.fits_files.exposure import read_header, read_wcs
        from tweakreg_steps.masking.region_masks import chip_mask, physical_system

        mask = chip_mask(
            shape=self.chip.shape,
            wcs=read_wcs(self.image, self.chip),
            physical=physical_system(read_header(self.image, self.chip)),
            exclusion=exclusion,
            dq=None,
            dqbits=None,
        )
        if mask is None:
            return np.ones(len(x), dtype=np.bool_)
        row, column = (np.floor(position + 0.5).astype(np.intp) - 1 for position in (y, x))
        allowed = mask[row, column]
        log.info("%s: %d sources excluded by %s", self.chip.label, np.sum(~allowed), exclusion)
        return np.asarray(allowed)


def _inside(chip: Chip, x: Floats, y: Floats, path: Path) -> BoolArray:
    """Tell which positions are on the chip; the others are noted in the log."""
    ny, nx = chip.shape
    inside = (x >= 0.5) & (x < nx + 0.5) & (y >= 0.5) & (y < ny + 0.5)  # noqa: PLR2004  edges
    if not inside.all():
        log.warning("%s: left out, not on %s: %d entries", path, chip.label, np.sum(~inside))
    return np.asarray(inside)


def _table(
    name: str, parameters: CoordinateFile, parts: Sequence[dict[str, NDArray[Any]]]
) -> ColumnTable:
    """Join the chips' columns."""
    is_on_sky = parameters["xyunits"] == "degrees"
    is_magnitude = parameters["fluxunits"] == "mag"
    units = UNITS | ({"flux": "mag"} if is_magnitude else {})
    names = ("id", "chip", "x", "y", "flux", *(("ra", "dec") if is_on_sky else ()))
    kinds = {"id": np.int64, "chip": np.int64}
    columns = {
        key: np.concatenate([np.zeros(0), *(part[key] for part in parts)]).astype(
            kinds.get(key, np.float64)
        )
        for key in names
    }
    meta: CatalogMeta = {"image": name, "found_in": "catalogs", "reason": None}
    return ColumnTable(
        columns=columns,
        units={key: unit for key, unit in units.items() if key in names},
        descriptions={key: text for key, text in DESCRIPTIONS.items() if key in names},
        meta=meta,
    )
