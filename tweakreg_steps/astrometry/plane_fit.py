r"""The map of a fit on the reference plane, and back.

With M the matrix, s the shift and c the centre of a fit, :math:`q = M (p - c) + c + s`: p is where
a source belongs, and q where the image's present header puts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.fit_file import FitNumbers


class LinearMap(Protocol):
    """What is common to all fits, such as `tweakreg_steps.matching.fitting.LinearFit`."""

    @property
    def matrix(self) -> FloatArray:
        """M, shape (2, 2)."""

    @property
    def shift(self) -> FloatArray:
        """s, shape (2,), pixels of the plane."""

    @property
    def center(self) -> FloatArray:
        """c, shape (2,), 1-based pixels of the plane."""


def to_image(fit: LinearMap, xy: FloatArray) -> FloatArray:
    """Return where the image's present header puts what belongs at some positions.

    Parameters
    ----------
    fit
        The fit.
    xy : (n, 2) float array
        p, 1-based pixels of the plane.

    Returns
    -------
    (n, 2) float array
        q, in the same pixels.
    """
    return np.asarray((xy - fit.center) @ fit.matrix.T + fit.center + fit.shift)


def to_reference(fit: LinearMap, xy: FloatArray) -> FloatArray:
    """Return where what the image's present header puts at some positions belongs.

    Parameters
    ----------
    fit
        The fit.
    xy : (n, 2) float array
        q, 1-based pixels of the plane.

    Returns
    -------
    (n, 2) float array
        p, in the same pixels.
    """
    away = np.asarray(xy, dtype=np.float64) - fit.center - fit.shift
    return np.asarray(np.linalg.solve(fit.matrix, away.T).T + fit.center)


@dataclass(frozen=True)
class PlaneFit:
    """A fit as ``fits/<image>.json`` holds it: M, s and c of `LinearMap`."""

    matrix: FloatArray
    shift: FloatArray
    center: FloatArray

    @classmethod
    def of(cls, numbers: FitNumbers) -> PlaneFit:
        """Return the fit of these numbers."""
        return cls(
            matrix=np.array(numbers["matrix"], dtype=np.float64),
            shift=np.array([numbers["dx"], numbers["dy"]], dtype=np.float64),
            center=np.array(numbers["center"], dtype=np.float64),
        )

    def after(self, shift: FloatArray, matrix: FloatArray, middle: FloatArray) -> PlaneFit:
        r"""Return the fit of a chip that is first moved by a term of its own.

        The term takes q to :math:`q + a + B (q - m)`, so the chip's own fit is
        :math:`q - c = (1 + B)^{-1} (M (p - c) + s - a - B (c - m))`.

        Parameters
        ----------
        shift, matrix : (2,), (2, 2) float arrays
            a, in pixels of the plane, and B.
        middle : (2,) float array
            m, 1-based pixels of the plane.
        """
        back = np.linalg.inv(np.eye(2) + matrix)
        moved = self.shift - shift - matrix @ (self.center - middle)
        return PlaneFit(back @ self.matrix, back @ moved, self.center)
