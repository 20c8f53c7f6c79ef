"""How well images agree with each other: where two of them put the sources that they share.

What the fit to a reference did says nothing of this: images that each hold a few stars of a catalog
fit it well, and still lie beside each other. Differences are taken of all sources in common, not
only of those in the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypedDict, cast

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.matching.neighbours import PointTable, iter_pairs
from tweakreg_steps.tables.ecsv import ColumnTable

REACH = 1.0
"""Pixels of the plane within which two sources may be one."""

CERTAIN = 5.0
"""Standard errors from which two images are said to be apart."""

_LEAST = 5
"""Sources in common without which two images are not compared."""

_MOST = 2000
"""Sources of an image that are compared: the brightest."""

_NEIGHBOURS = 12
"""Images that are compared at a star: of a deep stack not every pair is."""

_CHANCE = 3.0
"""Standard deviations by which pairs must be more than unrelated lists give."""

_CLIP, _ROUNDS = 4.0, 5
"""Limit, in standard deviations along an axis, and rounds in which false pairs are left out."""

_MAD = 1.4826
"""Standard deviation over the median absolute deviation of normal values."""


_UNITS = {"dx": "mas", "dy": "mas", "error": "mas", "rms": "mas"}
"""Lengths, and their units in a table."""


class MisfitRecord(TypedDict):
    """A `Misfit` as plain values, with the names of the images; ``chi2`` is None for nan."""

    one: str
    other: str
    n: int
    dx: float
    dy: float
    error: float
    rms: float
    chi2: float | None


@dataclass(frozen=True)
class Misfit:
    """How two images agree about the sources that they share; lengths in the unit of what is given.

    Attributes
    ----------
    one, other : int
        The images.
    n : int
        Sources in common.
    dx, dy : float
        Mean of where the one has them less where the other has them.
    error : float
        Standard error of that mean along one axis, by the scatter of the differences.
    rms : float
        Of the differences along one axis.
    chi2 : float
        Of the mean, by the errors of the positions, for two degrees of freedom; nan where these
        are not known.
    """

    one: int
    other: int
    n: int
    dx: float
    dy: float
    error: float
    rms: float
    chi2: float

    @property
    def apart(self) -> float:
        """Length of the mean difference."""
        return float(np.hypot(self.dx, self.dy))

    @property
    def is_apart(self) -> bool:
        """Tell whether the two are apart beyond doubt."""
        return self.apart > CERTAIN * self.error

    @property
    def surely(self) -> float:
        """Length of the mean difference less twice its error: the worst has the largest."""
        return self.apart - 2.0 * self.error

    def times(self, size: float) -> Self:
        """Return the same in another unit: `size` is that of the present one."""
        return replace(self, **{name: getattr(self, name) * size for name in _UNITS})

    def record(self, names: Sequence[str]) -> MisfitRecord:
        """Return the same as plain values, with names in place of numbers."""
        return {
            "one": names[self.one],
            "other": names[self.other],
            "n": self.n,
            "dx": self.dx,
            "dy": self.dy,
            "error": self.error,
            "rms": self.rms,
            "chi2": self.chi2 if np.isfinite(self.chi2) else None,
        }

    @classmethod
    def from_record(cls, record: MisfitRecord, places: Mapping[str, int]) -> Self:
        """Read a record; `places` are those of the images by name."""
        return cls(
            one=places[record["one"]],
            other=places[record["other"]],
            n=record["n"],
            dx=record["dx"],
            dy=record["dy"],
            error=record["error"],
            rms=record["rms"],
            chi2=float("nan") if record["chi2"] is None else record["chi2"],
        )


@dataclass(frozen=True, eq=False)
class Field:
    """The sources of an image where its fit puts them.

    Attributes
    ----------
    xy : (n, 2) float array
        Places in pixels of the plane.
    error : (n,) float array
        Their standard errors along one axis; nan where not known.
    brightness : (n,) float array
        A number that grows with the flux.
    """

    xy: FloatArray
    error: FloatArray
    brightness: FloatArray

    def brightest(self) -> Field:
        """Return the brightest sources."""
        if len(self.xy) <= _MOST:
            return self
        rank = np.argsort(-np.nan_to_num(self.brightness, nan=-np.inf), kind="stable")[:_MOST]
        return Field(self.xy[rank], self.error[rank], self.brightness[rank])


def misfits_of_stars(
    star: IndexArray, image: IndexArray, xy: FloatArray, error: FloatArray
) -> list[Misfit]:
    """Compare images that are known to have stars in common.

    Parameters
    ----------
    star, image : (n,) int arrays
        Star and image of each source.
    xy : (n, 2) float array
        Where the image has it, from anywhere that all images share.
    error : (n,) float array
        Its standard error along one axis; nan where not known.
    """
    order = np.lexsort((image, star))
    star, image, xy, error = star[order], image[order], xy[order], error[order]
    shared = [
        np.column_stack([np.flatnonzero(same), np.flatnonzero(same) + lag])
        for lag in range(1, min(_NEIGHBOURS, len(star) - 1) + 1)
        if (same := star[:-lag] == star[lag:]).any()
    ]
    if not shared:
        return []
    first, second = np.concatenate(shared).T
    key = image[first].astype(np.int64) * (int(image.max()) + 1) + image[second]
    order = np.argsort(key, kind="stable")
    begins = np.flatnonzero(np.r_[True, np.diff(key[order]) != 0])
    return [
        _describe(
            int(image[first[rows[0]]]),
            int(image[second[rows[0]]]),
            xy[first[rows]] - xy[second[rows]],
            np.hypot(error[first[rows]], error[second[rows]]),
        )
        for rows in np.split(order, begins[1:])
        if len(rows) >= _LEAST
    ]


def misfits_of_fields(
    fields: Sequence[Field | None], pairs: Sequence[tuple[int, int]]
) -> list[Misfit]:
    """Compare images by all their sources that lie on each other.

    Parameters
    ----------
    fields : sequence of Field or None
        The images; None for those that were not aligned.
    pairs : sequence of (int, int)
        Those that overlap. What has no more sources in common than unrelated lists would is left
        out.
    """
    used = [field.brightest() if field is not None else None for field in fields]
    tables = [None if field is None else PointTable.build(field.xy) for field in used]
    found = []
    for one, other in pairs:
        first, second, its, others = used[one], used[other], tables[one], tables[other]
        if first is None or second is None or its is None or others is None:
            continue
        mutual = _mutually_nearest(its, others)
        if mutual is None:
            continue
        of, its_own = mutual
        difference = first.xy[of] - second.xy[its_own]
        kept = _agreeing(difference)
        if kept.sum() >= _LEAST:
            expected = np.hypot(first.error[of], second.error[its_own])
            found.append(_describe(one, other, difference[kept], expected[kept]))
    return found


def _mutually_nearest(
    first: PointTable, second: PointTable
) -> tuple[IndexArray, IndexArray] | None:
    """Return the indices of the sources that are nearest to each other within reach.

    None where there are no more pairs than unrelated lists would have: a ring around each source
    with the area of the circle that is searched holds as many as the circle.
    """
    near = [
        (pairs.first, pairs.second, np.hypot(pairs.dx, pairs.dy))
        for pairs in iter_pairs(
            first, second, shift=(0.0, 0.0), radius=float(np.sqrt(2.0)) * REACH, shape="circle"
        )
    ]
    if not near:
        return None
    of, its_own, apart = map(np.concatenate, zip(*near, strict=True))
    inside = np.flatnonzero(apart <= REACH)
    chance = len(apart) - len(inside)
    if len(inside) - chance < _CHANCE * np.sqrt(len(apart)):
        return None
    closest = inside[np.argsort(apart[inside], kind="stable")]
    for_first, for_second = (
        closest[np.unique(ends[closest], return_index=True)[1]] for ends in (of, its_own)
    )
    mutual = np.intersect1d(for_first, for_second)
    mutual = mutual[np.argsort(second.index[its_own[mutual]])]
    return first.index[of[mutual]], second.index[its_own[mutual]]


def _agreeing(difference: FloatArray) -> BoolArray:
    """Return which differences (n, 2) agree with the others: false pairs lie anywhere."""
    kept: BoolArray = np.ones(len(difference), dtype=np.bool_)
    for _ in range(_ROUNDS):
        if not kept.any():
            break
        middle = np.median(difference[kept], axis=0)
        away = np.abs(difference - middle)
        spread = _MAD * np.median(away[kept], axis=0)
        limit = _CLIP * np.maximum(spread, np.finfo(float).tiny)
        again: BoolArray = np.logical_and(*(away <= limit).T)
        if np.array_equal(again, kept):
            break
        kept = again
    return kept


def _describe(one: int, other: int, difference: FloatArray, expected: FloatArray) -> Misfit:
    """Describe how two images agree; `difference` has shape (n, 2)."""
    n = len(difference)
    mean = difference.mean(axis=0)
    variance = float(np.mean(expected**2)) / n
    chi2 = float((mean**2).sum() / variance) if variance > 0.0 else float("nan")
    error = float(np.sqrt(difference.var(axis=0, ddof=1).mean() / n))
    rms = float(np.sqrt(np.mean(difference**2)))
    return Misfit(one, other, n, float(mean[0]), float(mean[1]), error, rms, chi2)


_DESCRIPTIONS = {
    "one": "image",
    "other": "image that overlaps it",
    "n": "sources that both have",
    "dx": "mean of where the one has them less where the other has them, along x of the plane",
    "dy": "the same along y",
    "error": "standard error of these means along one axis",
    "rms": "rms of the differences along one axis",
    "chi2": "of the mean by the errors of the positions, for two degrees of freedom",
}


def table_of_misfits(misfits: Sequence[Misfit], names: Sequence[str]) -> ColumnTable:
    """Return misfits, in mas, as a table, the worst first.

    Parameters
    ----------
    misfits : sequence of Misfit
        How images agree.
    names : sequence of str
        The names of the images.
    """
    ordered = sorted(misfits, key=lambda pair: (-pair.surely, pair.one, pair.other))
    columns = {
        "one": np.array([names[pair.one] for pair in ordered], dtype=np.str_),
        "other": np.array([names[pair.other] for pair in ordered], dtype=np.str_),
        "n": np.array([pair.n for pair in ordered], dtype=np.int64),
        **{
            name: np.array([getattr(pair, name) for pair in ordered], dtype=np.float64)
            for name in _UNITS
        },
        "chi2": np.array([pair.chi2 for pair in ordered], dtype=np.float64),
    }
    return ColumnTable(columns, units=_UNITS, descriptions=_DESCRIPTIONS, meta={})


def misfits_of_table(table: ColumnTable, places: Mapping[str, int]) -> list[Misfit]:
    """Read misfits, in mas; `places` are those of the images by name."""
    columns = [column.tolist() for column in table.columns.values()]
    rows = (dict(zip(table.columns, row, strict=True)) for row in zip(*columns, strict=True))
    return [Misfit.from_record(cast("MisfitRecord", row), places) for row in rows]
