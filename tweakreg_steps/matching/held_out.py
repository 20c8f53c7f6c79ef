"""How well a fit predicts pairs that it has not seen (k-fold cross-validation).

Pairs sorted by position are dealt out to the parts in turn: each part covers the field as the
whole list does, and the order of the lists does not matter. (Stone 1974, J. R. Stat. Soc. B 36,
111)
"""

from __future__ import annotations

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.matching.linear_models import (
    Geometry,
    solve,
)
from tweakreg_steps.matching.tuning import N_FOLDS


def held_out_residuals(
    image: FloatArray,
    reference: FloatArray,
    *,
    kept: BoolArray,
    weights: FloatArray,
    geometry: Geometry,
) -> FloatArray | None:
    """Return the residuals of pairs from fits to the pairs of the other parts.

    Parameters
    ----------
    image, reference : (n, 2) float arrays
        Positions u and v in pixels, relative to the centre of the fit.
    kept : (n,) bool array
        Pairs that count; the others are left out altogether.
    weights : (n,) float array
        Weights of all pairs.
    geometry : {"shift", "rshift", "rscale", "general"}
        What the matrix may do.

    Returns
    -------
    (m, 2) float array or None
        Residuals of the m kept pairs, in pixels. None where what is left without a part does not
        determine the fit.
    """
    part = _deal(reference[kept], image[kept])
    chosen = np.flatnonzero(kept)
    residuals = np.empty((len(chosen), 2))
    for number in range(min(N_FOLDS, len(chosen))):
        others = np.zeros(len(image), dtype=np.bool_)
        others[chosen[part != number]] = True
        try:
            found = solve(image, reference, kept=others, weights=weights, geometry=geometry)
        except NotAlignedError:
            return None
        residuals[part == number] = found.residuals[chosen[part == number]]
    return residuals


def _deal(reference: FloatArray, image: FloatArray) -> IndexArray:
    """Return the part of each pair: in turn, in order of position."""
    order = np.lexsort((image[:, 1], image[:, 0], reference[:, 1], reference[:, 0]))
    part = np.empty(len(reference), dtype=np.intp)
    part[order] = np.arange(len(reference)) % N_FOLDS
    return part
