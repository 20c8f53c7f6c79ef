"""The working copy of an image: its file with WCS and distortion model made anew by stwcs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.records.statement import history_lines
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import ChipsOfImage, Per, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.products import WORKING
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """The digests of the reference files that the header names, by keyword."""

    reference_files: Mapping[str, str]


class Inputs(Facts, ChipsOfImage):
    """The same; where the chips are, and the digest of the whole file."""

    file: str


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where the recipe wants the WCS made anew."""
    files = subject.findings.reference_files.get(subject.image_name)
    if files is None:
        return None
    return {"reference_files": {keyword: file.digest for keyword, file in files.items()}}


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    parts=("file",),
    writes={"working": WORKING},
    imports=("tweakreg_steps.headers.wcs_update",),
    mem_mb_per_mpixel=60,
)


def run(call: StepCall[NoParameters, Inputs]) -> None:
    """Write ``working/<image>.fits``."""
    from tweakreg_steps.headers.wcs_update import write_updated_copy

    chips = [chip_from_record(chip) for chip in call.inputs["chips"]]
    history = history_lines(call.statement)
    write_updated_copy(call.file("image"), call.file("working"), chips=chips, history=history)
