"""What an alignment is worth: right, wrong, or refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from robustness.truth import Truth

RIGHT_WITHIN = 0.1
"""Largest rms in pixels between the common stars and where a right header puts them."""


class Verdict(StrEnum):
    """What became of an exposure."""

    RIGHT = "right"
    WRONG = "wrong"
    REFUSED = "refused"


@dataclass(frozen=True)
class Outcome:
    """What a program made of a scene.

    Attributes
    ----------
    aligned : Path or None
        The exposure with the header that the program wrote; None where it says that it did not
        align it, or gave no result.
    said : str
        The reason that it gave, or how it ended.
    seconds : float
        CPU seconds it took.
    """

    aligned: Path | None
    said: str
    seconds: float


def judge(outcome: Outcome, truth: Truth) -> tuple[Verdict, float | None]:
    """Compare with the truth.

    Returns
    -------
    Verdict
        Right or wrong where the program says that the exposure is aligned.
    float or None
        The rms in pixels by which its header misses the stars.
    """
    if outcome.aligned is None:
        return Verdict.REFUSED, None
    rms = truth.rms(outcome.aligned)
    return (Verdict.RIGHT if rms < RIGHT_WITHIN else Verdict.WRONG), rms
