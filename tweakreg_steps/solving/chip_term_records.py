"""What the terms of chips say, for `solution_record`: shifts with their errors, and the fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from tweakreg_steps.solving.chips_of_images import ChipsOfImages
from tweakreg_steps.solving.solution import MosaicSolution
from tweakreg_steps.solving.solution_file import ChipTermRecord, TermNumbers
from tweakreg_steps.solving.unit_parameters import N_NUMBERS

_NAMES = ("shift_x", "shift_y", "rotation", "scale", "stretch", "shear")


def chip_term_records(chips: ChipsOfImages, found: MosaicSolution) -> list[ChipTermRecord]:
    """Describe the terms of chips, one each; nothing where none were asked for.

    Returns
    -------
    list of ChipTermRecord
        In the order of the chips.
    """
    if not chips.names:
        return []
    n_numbers = chips.detections.n_numbers
    errors = found.covariances.chip_errors().reshape(-1, n_numbers)
    units = np.ones(N_NUMBERS)
    records: list[ChipTermRecord] = []
    for place, (camera, chip) in enumerate(chips.names):
        units[2:] = 1.0 / chips.lengths[place]
        values = found.chip_numbers[place] * units
        known = errors[place] * units[:n_numbers]
        records.append(
            {
                "camera": camera,
                "chip": chip,
                **_numbers(values[:n_numbers].tolist()),
                "errors": _numbers(known.tolist()),
            }
        )
    return records


def _numbers(values: Sequence[float]) -> TermNumbers:
    """Name the numbers of a term: its shift, and as many others as were asked for."""
    return cast("TermNumbers", dict(zip(_NAMES, values, strict=False)))


def notes_on_chips(records: Sequence[ChipTermRecord]) -> list[str]:
    """Say by how much each chip is off, a sentence each."""
    return [
        f"chip {one['chip']} of {one['camera'] or 'the camera'} lies {one['shift_x']:+.4f}, "
        f"{one['shift_y']:+.4f} +- {np.hypot(*_errors(one)) / np.sqrt(2.0):.4f} pixels from where "
        "its headers have it, against the other chips"
        for one in records
        if any(_errors(one))
    ]


def _errors(record: ChipTermRecord) -> tuple[float, float]:
    """Return the standard errors of the shift of a chip."""
    errors = record["errors"]
    return errors["shift_x"], errors["shift_y"]
