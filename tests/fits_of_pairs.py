"""Pairs of known truth, and fits of them with TweakReg's parameters unless said otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.fitting import LinearFit, fit_pairs
from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.matching.pairs import MatchedPairs

CENTER = np.array([2100.5, 1900.0])
FIELD = 4000.0  # px
SHIFT = np.array([1.0, 2.0])


def turn(degrees: float, scale: float = 1.0) -> FloatArray:
    """Return the matrix of a rotation and a scale."""
    angle = np.radians(degrees)
    sine, cosine = np.sin(angle), np.cos(angle)
    return scale * np.array([[cosine, sine], [-sine, cosine]])


MATRICES: dict[Geometry, FloatArray] = {
    "shift": np.eye(2),
    "rshift": turn(0.02),
    "rscale": turn(0.02, 1.0002),
    "general": turn(0.02, 1.0002) @ np.array([[1.0, 3e-4], [0.0, 1.0]]),
}
"""A matrix of each geometry that no simpler one can say: a pixel at the edge of the field."""


@dataclass(frozen=True)
class Truth:
    """Pairs, and the transformation that they were made with."""

    pairs: MatchedPairs
    matrix: FloatArray
    shift: FloatArray

    def error(self, fit: LinearFit) -> float:
        """Return the rms error of a fit over the field, in pixels."""
        side = np.linspace(0.0, FIELD, 5)
        grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2) - CENTER
        off = grid @ (fit.matrix - self.matrix).T + fit.shift - self.shift
        return float(np.sqrt(np.mean(np.sum(off**2, axis=1))))


def make_truth(
    matrix: FloatArray,
    rng: np.random.Generator,
    *,
    number: int,
    noise: FloatArray | float,
    flux: FloatArray | None = None,
    error: FloatArray | None = None,
    wrong: int = 0,
    wrong_center: float = 0.0,
) -> Truth:
    """Make pairs spread evenly over a field, the first ``wrong`` of them anywhere within a pixel.

    ``noise`` is the standard deviation along each axis in pixels, one for all or one for each.
    """
    reference = rng.uniform(0.0, FIELD, (number, 2))
    image = (reference - CENTER) @ matrix.T + CENTER + SHIFT
    strays = rng.uniform(-1.0, 1.0, (wrong, 2)) + wrong_center
    image += rng.normal(size=(number, 2)) * np.reshape(noise, (-1, 1))
    image[:wrong] = (reference[:wrong] - CENTER) @ matrix.T + CENTER + SHIFT + strays
    unknown = np.full(number, np.nan)
    pairs = MatchedPairs(
        image=image,
        reference=reference,
        flux=unknown if flux is None else flux,
        error=unknown if error is None else error,
        reference_error=unknown,
    )
    return Truth(pairs, matrix, SHIFT)


def fit(pairs: MatchedPairs, **changes: Any) -> LinearFit:  # noqa: ANN401  the recipe's values
    """Fit pairs with TweakReg's parameters, but for the changes."""
    given: dict[str, Any] = {
        "center": CENTER,
        "fitgeometry": "rscale",
        "weights": "none",
        "robust_start": False,
        "nclip": 3,
        "sigma": 3.0,
    }
    return fit_pairs(pairs, **(given | changes))
