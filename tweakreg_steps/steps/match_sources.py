"""Which source of an image is which source of the reference."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import is_aligned_alone
from tweakreg_steps.steps.declaration import Per, Step
from tweakreg_steps.steps.preloads import MATCHING_MODULES
from tweakreg_steps.steps.products import MATCHES, PLANE, REFERENCE_SOURCES, SKY
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """Whether the image is the reference itself; its epoch, where the reference stars move."""

    is_reference: bool
    epoch: NotRequired[float | None]


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where images are aligned one by one."""
    if not is_aligned_alone(subject):
        return None
    facts: Facts = {"is_reference": subject.findings.is_reference(subject.this)}
    if subject.findings.refcat_moves:
        facts["epoch"] = subject.this.epoch
    return facts


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    reads={"sky": SKY, "plane": PLANE, "sources": REFERENCE_SOURCES},
    writes={"matches": MATCHES},
    consumes=parameters.MatchSources,
    is_shared=True,
    imports=MATCHING_MODULES,
)


def run(call: StepCall[parameters.MatchSources, Facts]) -> None:
    """Write ``matches/<image>.ecsv``."""
    from tweakreg_steps.alignment.match_table import make_match_table
    from tweakreg_steps.alignment.moving_reference import at_epoch
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane

    matches = make_match_table(
        call.read_table("sky"),
        at_epoch(call.read_table("sources"), call.inputs.get("epoch")),
        plane=read_reference_plane(call.file("plane")),
        image=call.name,
        is_reference=call.inputs["is_reference"],
        matching=call.parameters["object_matching"],
        max_false_alarm=call.parameters["acceptance"]["max_false_alarm"],
        look_further=True,
    )
    call.write_table("matches", matches)
