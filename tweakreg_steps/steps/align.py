"""All images, one after the other, with a reference list that grows on the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NotRequired, TypedDict

from tweakreg_steps.records.canonical import digest
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import all_names
from tweakreg_steps.steps.declaration import Per, Read, Step
from tweakreg_steps.steps.preloads import FITTING_MODULES, MATCHING_MODULES
from tweakreg_steps.steps.products import (
    EXPANDED_SOURCES,
    FIT,
    MATCHES,
    PAIRS,
    PLANE,
    REFERENCE_SOURCES,
    SKY,
)
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """A digest of the order of the images, and which of them is the reference, if that is known.

    Where the reference stars move, the epoch of each image.
    """

    images: str
    reference: str | None
    epochs: NotRequired[dict[str, float | None]]


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where the reference list is to grow."""
    if not subject.recipe["expand_refcat"]:
        return None
    findings = subject.findings
    references = [image.image.name for image in findings.images if findings.is_reference(image)]
    facts: Facts = {
        "images": digest(findings.names),
        "reference": references[0] if references else None,
    }
    if findings.refcat_moves:
        facts["epochs"] = {image.image.name: image.epoch for image in findings.images}
    return facts


def _if_there(subject: Subject) -> Iterable[str]:
    """Return a name where the reference list is made before."""
    return () if subject.findings.reference_is_chosen else (subject.name,)


STEP = Step(
    __name__,
    per=Per.ALL,
    facts=_facts,
    reads={
        "sky": Read(SKY, of=all_names),
        "plane": PLANE,
        "sources": Read(REFERENCE_SOURCES, of=_if_there),
    },
    writes={"expanded": EXPANDED_SOURCES, "matches": MATCHES, "fit": FIT, "pairs": PAIRS},
    consumes=parameters.Align,
    imports=(
        "tweakreg_steps.alignment.sequence",
        *MATCHING_MODULES,
        *FITTING_MODULES,
    ),
    mem_mb=2000,
    runtime=60,
)


def run(call: StepCall[parameters.Align, Facts]) -> None:
    """Write matches and fit of each image, and the reference list as it has grown."""
    from tweakreg_steps.alignment.alignment_parameters import alignment_parameters
    from tweakreg_steps.alignment.sequence import align_in_sequence
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane

    skies = {name: call.read_table(f"sky.{name}") for name in call.files_of("sky")}
    sequence = align_in_sequence(
        skies,
        call.read_table("sources") if call.optional_file("sources") else None,
        plane=read_reference_plane(call.file("plane")),
        reference=call.inputs["reference"],
        epochs=call.inputs.get("epochs", {}),
        enforce_user_order=call.parameters["enforce_user_order"],
        parameters={name: alignment_parameters(call.parameters_of(name)) for name in skies},
    )
    call.write_table("expanded", sequence.sources)
    for name, image in sequence.images.items():
        call.write_table(f"matches.{name}", image.matches)
        call.write_record(f"fit.{name}", image.fitted.record)
        call.write_table(f"pairs.{name}", image.fitted.pairs)
