"""The sources of an image, chip by chip."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.fits_files.mask_file import read_mask
from tweakreg_steps.planning.chip_record import chip_from_record
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import ColumnTable, write_table

if TYPE_CHECKING:
    from tweakreg_steps.finding.daofind import ChipSources

log = logging.getLogger(__name__)

_UNITS = {"x": "pix", "y": "pix", "error": "pix"}
_DESCRIPTIONS = {
    "id": "number of the source, from 0 through all chips",
    "chip": "chip, in the order of the SCI extensions, from 1",
    "x": "FITS pixel, the centre of the first being 1",
    "y": "FITS pixel, the centre of the first being 1",
    "flux": "sum over the kernel's box, in image units",
    "peak": "brightest pixel of the kernel's box, in image units",
    "error": "standard error of x, and of y, that the noise of the sky gives",
    "spread": "least light of two opposite neighbours of the brightest pixel, over that pixel",
    "narrow": "whether it is too narrow for a star: a cosmic ray or a hot pixel",
}
_COLUMNS = ("x", "y", "flux", "peak")
_SHAPE_COLUMNS = ("sharpness", "roundness1", "roundness2")


def run(call: StepCall) -> list[Path]:
    """Write ``catalogs/<image>.ecsv``."""
    from tweakreg_steps.finding.daofind import find_sources_on_chip
    from tweakreg_steps.finding.narrowness import measure_narrowness
    from tweakreg_steps.fits_files.exposure import read_pixels

    find = call.findpars
    columns: dict[str, list[Any]] = {}
    notes: list[dict[str, Any]] = []
    for record in call.inputs["chips"]:
        chip = chip_from_record(record)
        good = read_mask(call.file("mask"), chip.number)
        pixels = read_pixels(call.file("image"), chip)
        try:
            found = find_sources_on_chip(
                pixels,
                np.ones(chip.shape, dtype=bool) if good is None else good,
                **find,
            )
        except NotAlignedError as error:
            if error.reason is not Reason.NO_PIXELS:
                raise
            log.warning("%s, %s: %s", call.file("image"), chip.label, error.detail)
            notes.append({"chip": chip.number, "n_sources": 0, "reason": error.reason.value})
            continue
        stars = found.stars
        shape = measure_narrowness(pixels, stars.x, stars.y, sigma=found.sigma)
        notes.append({**_note(chip.number, found), "n_narrow": int(shape.narrow.sum())})
        log.info("%s: %d sources, sky sigma %.5g", chip.label, len(stars), found.sigma)
        columns.setdefault("chip", []).append(np.full(len(stars), chip.number))
        for name in _measured(call):
            columns.setdefault(name, []).append(getattr(stars, name))
        columns.setdefault("error", []).append(found.errors)
        columns.setdefault("spread", []).append(shape.spread)
        columns.setdefault("narrow", []).append(shape.narrow)
    write_table(call.file("catalog"), _table(call, columns, notes))
    return [call.file("catalog")]


def _measured(call: StepCall) -> tuple[str, ...]:
    """Return the columns that the finder measures."""
    selecting = call.findpars["use_sharp_round"]
    return (*_COLUMNS, *(_SHAPE_COLUMNS if selecting else ()))


def _note(chip: int, found: ChipSources) -> dict[str, Any]:
    """Describe how the sources of a chip were found."""
    return {
        "chip": chip,
        "n_sources": len(found.stars),
        "sky_sigma": float(found.sigma),
        "sky_sigma_method": found.noise.method if found.noise else "skysigma",
        "threshold_level": float(found.threshold_level),
        "retried": found.retried,
    }


def _table(
    call: StepCall, columns: dict[str, list[Any]], notes: list[dict[str, Any]]
) -> ColumnTable:
    """Join the chips' columns, and say why where there is nothing to join."""
    empty = np.zeros(0)
    joined = {
        "chip": np.concatenate(columns.get("chip", [empty])).astype(np.int64),
        **{
            name: np.concatenate(columns.get(name, [empty])).astype(float)
            for name in (*_measured(call), "error", "spread")
        },
        "narrow": np.concatenate(columns.get("narrow", [empty])).astype(np.bool_),
    }
    reason = Reason.NO_PIXELS.value if all("reason" in note for note in notes) else None
    return ColumnTable(
        columns={"id": np.arange(len(joined["chip"])), **joined},
        units=_UNITS,
        descriptions=_DESCRIPTIONS,
        meta={"image": call.name, "chips": notes, "reason": reason},
    )
