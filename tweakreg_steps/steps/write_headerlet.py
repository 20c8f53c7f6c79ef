"""The headerlet of an image: its new WCS as a small file that stwcs can apply.

An image that is not aligned gets a file of that name without a WCS in it, which says why.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypedDict

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.fit_file import FitRecord, read_fit
from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.recipes.schema import HEADER
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.records.statement import history_lines
from tweakreg_steps.records.verdict import after_review, may_be_written
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import ChipsOfImage, Per, Step
from tweakreg_steps.steps.preloads import HEADER_MODULES
from tweakreg_steps.steps.products import FIT, HEADERLET, HEADERLET_RECORD, PLANE
from tweakreg_steps.steps.subject import Subject

if TYPE_CHECKING:
    from tweakreg_steps.records.header_record import HeaderletRecord

log = logging.getLogger(__name__)


class Facts(TypedDict):
    """Name of the image's file, the digest of the text, and what was decided."""

    name: str
    history: str | None
    wcsname: str
    reusename: bool
    decision: str


class Inputs(Facts, ChipsOfImage):
    """The same; where the chips are, and the digest of the whole file."""

    file: str


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where headerlets are wanted.

    The headerlet is that of the aligned copy, whether there is one.
    """
    if not subject.recipe["headerlet_creation"]["headerlet"] or not subject.is_input:
        return None
    decision = subject.decide(subject.this)
    if decision is Decision.WAITING:
        return None
    header = subject.recipe[HEADER]
    return {
        "name": subject.this.image.path.name,
        "history": subject.findings.history,
        "wcsname": header["wcsname"],
        "reusename": header["reusename"],
        "decision": decision.value,
    }


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    parts=("file",),
    reads={"fit": FIT, "plane": PLANE},
    writes={"record": HEADERLET_RECORD, "headerlet": HEADERLET},
    consumes=parameters.WriteHeaderlet,
    imports=(*HEADER_MODULES, "stwcs.wcsutil"),
)


def run(call: StepCall[parameters.WriteHeaderlet, Inputs]) -> None:
    """Write the headerlet, and a record of it beside it."""
    decision = Decision(call.inputs["decision"])
    fit = after_review(read_fit(call.file("fit")), rejected=decision is Decision.REJECT)
    record: HeaderletRecord = {
        "image": call.name,
        "status": fit["status"],
        "reason": fit["reason"],
        "headerlet": None,
    }
    try:
        if fit["status"] == "not_aligned":
            raise NotAlignedError(Reason(fit["reason"]), fit["detail"])
        if may_be_written(fit, decision):
            _write(call, fit)
            record["headerlet"] = call.file("headerlet").name
        else:
            _write_notice(call, f"the decision about it is {decision.value}")
    except NotAlignedError as error:
        log.info("%s is not aligned and gets no headerlet: %s", call.name, error)
        record["status"], record["reason"] = "not_aligned", error.reason.value
        _write_notice(call, str(error))
    call.write_record("record", record)


def _write(call: StepCall[parameters.WriteHeaderlet, Inputs], fit: FitRecord) -> None:
    """Write the headerlet."""
    from tweakreg_steps.headers.headerlet import write_headerlet
    from tweakreg_steps.headers.solution import solution_of_fit

    section = call.parameters["headerlet_creation"]
    image = call.file("image")
    chips = [chip_from_record(chip) for chip in call.inputs["chips"]]
    solution = solution_of_fit(
        image,
        chips=chips,
        plane_path=call.file("plane"),
        fit=fit,
        wcsname=call.inputs["wcsname"],
    )
    write_headerlet(
        image,
        call.file("headerlet"),
        chips=chips,
        solution=solution,
        reusename=call.inputs["reusename"],
        hdrname=section["hdrname"],
        author=section["author"],
        descrip=section["descrip"],
        catalog=section["catalog"],
        history=call.optional_file("history"),
        provenance=history_lines(call.statement),
    )


def _write_notice(call: StepCall[parameters.WriteHeaderlet, Inputs], why: str) -> None:
    """Write a file without a WCS in the place of a headerlet; stwcs does not take it for one."""
    from tweakreg_steps.headers.notice import write_notice

    text = f"{call.inputs['name']} has no headerlet: {why}"
    write_notice(call.file("headerlet"), text, history_lines(call.statement))
