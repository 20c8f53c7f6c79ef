"""Limits of what is measured of a source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def strictly_between(
    values: NDArray[np.float64], low: float | None, high: float | None
) -> NDArray[np.bool_]:
    """Tell which values are strictly between limits, where there are any."""
    kept = np.ones(values.shape, dtype=np.bool_)
    if low is not None:
        kept &= values > low
    if high is not None:
        kept &= values < high
    return kept
