"""Where the chips of an exposure are on the sky."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.undistortion import pixels_to_sky
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import Chip

if TYPE_CHECKING:
    from astropy.wcs import WCS

_SIDE = 7
"""Points a side of the grid: a cubic polynomial follows the distortion of a camera with it."""


class ChipGrid(TypedDict):
    """Points of a chip, row by row from edge to edge.

    ``x``, ``y`` (1-based pixels) and ``ra``, ``dec`` (deg, by the full distortion).
    """

    x: list[float]
    y: list[float]
    ra: list[float]
    dec: list[float]


class ChipFootprint(TypedDict):
    """Where a chip is; None for the ``grid`` where some of it have no place on the sky."""

    number: int
    label: str
    nx: int
    ny: int
    grid: ChipGrid | None


class Footprint(TypedDict):
    """Where the chips of an exposure are: ``footprints/<image>.json``."""

    chips: list[ChipFootprint]


def find_footprint(
    path: Path, chips: Sequence[Chip], *, wcs_of: Callable[[Chip], WCS]
) -> Footprint:
    """Say where the chips of an exposure are.

    Parameters
    ----------
    path
        The exposure.
    chips
        Its chips.
    wcs_of
        Reads the WCS of a chip.

    Returns
    -------
    Footprint
        In the order of the chips.
    """
    found: list[ChipFootprint] = [
        {
            "number": chip.number,
            "label": chip.label,
            "nx": chip.shape[1],
            "ny": chip.shape[0],
            "grid": _grid(path, chip, wcs_of),
        }
        for chip in chips
    ]
    return {"chips": found}


def _grid(path: Path, chip: Chip, wcs_of: Callable[[Chip], WCS]) -> ChipGrid | None:
    """Return points of a chip in pixels and on the sky."""
    ny, nx = chip.shape
    x, y = (axis.ravel() for axis in np.meshgrid(_ticks(nx), _ticks(ny)))
    try:
        ra, dec = pixels_to_sky(wcs_of(chip), x, y, where=f"{path}: {chip.label}")
    except InputError:  # the edge of a picture of the whole sky
        return None
    return {"x": x.tolist(), "y": y.tolist(), "ra": ra.tolist(), "dec": dec.tolist()}


def _ticks(n: int) -> FloatArray:
    """Return pixel positions from one edge of a chip to the other, both included."""
    return np.linspace(0.5, n + 0.5, _SIDE)
