"""The reference sources: from an image or from a catalog, in the same table."""

from __future__ import annotations

from typing import TypedDict

from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import Per, Read, Step
from tweakreg_steps.steps.preloads import PLANE_MODULES
from tweakreg_steps.steps.products import PLANE, REFERENCE_SOURCES, SKY
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """The digest of the reference catalog, or the name of the image that is the reference."""

    refcat: str | None
    image: str | None


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where the reference is known before."""
    findings = subject.findings
    if findings.reference_is_chosen:
        return None
    return {"refcat": findings.refcat, "image": findings.reference_name}


def _reference(subject: Subject) -> list[str]:
    """Return the name of the image that is the reference, if one is."""
    reference = subject.findings.reference
    return [reference.image.name] if reference else []


STEP = Step(
    __name__,
    per=Per.ALL,
    facts=_facts,
    reads={"plane": PLANE, "sky": Read(SKY, of=_reference)},
    writes={"sources": REFERENCE_SOURCES},
    consumes=parameters.BuildReference,
    imports=(
        "tweakreg_steps.alignment.reference_list",
        "tweakreg_steps.alignment.reference_sources",
        *PLANE_MODULES,
    ),
)


def run(call: StepCall[parameters.BuildReference, Facts]) -> None:
    """Write ``reference/sources.fits``."""
    from tweakreg_steps.alignment.reference_list import list_of_image
    from tweakreg_steps.alignment.reference_sources import sources_of_catalog
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane

    refcat = call.optional_file("refcat")
    if refcat is not None:
        plane = read_reference_plane(call.file("plane"))
        sources = sources_of_catalog(refcat, plane, call.parameters["reference_catalog"])
    else:
        image = call.inputs["image"]
        assert image is not None  # noqa: S101  there is a catalog or an image
        (name,) = call.files_of("sky")
        sources = list_of_image(call.read_table(f"sky.{name}"), image)
    call.write_table("sources", sources)
