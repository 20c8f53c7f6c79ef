"""Which images may be written, as far as the recipe leaves that to a review."""

from __future__ import annotations

from tweakreg_steps.planning.findings import Findings
from tweakreg_steps.planning.inspection import Inspected
from tweakreg_steps.planning.jobs import WorkPlan
from tweakreg_steps.planning.layout import fit_of
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.reviewing.review_file import Decision


def fit_stamp(plan: WorkPlan, name: str) -> str:
    """Return the stamp of the job that makes the fit of an image."""
    return next(job.stamp for job in plan.jobs.values() if fit_of(name) in job.outputs)


def decision_of(plan: WorkPlan, values: Tree, findings: Findings, image: Inspected) -> Decision:
    """Return what was decided about the present fit of an image.

    Without ``interactive`` every fit is accepted. The reference has no fit to look at: it goes
    with the first image that is accepted.
    """
    if not values["interactive"]:
        return Decision.ACCEPT
    if findings.is_reference(image):
        others = (other for other in findings.images if not findings.is_reference(other))
        accepted = any(
            decision_of(plan, values, findings, other) is Decision.ACCEPT for other in others
        )
        return Decision.ACCEPT if accepted else Decision.WAITING
    review = findings.reviews.get(image.image.name)
    if review is None or review.fit != fit_stamp(plan, image.image.name):
        return Decision.WAITING
    return review.decision


def rejected_images(plan: WorkPlan, values: Tree, findings: Findings) -> list[str]:
    """Return the names of the images that were rejected, in order."""
    return [
        image.image.name
        for image in findings.images
        if decision_of(plan, values, findings, image) is Decision.REJECT
    ]
