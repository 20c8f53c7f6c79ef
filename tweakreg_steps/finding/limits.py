"""Limits of what is measured of a source."""

from __future__ import annotations

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray


def strictly_between(values: FloatArray, low: float | None, high: float | None) -> BoolArray:
    """Tell which values are strictly between limits, where there are any."""
    kept = np.ones(values.shape, dtype=np.bool_)
    if low is not None:
        kept &= values > low
    if high is not None:
        kept &= values < high
    return kept
