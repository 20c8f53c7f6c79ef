"""As many stars as are enough to find out what most detections agree on."""

from __future__ import annotations

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.solving.detections import (
    Detections,
    ReferenceStars,
)

OF_UNIT, OF_PAIR, OF_REFERENCE = 40, 12, 20
"""Stars of each unit, of each two units, and known ones of each unit, that are enough: a third of
them may be wrong, and most still agree beyond doubt."""

_GOLDEN = 0.6180339887498949
"""Multiples of it, without their whole part, fill 0 to 1 evenly, however many are taken."""


def enough_stars(detections: Detections, reference: ReferenceStars, n_stars: int) -> BoolArray:
    """Return which stars to take, shape (n_stars,).

    A star is taken with the largest of the parts that its units, and pairs of units, can spare:
    fields with few stars keep them all.

    Parameters
    ----------
    detections : Detections
        In the order of the stars.
    reference : ReferenceStars
        Stars known beforehand.
    n_stars : int
        Number of stars.
    """
    n_units = int(detections.unit.max(initial=0)) + 1
    known = np.zeros(n_stars, dtype=np.bool_)
    known[reference.star] = True
    # what one unit alone has seen, and nobody knows, has no say
    tells = known | (np.bincount(detections.star, minlength=n_stars) > 1)
    useful = tells[detections.star]
    star, unit = detections.star[useful], detections.unit[useful]
    part = np.zeros(n_stars)
    _raise(part, star, OF_UNIT / np.maximum(np.bincount(unit, minlength=n_units), 1)[unit])
    of_known = np.bincount(unit[known[star]], minlength=n_units)
    _raise(part, star[known[star]], (OF_REFERENCE / np.maximum(of_known, 1))[unit[known[star]]])
    next_to = star[1:] == star[:-1]
    if next_to.any():
        pairs = (unit[1:].astype(np.int64) * n_units + unit[:-1])[next_to]
        _, which, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        _raise(part, star[1:][next_to], OF_PAIR / counts[which])
    return np.asarray((np.arange(n_stars) * _GOLDEN) % 1.0 < part)


def _raise(part: FloatArray, star: np.ndarray, value: FloatArray) -> None:
    """Raise the parts of stars to values."""
    np.maximum.at(part, star, value)
