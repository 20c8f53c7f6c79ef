"""What a decision makes of a fit."""

from __future__ import annotations

from tweakreg_steps.errors import Reason
from tweakreg_steps.fit_file import FitRecord
from tweakreg_steps.records.review_file import Decision


def after_review(fit: FitRecord, *, rejected: bool) -> FitRecord:
    """Return the record of a fit as the products shall show it.

    Parameters
    ----------
    fit
        ``fits/<image>.json``.
    rejected
        The image was rejected. An aligned one then counts as not aligned, for the reason
        ``rejected``; one that was not aligned anyway keeps its own reason.
    """
    if rejected and fit["status"] == "aligned":
        return {
            **fit,
            "status": "not_aligned",
            "reason": Reason.REJECTED.value,
            "detail": "rejected with tweakreg review",
        }
    return fit


def may_be_written(fit: FitRecord, decision: Decision) -> bool:
    """Tell whether the solution of an image may go into a header.

    Parameters
    ----------
    fit
        ``fits/<image>.json``.
    decision
        What was decided about it.
    """
    if fit["status"] == "reference":
        return decision in (Decision.ACCEPT, Decision.REFERENCE)
    return bool(fit["status"] == "aligned" and decision is Decision.ACCEPT)
