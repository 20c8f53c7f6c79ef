"""What the table, the report and the shift file say of inputs that are not whole files.

No job reads such a file, so that there is no fit of it: what is known is where it stands among the
inputs, and what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypedDict, TypeVar, cast

from tweakreg_steps.curing.advice import Found, advise
from tweakreg_steps.errors import Reason
from tweakreg_steps.fit_file import FitRecord

if TYPE_CHECKING:
    from tweakreg_steps.reporting.image_report import ImageFacts

T = TypeVar("T")


class UnreadImage(TypedDict):
    """An input that is not whole.

    Attributes
    ----------
    place
        How many inputs stand before it.
    name
        What it is called.
    file
        The name of its file.
    detail
        What is wrong with that.
    way_out
        What to do about it.
    """

    place: int
    name: str
    file: str
    detail: str
    way_out: str


def among_others(
    rows: Iterable[T], unread: Iterable[UnreadImage], describe: Callable[[UnreadImage], T]
) -> list[T]:
    """Return rows about images with those of the unread ones at their places.

    Parameters
    ----------
    rows
        What is said of the other images, in input order.
    unread
        The images of which nothing was read, in input order.
    describe
        Says the same of one of them.
    """
    found = list(rows)
    for one in unread:
        found.insert(one["place"], describe(one))
    return found


def unread_record(one: UnreadImage, *, reference: str) -> FitRecord:
    """Return what a record says of an image that was not read.

    Parameters
    ----------
    one
        The image.
    reference
        What the others were aligned with.
    """
    return {
        "image": one["name"],
        "status": "not_aligned",
        "reason": Reason.UNREADABLE.value,
        "detail": one["detail"],
        "cure": advise(Reason.UNREADABLE, Found(way_out=one["way_out"]), {}).text,
        "changes": {},
        "reference": reference,
        "fitgeometry": "",
        "n_sources": 0,
        "n_reference": 0,
        "n_matched": 0,
        "n_fit": 0,
        "false_alarm": None,
        "acceptance": None,
        "refused": None,
    }


def unread_report(one: UnreadImage, beside: ImageFacts) -> ImageFacts:
    """Return what the page of a run is told of an image that was not read.

    Parameters
    ----------
    one
        The image.
    beside
        What it is told of another one.
    """
    own = {
        "header": {},
        "plane_scale": beside["plane_scale"],
        "footprint": [],
        "parameters": {},
        "is_read": False,
    }
    said = unread_record(one, reference=beside["reference"])
    return cast("ImageFacts", {**dict.fromkeys(beside), **said, **own})
