"""Where on the sky an image's sources are, by its header's full distortion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.running.step import StepCall
from tweakreg_steps.surveying.chip_record import chip_from_record
from tweakreg_steps.tables.ecsv import ColumnTable, read_table, write_table


def run(call: StepCall) -> list[Path]:
    """Write ``sky/<image>.ecsv``: the catalog with right ascension and declination.

    A catalog made elsewhere may have them already; they are taken as they are.
    """
    catalog = read_table(call.file("catalog"))
    is_on_sky = "ra" in catalog.columns
    ra, dec = (catalog["ra"], catalog["dec"]) if is_on_sky else _undistort(call, catalog)
    kept = {name: catalog[name] for name in ("id", "chip", "x", "y", "flux")}
    kept |= _of_pixels(call, catalog)
    units = {name: unit for name, unit in catalog.units.items() if name in kept}
    sky = ColumnTable(
        columns={**kept, "ra": ra, "dec": dec},
        units={**units, "error": "mas", "ra": "deg", "dec": "deg"},
        descriptions={k: v for k, v in catalog.descriptions.items() if k in kept},
        meta={name: catalog.meta[name] for name in ("image", "found_in", "reason")},
    )
    write_table(call.file("sky"), sky)
    return [call.file("sky")]


def _of_pixels(call: StepCall, catalog: ColumnTable) -> dict[str, NDArray[Any]]:
    """Return errors in mas and narrowness; a catalog made elsewhere says nothing about them."""
    if "error" not in catalog.columns:
        n_sources = len(catalog)
        return {"error": np.full(n_sources, np.nan), "narrow": np.zeros(n_sources, dtype=np.bool_)}
    from tweakreg_steps.astrometry.undistortion import pixel_scale
    from tweakreg_steps.fits_files.exposure import read_wcs

    scale = np.zeros(len(catalog))
    for record in call.inputs["chips"]:
        chip = chip_from_record(record)
        on_chip = catalog["chip"] == chip.number
        if on_chip.any():
            scale[on_chip] = pixel_scale(read_wcs(call.file("image"), chip)) * 1000.0
    return {"error": catalog["error"] * scale, "narrow": catalog["narrow"]}


def _undistort(
    call: StepCall, catalog: ColumnTable
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sky positions of sources known in pixels."""
    from tweakreg_steps.astrometry.undistortion import pixels_to_sky
    from tweakreg_steps.fits_files.exposure import read_wcs

    ra, dec = np.zeros(len(catalog)), np.zeros(len(catalog))
    for record in call.inputs["chips"]:
        chip = chip_from_record(record)
        on_chip = catalog["chip"] == chip.number
        if on_chip.any():
            wcs = read_wcs(call.file("image"), chip)
            ra[on_chip], dec[on_chip] = pixels_to_sky(
                wcs,
                catalog["x"][on_chip],
                catalog["y"][on_chip],
                where=f"{call.file('image').name}, {chip.label}",
            )
    return ra, dec
