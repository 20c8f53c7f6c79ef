"""The shift file that AstroDrizzle reads, and the reference WCS that belongs to it."""

from __future__ import annotations

from typing import TypedDict

from tweakreg_steps.fit_file import read_fit
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.manifest import read_manifest
from tweakreg_steps.records.statement import history_lines
from tweakreg_steps.records.verdict import after_review
from tweakreg_steps.reporting.unread_images import UnreadImage, among_others, unread_record
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import all_names, rejected_names, unread_images
from tweakreg_steps.steps.declaration import Per, Product, Read, Step, Writes
from tweakreg_steps.steps.products import FIT, PLANE
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """A digest of the names of the files, the images whose fit was rejected, those not read."""

    files: str
    rejected: list[str]
    unread: list[UnreadImage]


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where a shift file is wanted."""
    if not subject.recipe["shiftfile_output"]["shiftfile"]:
        return None
    files = [image.image.path.name for image in subject.findings.images]
    return {
        "files": digest(files),
        "rejected": rejected_names(subject),
        "unread": unread_images(subject.findings),
    }


def _writes(subject: Subject) -> Writes:
    """Return the two files under the names that the recipe gives them."""
    names = subject.recipe["shiftfile_output"]
    return {"shifts": Product(names["outshifts"]), "outwcs": Product(names["outwcs"])}


STEP = Step(
    __name__,
    per=Per.ALL,
    facts=_facts,
    reads={"fit": Read(FIT, of=all_names), "plane": PLANE},
    writes=_writes,
    consumes=parameters.WriteShiftfile,
    imports=("tweakreg_steps.reporting.shiftfile",),
)


def run(call: StepCall[parameters.WriteShiftfile, Facts]) -> None:
    """Write the shift file and ``reference/wcs.fits`` under the name it is given there."""
    from tweakreg_steps.fits_files.copying import write_with_history
    from tweakreg_steps.reporting.shiftfile import shiftfile_text

    rejected = call.inputs["rejected"]
    rows = [
        (
            image.path.name,
            after_review(read_fit(call.file(f"fit.{image.name}")), rejected=image.name in rejected),
        )
        for image in read_manifest(call.file("manifest"))
    ]
    rows = among_others(
        rows, call.inputs["unread"], lambda one: (one["file"], unread_record(one, reference=""))
    )
    outwcs = call.file("outwcs")
    write_with_history(call.file("plane"), outwcs, history_lines(call.statement))
    call.write_rows("shifts", shiftfile_text(rows, outwcs=outwcs.name))
