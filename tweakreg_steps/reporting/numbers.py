"""Numbers for pages: rounded, so that a page stays small, and None where there is none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def rounded(values: NDArray[Any], digits: int) -> list[float | None]:
    """Return numbers rounded to some digits behind the point, None for what is not finite."""
    listed = np.round(np.asarray(values, dtype=np.float64), digits).tolist()
    return [value + 0.0 if math.isfinite(value) else None for value in listed]


def finite(value: object) -> float | None:
    """Return a number, None for what is none or is not finite."""
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None
