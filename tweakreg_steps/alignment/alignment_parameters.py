"""What the recipe says about matching and fitting one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AlignmentParameters:
    """The recipe's keywords for the alignment of an image.

    Attributes
    ----------
    matching
        Those of `tweakreg_steps.matching.matching.match_sources`.
    max_false_alarm
        Largest probability with which unrelated lists may give an offset.
    fitting
        Those of `tweakreg_steps.matching.fitting.fit_pairs`.
    gates
        Those of `tweakreg_steps.matching.acceptance.judge_fit`.
    """

    matching: Mapping[str, Any]
    max_false_alarm: float
    fitting: Mapping[str, Any]
    gates: Mapping[str, Any]


def alignment_parameters(sections: Mapping[str, Any]) -> AlignmentParameters:
    """Return what the sections of a recipe say."""
    acceptance = sections["acceptance"]
    return AlignmentParameters(
        matching=sections["object_matching"],
        max_false_alarm=acceptance["max_false_alarm"],
        fitting=sections["catalog_fitting"],
        gates={name: value for name, value in acceptance.items() if name != "max_false_alarm"},
    )
