"""The sources of an image, chip by chip."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.finding.finders import FINDERS, SHAPE_COLUMNS, Search
from tweakreg_steps.finding.pixel_unit import PixelUnit, unit_from_record
from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.fits_files.mask_file import read_mask
from tweakreg_steps.provenance.statement import sign_table
from tweakreg_steps.recipes.inputs import image_name
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.surveying.chip_record import chip_from_record
from tweakreg_steps.tables.ecsv import ColumnTable, write_table

log = logging.getLogger(__name__)

_UNITS = {"x": "pix", "y": "pix", "error": "pix"}
_DESCRIPTIONS = {
    "id": "number of the source, from 0 through all chips",
    "chip": "chip, in the order of the SCI extensions, from 1",
    "x": "FITS pixel, the centre of the first being 1",
    "y": "FITS pixel, the centre of the first being 1",
    "spread": "least light of two opposite neighbours of the brightest pixel, over that pixel",
    "narrow": "whether it is too narrow for a star: a cosmic ray or a hot pixel",
}
_COLUMNS = ("x", "y", "flux", "peak", "error")


def run(call: StepCall) -> list[Path]:
    """Write ``catalogs/<image>.ecsv``."""
    from tweakreg_steps.finding.narrowness import measure_narrowness

    finder = FINDERS[call.findpars["finder"]]
    columns: dict[str, list[Any]] = {}
    notes: list[dict[str, Any]] = []
    for record in call.inputs["chips"]:
        chip = chip_from_record(record)
        try:
            search = _search(call, chip, unit_from_record(record["unit"]))
            found = finder.search(search)
        except NotAlignedError as error:
            if error.reason is not Reason.NO_PIXELS:
                raise
            log.warning("%s, %s: %s", call.file("image"), chip.label, error.detail)
            notes.append({"chip": chip.number, "n_sources": 0, "reason": error.reason.value})
            continue
        x, y = found.columns["x"], found.columns["y"]
        shape = measure_narrowness(search.pixels, x, y, sigma=found.sigma)
        n_sources = len(x)
        n_narrow = int(shape.narrow.sum())
        notes.append(
            {
                "chip": chip.number,
                "n_sources": n_sources,
                **found.note,
                "n_narrow": n_narrow,
                "warnings": list(found.warnings),
            }
        )
        for text in found.warnings:
            log.warning("%s, %s: %s", call.file("image"), chip.label, text)
        log.info("%s: %d sources, %s", chip.label, n_sources, dict(found.note))
        columns.setdefault("chip", []).append(np.full(n_sources, chip.number))
        for name in _measured(call):
            columns.setdefault(name, []).append(found.columns[name])
        columns.setdefault("spread", []).append(shape.spread)
        columns.setdefault("narrow", []).append(shape.narrow)
    write_table(call.file("catalog"), sign_table(_table(call, columns, notes), call.statement))
    return [call.file("catalog")]


def _search(call: StepCall, chip: Chip, unit: PixelUnit) -> Search:
    """Read what a finder needs of one chip."""
    from tweakreg_steps.fits_files.exposure import read_pixels

    good = read_mask(call.file("mask"), chip.number)
    own_filter = call.optional_file("filter")
    return Search(
        pixels=read_pixels(call.file("image"), chip),
        good=np.ones(chip.shape, dtype=bool) if good is None else good,
        weights=_weights(call, chip),
        user_filter=own_filter.read_text(encoding="utf-8") if own_filter else None,
        unit=unit,
        find=call.findpars,
    )


def _weights(call: StepCall, chip: Chip) -> NDArray[Any] | None:
    """Read the weight map of one chip that the user asks SExtractor to use, if any."""
    from tweakreg_steps.finding.sextractor_options import needs_errors, weight_image
    from tweakreg_steps.fits_files.weight_map import read_errors, read_weights

    path = call.optional_file(f"weights{chip.number}")
    if path is not None:
        options, image = call.findpars["sextractor"], image_name(call.file("image"))
        _, selection = weight_image(options, image, chip.number)
        return read_weights(path, selection, chip.shape)
    if needs_errors(call.findpars["sextractor"]):
        return read_errors(call.file("image"), chip)
    return None


def _measured(call: StepCall) -> tuple[str, ...]:
    """Return the columns that the finder measures."""
    selecting = call.findpars["use_sharp_round"]
    return (*_COLUMNS, *(SHAPE_COLUMNS if selecting else ()))


def _table(
    call: StepCall, columns: dict[str, list[Any]], notes: list[dict[str, Any]]
) -> ColumnTable:
    """Join the chips' columns, and say why where there is nothing to join."""
    empty = np.zeros(0)
    joined = {
        "chip": np.concatenate(columns.get("chip", [empty])).astype(np.int64),
        **{
            name: np.concatenate(columns.get(name, [empty])).astype(float)
            for name in (*_measured(call), "spread")
        },
        "narrow": np.concatenate(columns.get("narrow", [empty])).astype(np.bool_),
    }
    finder = FINDERS[call.findpars["finder"]]
    reason = Reason.NO_PIXELS.value if all("reason" in note for note in notes) else None
    return ColumnTable(
        columns={"id": np.arange(len(joined["chip"])), **joined},
        units=_UNITS,
        descriptions={**_DESCRIPTIONS, **finder.descriptions},
        meta={"image": call.name, "found_in": "pixels", "chips": notes, "reason": reason},
    )
