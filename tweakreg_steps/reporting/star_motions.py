"""What proper motions did to the reference stars of an image, from the catalog's epoch to its."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from tweakreg_steps.alignment.moving_reference import is_moving
from tweakreg_steps.tables.ecsv import ColumnTable


class Motions(TypedDict):
    """Which proper motions were used for an image; a number that is not known is None.

    ``epoch`` of the image; of the matched stars, or of all where none was matched: ``n`` of them,
    the median ``catalog_epoch`` and the ``gap`` to the image (years), ``n_moving``, those whose
    motion is known, their median ``motion`` (mas a year), and the median and the largest way that
    they were ``moved`` and ``most`` (mas).
    """

    epoch: float | None
    n: int
    catalog_epoch: float | None
    gap: float | None
    n_moving: int
    motion: float | None
    moved: float | None
    most: float | None


def describe_motions(
    sources: ColumnTable, pairs: ColumnTable, epoch: float | None
) -> Motions | None:
    """Return which proper motions were used for an image; None where no reference star moves.

    Parameters
    ----------
    sources
        The reference list, at the epoch of its catalog: ``id``, ``ref_epoch`` (Julian years),
        ``pmra`` and ``pmdec`` (mas a year) as far as it has them.
    pairs
        The pairs of the fit, by ``ref_id``.
    epoch
        When the image was taken, a Julian year; None where it does not tell.

    Returns
    -------
    Motions or None
        None where no reference star moves.
    """
    if not is_moving(sources):
        return None
    matched = np.isin(sources["id"], pairs["ref_id"]) if len(pairs) else np.zeros(0, dtype=bool)
    rows = matched if matched.any() else np.ones(len(sources), dtype=bool)
    catalog_epoch = sources["ref_epoch"][rows]
    if {"pmra", "pmdec"} <= sources.columns.keys():
        motion = np.hypot(sources["pmra"][rows], sources["pmdec"][rows])
    else:
        motion = np.full(int(rows.sum()), np.nan)
    gap = None if epoch is None else epoch - catalog_epoch
    known = np.isfinite(motion)
    moved = None if gap is None else (motion * np.abs(gap))[known]
    return {
        "epoch": epoch,
        "n": int(rows.sum()),
        "catalog_epoch": _median(catalog_epoch),
        "gap": None if gap is None else _median(gap),
        "n_moving": int(known.sum()),
        "motion": _median(motion[known]),
        "moved": None if moved is None else _median(moved),
        "most": None if moved is None or not len(moved) else round(float(moved.max()), 3),
    }


def motions_in_words(found: Motions) -> str:
    """Say what `describe_motions` has found, for the page of an image."""
    if found["gap"] is None:
        return "the headers tell no epoch: reference stars stand where the catalog has them"
    said = (
        f"reference stars moved from {found['catalog_epoch']:.3f} to {found['epoch']:.3f} "
        f"({found['gap']:+.2f} years): {found['n_moving']} of {found['n']} have proper motions"
    )
    if found["motion"] is None:
        return said
    return (
        f"{said}, {found['motion']:.2f} mas a year in the median; they moved by "
        f"{found['moved']:.2f} mas in the median, {found['most']:.1f} at most"
    )


def _median(values: np.ndarray) -> float | None:
    """Return the median of the numbers that are known."""
    finite = values[np.isfinite(values)]
    return round(float(np.median(finite)), 4) if len(finite) else None
