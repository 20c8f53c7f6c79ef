"""What the recipe says about matching and fitting one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from tweakreg_steps.sections import (
    Acceptance,
    AlignmentSections,
    CatalogFitting,
    FitGates,
    ObjectMatching,
)


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

    matching: ObjectMatching
    max_false_alarm: float
    fitting: CatalogFitting
    gates: FitGates


def alignment_parameters(sections: AlignmentSections) -> AlignmentParameters:
    """Return what the sections of a recipe say."""
    return AlignmentParameters(
        matching=sections["object_matching"],
        max_false_alarm=sections["acceptance"]["max_false_alarm"],
        fitting=sections["catalog_fitting"],
        gates=fit_gates(sections["acceptance"]),
    )


def fit_gates(acceptance: Acceptance) -> FitGates:
    """Return what a fit is judged by, of what match and fit are."""
    return cast(
        "FitGates",
        {name: value for name, value in acceptance.items() if name != "max_false_alarm"},
    )
