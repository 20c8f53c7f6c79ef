"""The header of another file of an exposure: it gets the correction that the exposure got.

The file is a copy in the folder ``aligned``; in place, it is the original itself. A file whose WCS
was not that of its exposure before, or whose exposure is not aligned, stays as it is.
"""

from __future__ import annotations

from tweakreg_steps.recipes.schema import HEADER
from tweakreg_steps.records.ledger import Product
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.steps import parameters, update_header
from tweakreg_steps.steps.declaration import Per, Step, Writes
from tweakreg_steps.steps.preloads import HEADER_MODULES
from tweakreg_steps.steps.products import ALIGNED_COPY, FIT, HEADER_RECORD, PLANE
from tweakreg_steps.steps.subject import Subject


def _facts(subject: Subject) -> update_header.Facts | None:
    """Return what the job depends on; there is one where headers are to be written."""
    header, other = subject.recipe[HEADER], subject.other
    assert other is not None  # noqa: S101  asked of other files alone
    if not header["updatehdr"]:
        return None
    decision = subject.decide(other.owner)
    if decision is Decision.WAITING and not header["in_place"]:
        return None
    return {
        "name": subject.this.image.path.name,
        "decision": decision.value,
        "of": other.owner.image.name,
        "refused": other.refused,
    }


def _writes(subject: Subject) -> Writes:
    """Return the record, and the aligned copy unless headers are written in place."""
    in_place = subject.recipe[HEADER]["in_place"]
    return {"record": HEADER_RECORD, **({} if in_place else {"aligned": ALIGNED_COPY})}


STEP = Step(
    __name__,
    per=Per.OTHER,
    facts=_facts,
    parts=("file", "data"),
    reads={"fit": FIT, "plane": PLANE},
    writes=_writes,
    consumes=parameters.UpdateHeader,
    writes_input=True,
    imports=(*HEADER_MODULES, "tweakreg_steps.headers.wcscorr_table"),
)


def run(call: update_header.Call) -> list[Product]:
    """Write ``aligned/<file name>`` or the original, and ``headers/<file name>.json`` about it."""
    return update_header.run(call)
