"""Which source of an image is which source of another one that overlaps it."""

from __future__ import annotations

from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import NoFacts, Per, Step
from tweakreg_steps.steps.preloads import MATCHING_MODULES
from tweakreg_steps.steps.products import PAIR_MATCH, PLANE, SKY
from tweakreg_steps.steps.subject import Subject


def _facts(_subject: Subject) -> NoFacts:
    """Return that there is nothing more: there are pairs only where images are solved together."""
    return {}


STEP = Step(
    __name__,
    per=Per.PAIR,
    facts=_facts,
    reads={"sky": SKY, "plane": PLANE},
    writes={"pair": PAIR_MATCH},
    consumes=parameters.MatchPair,
    is_shared=True,
    imports=("tweakreg_steps.solving.matched_pair", *MATCHING_MODULES),
)


def run(call: StepCall[parameters.MatchPair, NoFacts]) -> None:
    """Write ``pairs/<one>-<other>.ecsv``."""
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane
    from tweakreg_steps.solving.matched_pair import match_images

    skies = {name: call.read_table(f"sky.{name}") for name in call.files_of("sky")}
    table = match_images(
        skies,
        plane=read_reference_plane(call.file("plane")),
        parameters={name: call.parameters_of(name) for name in skies},
    )
    call.write_table("pair", table)
