"""Which images may be written, as far as the recipe leaves that to a review."""

from __future__ import annotations

from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.steps.products import FIT
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.workflow.jobs import WorkPlan


def fit_stamp(plan: WorkPlan, name: str) -> str | None:
    """Return the stamp of the job that makes the fit of an image; None where it is not known."""
    return plan.stamps[plan.maker_of(FIT.path(image=name))]


def decision_of(plan: WorkPlan, values: Tree, findings: Findings, image: Inspected) -> Decision:
    """Return what was decided about the present fit of an image.

    Without ``interactive`` every fit is accepted. The reference has no fit to look at: it goes
    with the first image that is accepted.
    """
    if not values["interactive"]:
        return Decision.ACCEPT
    decision = _reviewed(plan, findings, image)
    if decision is Decision.WAITING and _may_be_reference(findings, image):
        others = (_reviewed(plan, findings, other) for other in findings.images)
        return Decision.REFERENCE if Decision.ACCEPT in others else Decision.WAITING
    return decision


def _reviewed(plan: WorkPlan, findings: Findings, image: Inspected) -> Decision:
    """Return what the review of an image says of its present fit."""
    review = findings.reviews.get(image.image.name)
    if review is None or review.fit != fit_stamp(plan, image.image.name):
        return Decision.WAITING
    return review.decision


def _may_be_reference(findings: Findings, image: Inspected) -> bool:
    """Tell whether an image is the reference, or may turn out to be it."""
    is_open = findings.refcat is None and findings.reference is None
    return is_open or findings.is_reference(image)
