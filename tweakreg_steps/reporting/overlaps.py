"""How well images agree with each other, as the page of a run shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tweakreg_steps.alignment.misfits import Misfit
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.reporting.numbers import rounded

_NUMBERS = ("dx", "dy", "error", "misfit", "rms", "chi2")


def describe_overlaps(
    misfits: Iterable[Misfit], dates: Sequence[float | None]
) -> list[dict[str, Any]]:
    """Describe how images agree, two by two, in the order given.

    Parameters
    ----------
    misfits
        In mas.
    dates
        Modified Julian date of each image; None where it is not known.

    Returns
    -------
    list of dict
        ``one`` and ``other`` (indices of images), ``n`` sources in common, the mean of the
        differences ``dx``, ``dy`` with their standard ``error`` along one axis, the ``misfit``,
        which is the length of that mean, and the ``rms`` of the differences, all in mas;
        ``chi2``: of the mean, by the standard errors of the positions, for two degrees of
        freedom; None where these are not known. ``gap``: days between the exposures, or None.
    """
    found = []
    for pair in misfits:
        values = np.array([pair.dx, pair.dy, pair.error, pair.apart, pair.rms, pair.chi2])
        numbers = zip(_NUMBERS, rounded(values, 3), strict=True)
        gap = _gap(dates[pair.one], dates[pair.other])
        found.append(
            {"one": pair.one, "other": pair.other, "n": pair.n, **dict(numbers), "gap": gap}
        )
    return found


def _gap(one: float | None, other: float | None) -> float | None:
    """Return the days between two exposures."""
    return None if one is None or other is None else round(abs(one - other), 3)


def overlap_outlines(
    outlines: Sequence[Sequence[FloatArray]], pairs: Iterable[Mapping[str, Any]]
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
