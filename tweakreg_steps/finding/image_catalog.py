"""The sources of an image, chip by chip."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.finding.catalog_meta import CatalogMeta, ChipNote, FinderNote
from tweakreg_steps.finding.finders import FINDERS, SHAPE_COLUMNS, Search
from tweakreg_steps.finding.sources import PHASE_COLUMNS
from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.fits_files.image_name import image_name
from tweakreg_steps.fits_files.mask_file import read_mask
from tweakreg_steps.fits_files.pixel_unit import PixelUnit
from tweakreg_steps.sections import Finding
from tweakreg_steps.tables.ecsv import ColumnTable

log = logging.getLogger(__name__)

UNITS = dict.fromkeys(("x", "y", "error", *PHASE_COLUMNS), "pix")
DESCRIPTIONS = {
    "id": "number of the source, from 0 through all chips",
    "chip": "chip, in the order of the SCI extensions, from 1",
    "x": "FITS pixel, the centre of the first being 1",
    "y": "FITS pixel, the centre of the first being 1",
    "flux": "light of the source in image units; which, the finder says",
    "peak": "brightest pixel, in image units",
    "error": "standard error of x, and of y",
    "sharpness": "DAOFIND's sharpness, or IRAF's; only with use_sharp_round",
    "roundness1": "DAOFIND's roundness by symmetry; only with use_sharp_round",
    "roundness2": "DAOFIND's roundness by marginal fits; only with use_sharp_round",
    "phase_x": "x from the middle of the pixel around which DAOFIND measured it",
    "phase_y": "y from the middle of the pixel around which DAOFIND measured it",
    "spread": "least light of two opposite neighbours of the brightest pixel, over that pixel",
    "narrow": "whether it is too narrow for a star: a cosmic ray or a hot pixel",
}
_COLUMNS = ("x", "y", "flux", "peak", "error")


def find_in_image(
    image: Path,
    chips: Sequence[Chip],
    *,
    name: str,
    mask: Path,
    find: Finding,
    units: Mapping[int, PixelUnit],
    weights: Mapping[int, Path],
    own_filter: Path | None,
) -> ColumnTable:
    """Return the sources of an image, chip by chip.

    Parameters
    ----------
    image
        The exposure.
    chips
        Its chips.
    name
        What the image is called.
    mask
        Where on each chip sources may be: ``masks/<image>.fits``.
    find
        The section ``imagefindpars`` or ``refimagefindpars``.
    units
        What a pixel's value stands for, by the chips' numbers.
    weights
        The user's weight maps by the chips' numbers.
    own_filter
        The user's convolution filter, or None.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    from tweakreg_steps.finding.narrowness import measure_narrowness

    finder = FINDERS[find["finder"]]
    columns: dict[str, list[Any]] = {}
    notes: list[ChipNote] = []
    for chip in chips:
        try:
            search = _search(image, chip, units[chip.number], mask, find, weights, own_filter)
            found = finder.search(search)
        except NotAlignedError as error:
            if error.reason is not Reason.NO_PIXELS:
                raise
            log.warning("%s, %s: %s", image, chip.label, error.detail)
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
            log.warning("%s, %s: %s", image, chip.label, text)
        log.info("%s: %d sources; %s", chip.label, n_sources, _in_words(found.note))
        columns.setdefault("chip", []).append(np.full(n_sources, chip.number))
        for key in _measured(find):
            columns.setdefault(key, []).append(found.columns[key])
        columns.setdefault("spread", []).append(shape.spread)
        columns.setdefault("narrow", []).append(shape.narrow)
    return _table(name, find, columns, notes)


def _search(
    image: Path,
    chip: Chip,
    unit: PixelUnit,
    mask: Path,
    find: Finding,
    weights: Mapping[int, Path],
    own_filter: Path | None,
) -> Search:
    """Read what a finder needs of one chip."""
    from tweakreg_steps.fits_files.exposure import read_pixels

    good = read_mask(mask, chip.number)
    return Search(
        pixels=read_pixels(image, chip),
        good=np.ones(chip.shape, dtype=bool) if good is None else good,
        weights=_weights(image, chip, find, weights.get(chip.number)),
        user_filter=own_filter.read_text(encoding="utf-8") if own_filter else None,
        unit=unit,
        find=find,
    )


def _weights(image: Path, chip: Chip, find: Finding, path: Path | None) -> NDArray[Any] | None:
    """Read the weight map of one chip that the user asks SExtractor to use, if any."""
    from tweakreg_steps.finding.sextractor_options import needs_errors, weight_image
    from tweakreg_steps.fits_files.weight_map import read_errors, read_weights

    if path is not None:
        _, selection = weight_image(find["sextractor"], image_name(image), chip.number)
        return read_weights(path, selection, chip.shape)
    if needs_errors(find["sextractor"]):
        return read_errors(image, chip)
    return None


def _measured(find: Finding) -> tuple[str, ...]:
    """Return the columns that the finder measures."""
    selecting = find["use_sharp_round"]
    phases = PHASE_COLUMNS if find["finder"] == "daofind" else ()
    return (*_COLUMNS, *(SHAPE_COLUMNS if selecting else ()), *phases)


def _in_words(note: FinderNote) -> str:
    """Say what a finder notes of a chip: ``sky sigma 6.77, sky sigma method mode``."""
    told = {k: value for k, value in note.items() if value is not None and value is not False}
    return ", ".join(f"{key.replace('_', ' ')}{_value(told[key])}" for key in told)


def _value(value: object) -> str:
    """Write a value behind its name; what is just true needs none."""
    if value is True:
        return ""
    return f" {value:.4g}" if isinstance(value, float) else f" {value}"


def _table(
    name: str, find: Finding, columns: dict[str, list[Any]], notes: list[ChipNote]
) -> ColumnTable:
    """Join the chips' columns, and say why where there is nothing to join."""
    empty = np.zeros(0)
    joined = {
        "chip": np.concatenate(columns.get("chip", [empty])).astype(np.int64),
        **{
            key: np.concatenate(columns.get(key, [empty])).astype(float)
            for key in (*_measured(find), "spread")
        },
        "narrow": np.concatenate(columns.get("narrow", [empty])).astype(np.bool_),
    }
    finder = FINDERS[find["finder"]]
    reason = Reason.NO_PIXELS.value if all("reason" in note for note in notes) else None
    texts = {**DESCRIPTIONS, **finder.descriptions}
    meta: CatalogMeta = {"image": name, "found_in": "pixels", "chips": notes, "reason": reason}
    return ColumnTable(
        columns={"id": np.arange(len(joined["chip"])), **joined},
        units={key: unit for key, unit in UNITS.items() if key in joined},
        descriptions={key: text for key, text in texts.items() if key == "id" or key in joined},
        meta=meta,
    )
