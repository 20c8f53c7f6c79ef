"""Where on each chip sources may be found, from exclusion regions, masks and DQ flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.records.statement import history_lines
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall, section_of
from tweakreg_steps.steps.declaration import ChipsOfImage, Per, Step
from tweakreg_steps.steps.products import MASK
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """The digests of the chips' region files and masks, by the chips' numbers."""

    exclusions: Mapping[str, str]


class Inputs(Facts, ChipsOfImage):
    """The same, and where the chips are."""


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where sources are sought in pixels."""
    if not subject.is_sought or subject.has_catalogs:
        return None
    return {"exclusions": subject.exclusions}


def _parts(subject: Subject) -> tuple[str, ...]:
    """Return the flags where they are used, the WCS where there are regions."""
    uses_flags = subject.values[subject.findpars]["dqbits"] is not None
    return (*(("dq",) if uses_flags else ()), *(("wcs",) if subject.exclusions else ()))


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    parts=_parts,
    writes={"mask": MASK},
    consumes=parameters.MakeMasks,
    is_shared=True,
    imports=("tweakreg_steps.masking.image_masks", "tweakreg_steps.fits_files.mask_file"),
)


def run(call: StepCall[parameters.MakeMasks, Inputs]) -> None:
    """Write ``masks/<image>.fits``."""
    from tweakreg_steps.fits_files.mask_file import write_masks
    from tweakreg_steps.masking.image_masks import image_masks

    flags = section_of(call.parameters)
    chips = [chip_from_record(record) for record in call.inputs["chips"]]
    files = {int(number): path for number, path in call.files_of("exclusions").items()}
    masks = image_masks(call.file("image"), chips, exclusions=files, dqbits=flags["dqbits"])
    write_masks(call.file("mask"), masks, call.name, history=history_lines(call.statement))
