"""By how much positions differ that two PSFs give of the same stars.

With the pixels of the one PSF as those of a star, a Gauss-Newton step of the fit of the other one
(`tweakreg_steps.psf.group_fit`) is the difference: of the two PSFs alone, without the noise of the
star.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.psf.fit_layout import core_radius
from tweakreg_steps.psf.pixel_boxes import PIECE, disc
from tweakreg_steps.psf.psf_grid import PsfGrid, cut_pieces
from tweakreg_steps.psf.psf_residuals import Samples, fit_flux

OUTLIER = 4.0
"""Robust standard deviations beyond which a difference has no part: in the corners of a chip a PSF
may stand on a handful of stars."""


def difference_of_positions(one: PsfGrid, other: PsfGrid, parts: Sequence[Samples]) -> float:
    """Return the rms difference along one axis, in pixels, over the stars and both axes.

    Parameters
    ----------
    one, other
        The PSFs, centred, with the same nodes.
    parts
        The stars: their places, phases and light are those that count.
    """
    found = [
        np.abs(_differences(one, other, part[i : i + number])).ravel()
        for part in parts
        for number in [max(1, PIECE // part.boxes.side**2)]
        for i in range(0, len(part), number)
    ]
    size = np.concatenate(found)
    usual = size[size <= OUTLIER * 1.4826 * np.median(size)]
    return float(np.sqrt(np.mean(usual**2)))


def _differences(one: PsfGrid, other: PsfGrid, stars: Samples) -> FloatArray:
    """Return the differences in x and y, shape (n, 2), of stars that can be fitted."""
    boxes, x, y = stars.boxes, stars.x, stars.y
    (light, by_x, by_y), (theirs, _, _) = (
        cut_pieces(psf, x, y, boxes.left, boxes.bottom, boxes.side).evaluate(x, y)
        for psf in (one, other)
    )
    shape = boxes.values.shape
    light, by_x, by_y, theirs = (a.reshape(shape) for a in (light, by_x, by_y, theirs))
    flux, _ = fit_flux(light, boxes.values, boxes.usable, boxes.variance)
    variance = boxes.variance + stars.per_unit[:, None] * np.maximum(flux[:, None] * light, 0.0)
    weights = np.where(boxes.usable & _core(one, boxes.side), 1.0 / variance, 0.0)
    columns = np.stack([by_x, by_y, light, np.ones(shape)], axis=1)
    weighted = columns * weights[:, None]
    normal = weighted @ np.swapaxes(columns, 1, 2)
    known = (flux > 0.0) & (np.linalg.cond(normal) < 1.0 / np.finfo(np.float64).eps)
    right = weighted[known] @ (theirs - light)[known, :, None]
    moved: FloatArray = np.linalg.solve(normal[known], right)[:, :2, 0]
    return moved


def _core(psf: PsfGrid, side: int) -> BoolArray:
    """Tell which pixels of a box the fit of a star in its middle takes, shape (side * side,)."""
    core = disc(core_radius(psf))
    margin = (side - core.shape[0]) // 2
    return np.pad(core, margin).ravel()
