"""How well images agree with each other, as the page of a run shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np

from tweakreg_steps.alignment.misfits import Misfit
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.reporting.numbers import rounded


class Overlap(TypedDict):
    """How two images agree; lengths in mas, None for what is not known.

    ``one`` and ``other`` (indices of images), ``n`` sources in common, the mean of the differences
    ``dx``, ``dy`` with their standard ``error`` along one axis, the ``misfit``, which is the length
    of that mean, and the ``rms`` of the differences; ``chi2``: of the mean, by the standard errors
    of the positions, for two degrees of freedom. ``gap``: days between the exposures.
    """

    one: int
    other: int
    n: int
    dx: float | None
    dy: float | None
    error: float | None
    misfit: float | None
    rms: float | None
    chi2: float | None
    gap: float | None


def describe_overlaps(misfits: Iterable[Misfit], dates: Sequence[float | None]) -> list[Overlap]:
    """Describe how images agree, two by two, in the order given.

    Parameters
    ----------
    misfits
        In mas.
    dates
        Modified Julian date of each image; None where it is not known.

    Returns
    -------
    list of Overlap
        In that order.
    """
    found: list[Overlap] = []
    for pair in misfits:
        values = np.array([pair.dx, pair.dy, pair.error, pair.apart, pair.rms, pair.chi2])
        dx, dy, error, misfit, rms, chi2 = rounded(values, 3)
        found.append(
            {
                "one": pair.one,
                "other": pair.other,
                "n": pair.n,
                "dx": dx,
                "dy": dy,
                "error": error,
                "misfit": misfit,
                "rms": rms,
                "chi2": chi2,
                "gap": _gap(dates[pair.one], dates[pair.other]),
            }
        )
    return found


def _gap(one: float | None, other: float | None) -> float | None:
    """Return the days between two exposures."""
    return None if one is None or other is None else round(abs(one - other), 3)


def overlap_outlines(
    outlines: Sequence[Sequence[FloatArray]], pairs: Iterable[Overlap]
) -> list[list[FloatArray]]:
    """Return the common field of each pair of images, as outlines of shape (n, 2).

    Parameters
    ----------
    outlines
        The outlines of the chips of each image, on one plane.
    pairs
        Of `describe_overlaps`.
    """
    from shapely import Polygon, union_all

    fields = [
        union_all([Polygon(outline).buffer(0) for outline in chips if len(outline) > 3])  # noqa: PLR2004
        for chips in outlines
    ]
    found = []
    for pair in pairs:
        common = fields[pair["one"]].intersection(fields[pair["other"]])
        parts = getattr(common, "geoms", [common])
        areas = [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]
        found.append([np.array(part.exterior.coords) for part in areas])
    return found
