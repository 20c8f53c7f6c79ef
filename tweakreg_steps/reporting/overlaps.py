"""How well images agree with each other: the stars that two of them have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.reporting.numbers import rounded

_LEAST = 5
"""Stars in common without which two images are not compared."""
_NEIGHBOURS = 12
"""Images that are compared at a star: of a deep stack not every pair is."""


def compare_images(images: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Compare the residuals of images at the reference sources that they share.

    Parameters
    ----------
    images
        What the pages of images say of them; see
        `tweakreg_steps.reporting.image_report.summarize_image`.

    Returns
    -------
    list of dict
        Two by two, the worst misfit first: ``one`` and ``other`` (indices of images), ``n`` stars
        in common, the mean of the differences ``dx``, ``dy`` with their standard ``error`` along
        one axis, and the ``misfit``, which is the length of that mean; all in mas. ``chi2``: of
        the mean, by the standard errors of the positions, for two degrees of freedom; None where
        these are not known. ``gap``: days between the exposures, or None.
    """
    number = np.concatenate([np.full(len(i["sample"]["id"]), n) for n, i in enumerate(images)])
    star = _column(images, "id")
    order = np.lexsort((number, star))
    star, number = star[order], number[order].astype(np.intp)
    dx, dy, error = (_column(images, name)[order] for name in ("dx", "dy", "error"))
    shared = [
        np.column_stack([np.flatnonzero(same), np.flatnonzero(same) + lag])
        for lag in range(1, _NEIGHBOURS + 1)
        if (same := star[:-lag] == star[lag:]).any()
    ]
    if not shared:
        return []
    first, second = np.concatenate(shared).T
    key = number[first] * len(images) + number[second]
    order = np.argsort(key, kind="stable")
    begins = np.flatnonzero(np.r_[True, np.diff(key[order]) != 0])
    found = []
    for rows in np.split(order, begins[1:]):
        if len(rows) >= _LEAST:
            one, other = first[rows], second[rows]
            difference = np.column_stack([dx[one] - dx[other], dy[one] - dy[other]])
            expected = np.hypot(error[one], error[other])
            two = int(number[one[0]]), int(number[other[0]])
            found.append(_describe(two, difference, expected, images))
    return sorted(found, key=lambda pair: (-pair["misfit"], pair["one"], pair["other"]))


def _column(images: Sequence[Mapping[str, Any]], name: str) -> FloatArray:
    """Return one column of all samples, nan for what is not known."""
    return np.array([value for image in images for value in image["sample"][name]], dtype=float)


def _describe(
    two: tuple[int, int],
    difference: FloatArray,
    expected: FloatArray,
    images: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Describe how two images agree; `difference` has shape (n, 2)."""
    n = len(difference)
    mean = difference.mean(axis=0)
    error = float(np.sqrt(difference.var(axis=0, ddof=1).mean() / n))
    variance = float(np.mean(expected**2)) / n
    chi2 = float((mean**2).sum() / variance) if variance > 0 else float("nan")
    dx, dy = rounded(mean, 3)
    misfit, spread, chi = rounded(np.array([np.hypot(*mean), error, chi2]), 3)
    return {
        "one": two[0],
        "other": two[1],
        "n": n,
        "dx": dx,
        "dy": dy,
        "misfit": misfit,
        "error": spread,
        "chi2": chi,
        "gap": _gap(*(images[i].get("mjd") for i in two)),
    }


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
        Of `compare_images`.
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
