"""Relative and absolute quality of each image: against those that overlap it, and the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from tweakreg_steps.alignment.misfits import Misfit

SHOWN = 3
"""Pairs of images that a run names at its end."""


class Absolute(TypedDict):
    """How well an image fits the reference; rms in mas."""

    n_absolute: int
    rms_absolute: float | None


class Relative(TypedDict):
    """How well an image fits those that overlap it, and which of them worst; lengths in mas."""

    n_relative: int
    rms_relative: float | None
    worst_neighbour: str
    worst_offset: float | None
    worst_error: float | None


class Qualities(Absolute, Relative):
    """What the summary says of an image beside its fit."""


def qualities(records: Sequence[Mapping[str, Any]], misfits: Sequence[Misfit]) -> list[Qualities]:
    """Return what the summary says of each image beside its fit.

    Parameters
    ----------
    records : sequence of mappings
        The records of the fits, or what the pages of the images say of them.
    misfits : sequence of Misfit
        Of images that overlap, in mas; images by their places among the records.

    Returns
    -------
    list of Qualities
        In the order of the records.
    """
    mine: list[list[Misfit]] = [[] for _ in records]
    for pair in misfits:
        mine[pair.one].append(pair)
        mine[pair.other].append(pair)
    return [
        {**_absolute(record), **_relative(place, mine[place], records)}
        for place, record in enumerate(records)
    ]


def _absolute(record: Mapping[str, Any]) -> Absolute:
    """Return how well an image fits the reference."""
    if record.get("status") != "aligned":
        return {"n_absolute": 0, "rms_absolute": None}
    if own := record.get("solution"):
        return {"n_absolute": own["n_reference"], "rms_absolute": own["rms_absolute"]}
    rms = [record.get(key) for key in ("rms_ra", "rms_dec")]
    known = [value for value in rms if value is not None]
    mean = float(np.sqrt(np.mean(np.square(known)))) if known else None
    return {"n_absolute": record["n_fit"], "rms_absolute": mean}


def _relative(
    place: int, pairs: Sequence[Misfit], records: Sequence[Mapping[str, Any]]
) -> Relative:
    """Return how well an image fits those that overlap it."""
    if not pairs:
        return {
            "n_relative": 0,
            "rms_relative": None,
            "worst_neighbour": "",
            "worst_offset": None,
            "worst_error": None,
        }
    n = np.array([pair.n for pair in pairs])
    squares = np.array([pair.rms for pair in pairs]) ** 2
    worst = max(pairs, key=lambda pair: pair.surely)
    other = worst.other if worst.one == place else worst.one
    return {
        "n_relative": int(n.sum()),
        "rms_relative": float(np.sqrt((n * squares).sum() / n.sum())),
        "worst_neighbour": records[other]["image"],
        "worst_offset": worst.apart,
        "worst_error": worst.error,
    }


def notes_on_overlaps(misfits: Sequence[Misfit], names: Sequence[str]) -> list[str]:
    """Say which images that overlap lie apart beyond doubt, the worst first, a sentence each."""
    apart = [pair for pair in misfits if pair.is_apart]
    apart.sort(key=lambda pair: (-pair.surely, pair.one, pair.other))
    notes = [
        f"{names[pair.one]} and {names[pair.other]} lie {pair.apart:.2f} +- {pair.error:.2f} mas "
        f"apart by their {pair.n} sources in common"
        for pair in apart[:SHOWN]
    ]
    if len(apart) > SHOWN:
        notes.append(f"so do {len(apart) - SHOWN} more pairs of images; see overlaps.ecsv")
    return notes
