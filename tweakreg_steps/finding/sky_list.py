"""Where on the sky an image's sources are, by its header's full distortion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.finding.catalog_meta import SkyMeta
from tweakreg_steps.finding.sources import PHASE_COLUMNS
from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

UNITS = {
    "x": "pix",
    "y": "pix",
    "error": "mas",
    "phase_x": "pix",
    "phase_y": "pix",
    "ra": "deg",
    "dec": "deg",
}
DESCRIPTIONS = {
    "id": "number of the source, as in catalogs/",
    "chip": "chip, in the order of the SCI extensions, from 1",
    "x": "FITS pixel of the chip, the centre of the first being 1",
    "y": "FITS pixel of the chip, the centre of the first being 1",
    "flux": "as in catalogs/",
    "error": "standard error of the position along one axis; nan where it is not known",
    "phase_x": "as in catalogs/, where DAOFIND measured the position",
    "phase_y": "as in catalogs/, where DAOFIND measured the position",
    "narrow": "whether it is too narrow for a star: a cosmic ray or a hot pixel",
    "ra": "right ascension, ICRS, through the whole distortion of the header as it is",
    "dec": "declination, ICRS, through the whole distortion of the header as it is",
}


def make_sky_list(
    catalog: ColumnTable, image: Path, chips: Sequence[Chip], *, wcs_of: Callable[[Chip], WCS]
) -> ColumnTable:
    """Return a catalog with right ascension and declination.

    A catalog made elsewhere may have them already; they are taken as they are.

    Parameters
    ----------
    catalog
        Sources with ``id``, ``chip``, ``x``, ``y`` (FITS pixels, origin 1) and ``flux``.
    image
        The file whose WCS is used.
    chips
        Its chips.
    wcs_of
        Reads the WCS of a chip.

    Raises
    ------
    InputError
        The WCS cannot be read.
    """
    columns = {name: catalog[name] for name in ("id", "chip", "x", "y", "flux")}
    if "ra" in catalog.columns:
        ra, dec, scale = catalog["ra"], catalog["dec"], np.full(len(catalog), np.nan)
    else:
        ra, dec, scale = _undistort(catalog, image, chips, wcs_of)
    columns |= _of_pixels(catalog, scale)
    columns |= {name: catalog[name] for name in PHASE_COLUMNS if name in catalog.columns}
    described = {k: v for k, v in catalog.descriptions.items() if k in columns}
    own = {k: v for k, v in DESCRIPTIONS.items() if k in columns or k in ("ra", "dec")}
    units = {name: unit for name, unit in catalog.units.items() if name in columns}
    return ColumnTable(
        columns={**columns, "ra": ra, "dec": dec},
        units={**units, **{k: v for k, v in UNITS.items() if k in own}},
        descriptions={**described, **own, **_flux_text(catalog)},
        meta={name: catalog.meta[name] for name in SkyMeta.__annotations__ if name in catalog.meta},
    )


def _of_pixels(catalog: ColumnTable, scale: FloatArray) -> dict[str, NDArray[Any]]:
    """Return errors in mas and narrowness; a catalog made elsewhere says nothing about them.

    `scale` is the size of a pixel at each source in mas.
    """
    if "error" in catalog.columns:
        return {"error": catalog["error"] * scale, "narrow": catalog["narrow"]}
    n_sources = len(catalog)
    return {"error": np.full(n_sources, np.nan), "narrow": np.zeros(n_sources, dtype=np.bool_)}


def _undistort(
    catalog: ColumnTable, image: Path, chips: Sequence[Chip], wcs_of: Callable[[Chip], WCS]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return right ascension and declination of sources known in pixels, and their pixels' size.

    In degrees and mas.
    """
    from tweakreg_steps.astrometry.undistortion import pixel_scale, pixels_to_sky

    ra, dec, scale = (np.zeros(len(catalog)) for _ in range(3))
    for chip in chips:
        on_chip = catalog["chip"] == chip.number
        if on_chip.any():
            wcs = wcs_of(chip)
            scale[on_chip] = pixel_scale(wcs) * 1000.0
            ra[on_chip], dec[on_chip] = pixels_to_sky(
                wcs,
                catalog["x"][on_chip],
                catalog["y"][on_chip],
                where=f"{image.name}, {chip.label}",
            )
    return ra, dec, scale


def _flux_text(catalog: ColumnTable) -> dict[str, str]:
    """Return what the catalog says of its fluxes."""
    return {"flux": catalog.descriptions["flux"]} if "flux" in catalog.descriptions else {}
