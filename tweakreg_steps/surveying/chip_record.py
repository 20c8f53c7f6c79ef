"""Chips as the plan's records hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tweakreg_steps.fits_files.chips import Chip


def chip_from_record(record: Mapping[str, Any]) -> Chip:
    """Return the chip that an entry of a job's record describes."""
    ny, nx = record["shape"]
    return Chip(
        number=record["number"],
        extension=record["extension"],
        label=record["label"],
        shape=(ny, nx),
    )
