"""The transformation between an image and the reference, from their matched sources."""

from __future__ import annotations

from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import is_aligned_alone
from tweakreg_steps.steps.declaration import NoFacts, Per, Step
from tweakreg_steps.steps.preloads import FITTING_MODULES
from tweakreg_steps.steps.products import FIT, MATCHES, PAIRS, PLANE
from tweakreg_steps.steps.subject import Subject


def _facts(subject: Subject) -> NoFacts | None:
    """Return that there is nothing more; there is a job where images are aligned one by one."""
    return {} if is_aligned_alone(subject) else None


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    reads={"matches": MATCHES, "plane": PLANE},
    writes={"fit": FIT, "pairs": PAIRS},
    consumes=parameters.FitAlignment,
    imports=FITTING_MODULES,
)


def run(call: StepCall[parameters.FitAlignment, NoFacts]) -> None:
    """Write ``fits/<image>.json``, the fit, and ``fits/<image>.ecsv``, its pairs with residuals."""
    from tweakreg_steps.alignment.fitted_image import fit_image
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane

    fitted = fit_image(
        call.read_table("matches"),
        plane=read_reference_plane(call.file("plane")),
        fitting=call.parameters["catalog_fitting"],
        gates=call.parameters["acceptance"],
    )
    call.write_table("pairs", fitted.pairs)
    call.write_record("fit", fitted.record)
