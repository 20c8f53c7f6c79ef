"""The working copy of an image: its file with WCS and distortion model made anew by stwcs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from tweakreg_steps.records.statement import history_lines
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import Per, Step
from tweakreg_steps.steps.products import WORKING
from tweakreg_steps.steps.subject import Subject
from tweakreg_steps.surveying.chip_record import chip_from_record


class Facts(TypedDict):
    """The digests of the reference files that the header names, by keyword."""

    file: str
    chips: list[dict[str, Any]]
    reference_files: Mapping[str, str]


def _facts(subject: Subject) -> dict[str, Any] | None:
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


def run(call: StepCall[Mapping[str, Any], Facts]) -> None:
    """Write ``working/<image>.fits``."""
    from tweakreg_steps.headers.wcs_update import write_updated_copy

    chips = [chip_from_record(chip) for chip in call.inputs["chips"]]
    history = history_lines(call.statement)
    write_updated_copy(call.file("image"), call.file("working"), chips=chips, history=history)
