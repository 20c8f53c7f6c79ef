"""TweakReg's text catalog of the reference image's sources on the sky."""

from __future__ import annotations

from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import NoFacts, Per, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.products import SKY, SKY_CATALOG
from tweakreg_steps.steps.subject import Subject


def _facts(subject: Subject) -> NoFacts | None:
    """Return that there is nothing more; there is a job for a reference image that is searched."""
    is_wanted = subject.recipe["writecat"] and subject.is_sought and not subject.is_input
    return {} if is_wanted else None


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    reads={"sky": SKY},
    writes={"sky_text": SKY_CATALOG},
    imports=("tweakreg_steps.reporting.text_products",),
)


def run(call: StepCall[NoParameters, NoFacts]) -> None:
    """Write ``tweakreg/<image>_sky_catalog.coo``."""
    from tweakreg_steps.reporting.text_products import sky_catalog_text

    call.write_text("sky_text", sky_catalog_text(call.read_table("sky"), image=call.name))
