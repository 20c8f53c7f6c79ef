"""One fit of each connected part of a mosaic to the reference, after the part was solved alone.

The exposures keep what they are to each other; each part moves as a whole. What a part measures
against the reference is one fit, as of a single image (`tweakreg_steps.matching.fitting`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import FloatArray, IndexArray
from tweakreg_steps.matching.fitting import LinearFit
from tweakreg_steps.solving.covariances import WholeParts
from tweakreg_steps.solving.detections import (
    Detections,
    sums,
)
from tweakreg_steps.solving.solution import NAMES, MosaicSolution, Part
from tweakreg_steps.solving.unit_parameters import N_FREE, N_NUMBERS, fields_at, numbers_of


@dataclass(frozen=True, eq=False)
class PartFit:
    """The fit of one part.

    Attributes
    ----------
    fit : LinearFit
        ``relative - C = M (reference - C) + s`` of its stars.
    stars : (k,) int array
        The stars that it was made from.
    """

    fit: LinearFit
    stars: IndexArray


def move_parts(
    solution: MosaicSolution, fits: Mapping[int, PartFit], detections: Detections
) -> MosaicSolution:
    """Return a relative solution with its parts moved to the reference.

    Parameters
    ----------
    solution : MosaicSolution
        The relative solution.
    fits : mapping of int to PartFit
        By part its fit. Parts without one stay where they are.
    detections : Detections
        What the solution was made from.
    """
    matrices, shifts = solution.matrices.copy(), solution.shifts.copy()
    stars, without_own = solution.stars.copy(), solution.without_own.copy()
    residuals = solution.residuals.copy()
    n_parts = int(solution.component.max(initial=-1)) + 1
    covariance = np.zeros((n_parts, N_NUMBERS, N_NUMBERS))
    measured = np.zeros((len(shifts), N_NUMBERS, N_NUMBERS))
    part = solution.component[detections.unit]
    for number, of in fits.items():
        u = np.flatnonzero(solution.component == number)
        old = solution.centers[u] + shifts[u]
        measured += _measured(solution, of, detections, old.mean(axis=0))
        places = of.fit.correct(old)
        back = np.linalg.inv(of.fit.matrix)
        matrices[u] = back @ matrices[u]
        shifts[u] = places - solution.centers[u]
        mine, seen = solution.part_of_stars == number, part == number
        stars[mine] = of.fit.correct(stars[mine])
        without_own[seen] = of.fit.correct(without_own[seen])
        residuals[seen] = residuals[seen] @ back.T
        covariance[number] = motion_covariance(of.fit, places.mean(axis=0))
    covariances = replace(
        solution.covariances,
        places=solution.centers + shifts,
        whole=WholeParts(measured, covariance),
    )
    return replace(
        solution,
        matrices=matrices,
        shifts=shifts,
        stars=stars,
        without_own=without_own,
        residuals=residuals,
        covariances=covariances,
        parts=[_told(part, fits.get(number)) for number, part in enumerate(solution.parts)],
    )


def _told(part: Part, of: PartFit | None) -> Part:
    """Return a part with what its fit told no longer held."""
    if of is None:
        return part
    numbers, _, whose = part.held.partition(" of ")
    told = NAMES[: N_FREE[of.fit.geometry]]
    left = [name for name in numbers.split(", ") if name and name not in told]
    held = f"{', '.join(left)} of {whose}" if left else ""
    return Part(part.units, int(of.fit.kept.sum()), held)


def _measured(
    solution: MosaicSolution, of: PartFit, detections: Detections, middle: FloatArray
) -> FloatArray:
    """Return what the numbers of units add to the motion that a fit measures, (n_units, 6, 6).

    The fit takes ``m = (sum a F'F)^-1 sum a F' f`` from places f of weight a, F the fields that it
    may use; and f follows the units that see the star by their parts ``w / sum w``.
    """
    n_free, kept = N_FREE[of.fit.geometry], of.fit.kept
    chosen = of.stars[kept]
    fields = fields_at(solution.stars[chosen] - middle)[:, :, :n_free]
    weighted = of.fit.weights[kept][:, None, None] * fields.transpose(0, 2, 1)
    gain = np.linalg.solve((weighted @ fields).sum(axis=0), weighted)
    place = np.full(len(solution.stars), -1)
    place[chosen] = np.arange(len(chosen))
    counts = np.flatnonzero(solution.seen & (place[detections.star] >= 0))
    star, unit = detections.star[counts], detections.unit[counts]
    w = 1.0 / solution.variances[counts]
    part = w / sums(star, w, len(solution.stars))[star]
    away = solution.stars[star] - solution.centers[unit] - solution.shifts[unit]
    moved = gain[place[star]] @ (part[:, None, None] * fields_at(away))
    measured = np.zeros((len(solution.shifts), N_NUMBERS, N_NUMBERS))
    np.add.at(measured[:, :, :n_free], unit, moved.transpose(0, 2, 1))
    return measured


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
