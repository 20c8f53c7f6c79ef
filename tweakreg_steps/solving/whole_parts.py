"""One fit of each connected part of a mosaic to the reference, after the part was solved alone.

The exposures keep what they are to each other; each part moves as a whole. What a part measures
against the reference is one fit, as of a single image (`tweakreg_steps.matching.fitting`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tweakreg_steps.matching.fitting import LinearFit
from tweakreg_steps.solving.detections import FloatArray
from tweakreg_steps.solving.solution import MosaicSolution
from tweakreg_steps.solving.unit_parameters import N_NUMBERS, numbers_of


def move_parts(
    solution: MosaicSolution, fits: Mapping[int, LinearFit], unit_of_detection: np.ndarray
) -> MosaicSolution:
    """Return a relative solution with its parts moved to the reference.

    Parameters
    ----------
    solution : MosaicSolution
        The relative solution.
    fits : mapping of int to LinearFit
        By part the fit ``relative - C = M (reference - C) + s`` of its stars. Parts without one
        stay where they are.
    unit_of_detection : (n,) int array
        The unit of each detection.
    """
    matrices, shifts = solution.matrices.copy(), solution.shifts.copy()
    stars, without_own = solution.stars.copy(), solution.without_own.copy()
    residuals = solution.residuals.copy()
    n_parts = int(solution.component.max(initial=-1)) + 1
    of_whole = np.zeros((n_parts, N_NUMBERS, N_NUMBERS))
    part = solution.component[unit_of_detection]
    part_of_star = solution.part_of_stars
    for number, fit in fits.items():
        u = np.flatnonzero(solution.component == number)
        places = fit.correct(solution.centers[u] + shifts[u])
        back = np.linalg.inv(fit.matrix)
        matrices[u] = back @ matrices[u]
        shifts[u] = places - solution.centers[u]
        mine, seen = part_of_star == number, part == number
        stars[mine] = fit.correct(stars[mine])
        without_own[seen] = fit.correct(without_own[seen])
        residuals[seen] = residuals[seen] @ back.T
        of_whole[number] = motion_covariance(fit, places.mean(axis=0))
    covariances = replace(solution.covariances, places=solution.centers + shifts, of_whole=of_whole)
    return replace(
        solution,
        matrices=matrices,
        shifts=shifts,
        stars=stars,
        without_own=without_own,
        residuals=residuals,
        covariances=covariances,
    )


def motion_covariance(fit: LinearFit, middle: FloatArray) -> FloatArray:
    """Return the covariance (6, 6) of the motion about a place that a fit makes.

    A fit wrong by dM, ds puts the place g off by ``-M^-1 (dM (g - C) + ds)``. Zero where the fit
    does not know its own errors.
    """
    if fit.uncertainty is None:
        return np.zeros((N_NUMBERS, N_NUMBERS))
    back = np.linalg.inv(fit.matrix)
    rows = []
    for k in range(N_NUMBERS):
        step = np.zeros(N_NUMBERS)
        step[k] = 1.0
        matrix, shift = step[:4].reshape(2, 2), step[4:]
        field = -back @ matrix
        at_middle = -back @ (matrix @ (middle - fit.center) + shift)
        rows.append(numbers_of((np.eye(2) + field)[None], at_middle[None])[0])
    jacobian = np.array(rows).T
    return np.asarray(jacobian @ fit.uncertainty.covariance @ jacobian.T)
