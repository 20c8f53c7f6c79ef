"""Where on the sky an image's sources are, by its header's full distortion."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tweakreg_steps.planning.chip_record import chip_from_record
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import ColumnTable, read_table, write_table


def run(call: StepCall) -> list[Path]:
    """Write ``sky/<image>.ecsv``: the catalog with right ascension and declination."""
    from tweakreg_steps.astrometry.undistortion import pixel_scale, pixels_to_sky
    from tweakreg_steps.fits_files.exposure import read_wcs

    catalog = read_table(call.file("catalog"))
    ra, dec, scale = (np.zeros(len(catalog)) for _ in range(3))
    for record in call.inputs["chips"]:
        chip = chip_from_record(record)
        on_chip = catalog["chip"] == chip.number
        if on_chip.any():
            wcs = read_wcs(call.file("image"), chip)
            scale[on_chip] = pixel_scale(wcs) * 1000.0
            ra[on_chip], dec[on_chip] = pixels_to_sky(
                wcs,
                catalog["x"][on_chip],
                catalog["y"][on_chip],
                where=f"{call.file('image').name}, {chip.label}",
            )
    kept = {name: catalog[name] for name in ("id", "chip", "x", "y", "flux", "error")}
    kept["error"] = kept["error"] * scale
    # a catalog that was not made from pixels says nothing about them
    measured = "narrow" in catalog.columns
    kept["narrow"] = catalog["narrow"] if measured else np.zeros(len(catalog), dtype=np.bool_)
    units = {name: unit for name, unit in catalog.units.items() if name in kept}
    sky = ColumnTable(
        columns={**kept, "ra": ra, "dec": dec},
        units={**units, "error": "mas", "ra": "deg", "dec": "deg"},
        descriptions={k: v for k, v in catalog.descriptions.items() if k in kept},
        meta={"image": call.name, "reason": catalog.meta["reason"]},
    )
    write_table(call.file("sky"), sky)
    return [call.file("sky")]
