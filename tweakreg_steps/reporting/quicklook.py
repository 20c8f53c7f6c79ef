"""What an image looks like: small pictures of its pixels, and of some of its stars.

They are made when the pixels are searched, so that a page can be written without the exposure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import IndexArray
from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.reporting.pictures import (
    block_means,
    block_size,
    grey_jpeg,
    mask_png,
    star_png,
    zscale_limits,
)
from tweakreg_steps.tables.ecsv import ColumnTable

_LONGEST = 640
"""Pixels of the longer side of a picture."""
_STARS = 24
"""Stars that are cut out of an image, over all its chips."""
_REACH = 16
"""Pixels from a star to the edge of its cut-out."""


class Picture(TypedDict):
    """A picture of a chip.

    ``block``, the pixels that a pixel of the picture stands for, a side; ``picture`` and ``mask``
    (data URIs; the latter may be None), and ``limits`` (values drawn white and black).
    """

    block: int
    picture: str
    mask: str | None
    limits: Sequence[float]


class ChipPicture(Picture):
    """The picture of a chip, by its number."""

    number: int


class StarPicture(TypedDict):
    """A star cut out: the 1-based pixel ``x``, ``y`` of its middle, its ``size``, a data URI."""

    id: int
    chip: int
    x: int
    y: int
    size: int
    picture: str


class Quicklook(TypedDict):
    """What an image looks like: ``quicklooks/<image>.json``."""

    chips: list[ChipPicture]
    stars: list[StarPicture]


def make_quicklook(
    path: Path, chips: Sequence[Chip], *, mask: Path | None, catalog: ColumnTable
) -> Quicklook:
    """Make the pictures of an image's chips.

    Parameters
    ----------
    path
        The exposure.
    chips
        Its chips.
    mask
        Where sources may be, a file; None where no mask was made.
    catalog
        Its sources: ``id``, ``chip``, ``x``, ``y`` (1-based pixels), ``flux``, ``narrow``.

    Returns
    -------
    Quicklook
        The pictures.
    """
    from tweakreg_steps.fits_files.exposure import read_pixels

    found: Quicklook = {"chips": [], "stars": []}
    chosen = _choose_stars(catalog, chips)
    for chip in chips:
        pixels = read_pixels(path, chip)
        own = chosen[catalog["chip"][chosen] == chip.number]
        found["stars"] += _cut_out(pixels, catalog, own)
        found["chips"].append({"number": chip.number, **_draw(pixels, chip, mask)})
    return found


def _draw(pixels: NDArray[Any], chip: Chip, mask: Path | None) -> Picture:
    """Return the pictures of a chip."""
    from tweakreg_steps.fits_files.mask_file import read_mask

    size = block_size(chip.shape, longest=_LONGEST)
    means = block_means(pixels, size)
    limits = zscale_limits(means)
    good = read_mask(mask, chip.number) if mask else None
    return {
        "block": size,
        "picture": grey_jpeg(means, limits),
        "mask": None if good is None else mask_png(good, size),
        "limits": limits,
    }


def _choose_stars(catalog: ColumnTable, chips: Sequence[Chip]) -> IndexArray:
    """Choose bright stars that lie apart from each other, in the order of the catalog."""
    if not len(catalog):
        return np.zeros(0, dtype=np.intp)
    shapes = {chip.number: chip.shape for chip in chips}
    flux = np.nan_to_num(catalog["flux"].astype(float), nan=-np.inf)
    bright = -flux if catalog.units.get("flux") == "mag" else flux
    order = np.argsort(-np.where(catalog["narrow"], -np.inf, bright), kind="stable")
    chosen: list[int] = []
    for i in order[: 40 * _STARS].tolist():
        if len(chosen) == _STARS:
            break
        if catalog["narrow"][i] or not _is_inside(catalog, i, shapes):
            continue
        if all(_distance(catalog, i, j) > _apart(shapes, catalog, i) for j in chosen):
            chosen.append(i)
    return np.array(sorted(chosen), dtype=np.intp)


def _is_inside(catalog: ColumnTable, i: int, shapes: Mapping[int, tuple[int, int]]) -> bool:
    """Tell whether a star's surroundings lie on its chip."""
    shape = shapes.get(int(catalog["chip"][i]))
    if shape is None:
        return False
    x, y = float(catalog["x"][i]), float(catalog["y"][i])
    return all(
        _REACH + 1 <= at <= n - _REACH for at, n in ((round(x), shape[1]), (round(y), shape[0]))
    )


def _apart(shapes: Mapping[int, tuple[int, int]], catalog: ColumnTable, i: int) -> float:
    """Return how far stars are to lie apart: so that some dozens fill a chip."""
    ny, nx = shapes[int(catalog["chip"][i])]
    return float(max(2 * _REACH, 0.5 * np.sqrt(len(shapes) * ny * nx / _STARS)))


def _distance(catalog: ColumnTable, i: int, j: int) -> float:
    """Return the pixels between two sources, no end of them between two chips."""
    if catalog["chip"][i] != catalog["chip"][j]:
        return float("inf")
    return float(np.hypot(*(catalog[axis][i] - catalog[axis][j] for axis in "xy")))


def _cut_out(pixels: NDArray[Any], catalog: ColumnTable, own: IndexArray) -> Iterator[StarPicture]:
    """Yield the surroundings of the stars of a chip."""
    for i in own.tolist():
        x, y = round(float(catalog["x"][i])), round(float(catalog["y"][i]))
        around = pixels[y - 1 - _REACH : y + _REACH, x - 1 - _REACH : x + _REACH]
        yield {
            "id": int(catalog["id"][i]),
            "chip": int(catalog["chip"][i]),
            "x": x,
            "y": y,
            "size": 2 * _REACH + 1,
            "picture": star_png(around),
        }
