"""The pixel systems of DS9 on a chip: image, physical, detector and amplifier.

The header says how they lie to each other: image = LTM physical + LTV, detector = DTM physical +
DTV, amplifier = ATM physical + ATV; what is absent leaves a system equal to the physical one, or
the physical one to the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import InputError

Floats = FloatArray

_LEAST_DETERMINANT = 1e-12


@dataclass(frozen=True)
class PixelSystem:
    """One system: image pixel = ``matrix`` @ pixel of the system + ``offset``.

    ``matrix`` is (2, 2); ``offset`` is (2,), in 1-based pixels of the image.
    """

    matrix: Floats
    offset: Floats

    def to_image(self, points: Floats) -> Floats:
        """1-based pixels (2, n) of the image of points (2, n) of the system."""
        return np.asarray(self.matrix @ points + self.offset[:, np.newaxis])

    @property
    def scale(self) -> Floats:
        """Lengths in image pixels of a pixel's sides, shape (2,)."""
        return np.asarray(np.abs(self.matrix).sum(axis=1))


@dataclass(frozen=True)
class PhysicalSystem(PixelSystem):
    """The physical system of a chip, and others by their names where they are not the same."""

    others: Mapping[str, PixelSystem] = field(default_factory=dict)

    def of(self, name: str) -> PixelSystem:
        """Return the system that has this name in region files."""
        if name == "image":
            return PixelSystem(np.eye(2), np.zeros(2))
        return self.others.get(name, self)


def physical_system(header: Any) -> PhysicalSystem:  # noqa: ANN401  any mapping of FITS cards
    """Return the physical system of a chip, and the others, from its header.

    Raises
    ------
    InputError
        A keyword of theirs holds no number, or a matrix has no inverse.
    """
    physical = _linear(header, "LTM", "LTV")
    others = {}
    for name, (matrix, offset) in {"detector": ("DTM", "DTV"), "amplifier": ("ATM", "ATV")}.items():
        own = _linear(header, matrix, offset)
        to_image = physical.matrix @ np.linalg.inv(own.matrix)
        others[name] = PixelSystem(to_image, physical.offset - to_image @ own.offset)
    return PhysicalSystem(physical.matrix, physical.offset, others)


def _linear(header: Any, matrix: str, offset: str) -> PixelSystem:  # noqa: ANN401  as above
    """Return the matrix and offset that keywords of a header hold."""
    names = [[f"{matrix}{i}_{j}" for j in (1, 2)] for i in (1, 2)]
    rows = [[_number(header, key, key[-3] == key[-1]) for key in row] for row in names]
    offsets = [_number(header, f"{offset}{i}", 0.0) for i in (1, 2)]
    found = PixelSystem(np.array(rows), np.array(offsets))
    if abs(float(np.linalg.det(found.matrix))) < _LEAST_DETERMINANT:
        raise InputError(
            f"{matrix}1_1 … {matrix}2_2 of the header, {rows}, have no inverse; regions in "
            "physical, detector or amplifier pixels cannot be placed: mend or remove them"
        )
    return found


def _number(header: Any, key: str, default: float) -> float:  # noqa: ANN401  as above
    """Return the number that a keyword holds."""
    value = header.get(key, default)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"{key} of the header is {value!r}, not a number; mend or remove it")
    return number
