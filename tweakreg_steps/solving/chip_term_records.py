"""What the terms of chips say, for `solution_record`: shifts with their errors, and the fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tweakreg_steps.solving.chips_of_images import ChipsOfImages
from tweakreg_steps.solving.solution import MosaicSolution
from tweakreg_steps.solving.unit_parameters import N_NUMBERS

_NAMES = ("shift_x", "shift_y", "rotation", "scale", "stretch", "shear")


def chip_term_records(chips: ChipsOfImages, found: MosaicSolution) -> list[dict[str, Any]]:
    """Describe the terms of chips, one each; nothing where none were asked for.

    Returns
    -------
    list of dict
        ``camera`` and ``chip``; ``shift_x``, ``shift_y`` in pixels of the detector, ``rotation``
        (radians), ``scale``, ``stretch`` and ``shear`` as parts of one, as far as they were asked
        for; ``errors``, the standard error of each. A term that the dithers do not tell is zero,
        and so is its error.
    """
    if not chips.names:
        return []
    n_numbers = chips.detections.n_numbers
    errors = found.covariances.chip_errors().reshape(-1, n_numbers)
    units = np.ones(N_NUMBERS)
    records = []
    for place, (camera, chip) in enumerate(chips.names):
        units[2:] = 1.0 / chips.lengths[place]
        values = found.chip_numbers[place] * units
        known = errors[place] * units[:n_numbers]
        names = _NAMES[:n_numbers]
        records.append(
            {
                "camera": camera,
                "chip": chip,
                **dict(zip(names, values.tolist(), strict=False)),
                "errors": dict(zip(names, known.tolist(), strict=True)),
            }
        )
    return records


def notes_on_chips(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say by how much each chip is off, a sentence each."""
    return [
        f"chip {one['chip']} of {one['camera'] or 'the camera'} lies {one['shift_x']:+.4f}, "
        f"{one['shift_y']:+.4f} +- {np.hypot(*_errors(one)) / np.sqrt(2.0):.4f} pixels from where "
        "its headers have it, against the other chips"
        for one in records
        if any(_errors(one))
    ]


def _errors(record: Mapping[str, Any]) -> tuple[float, float]:
    """Return the standard errors of the shift of a chip."""
    errors = record["errors"]
    return errors["shift_x"], errors["shift_y"]
