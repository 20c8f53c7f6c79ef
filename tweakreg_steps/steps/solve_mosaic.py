"""All images at once: the corrections of all exposures from the stars that they share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.manifest import read_manifest
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import all_names
from tweakreg_steps.steps.declaration import Per, Read, Step
from tweakreg_steps.steps.preloads import FITTING_MODULES, MATCHING_MODULES
from tweakreg_steps.steps.products import (
    FIT,
    MATCHES,
    PAIR_MATCH,
    PAIRS,
    PLANE,
    REFERENCE_SOURCES,
    SKY,
    SOLUTION,
)
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """Digests of the images in their order, and of how they belong together; the reference."""

    images: str
    reference: str | None
    mosaic: str


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where all images are solved together."""
    findings = subject.findings
    mosaic = findings.mosaic
    if mosaic is None:
        return None
    references = [image.image.name for image in findings.images if findings.is_reference(image)]
    return {
        "images": digest(findings.names),
        "reference": references[0] if references else None,
        "mosaic": digest([mosaic.groups, mosaic.geometries, mosaic.cameras, mosaic.epochs]),
    }


def _pairs(subject: Subject) -> Iterable[str]:
    """Return the names of the pairs of images that overlap."""
    mosaic = subject.findings.mosaic
    return mosaic.pairs if mosaic else ()


def _if_apart(subject: Subject) -> Iterable[str]:
    """Return a name where the reference is none of the images."""
    findings = subject.findings
    is_one = any(findings.is_reference(image) for image in findings.images)
    floats = findings.mosaic is not None and findings.mosaic.floats
    return () if is_one or floats else (subject.name,)


STEP = Step(
    __name__,
    per=Per.ALL,
    facts=_facts,
    reads={
        "sky": Read(SKY, of=all_names),
        "pair": Read(PAIR_MATCH, of=_pairs),
        "plane": PLANE,
        "sources": Read(REFERENCE_SOURCES, of=_if_apart),
    },
    writes={"solution": SOLUTION, "matches": MATCHES, "fit": FIT, "pairs": PAIRS},
    consumes=parameters.SolveMosaic,
    imports=("tweakreg_steps.solving.solved_images", *MATCHING_MODULES, *FITTING_MODULES),
    mem_mb=2000,
    runtime=60,
)


def run(call: StepCall[parameters.SolveMosaic, Facts]) -> None:
    """Write the fit of each image, and what the solution says of all."""
    from tweakreg_steps.alignment.alignment_parameters import fit_gates
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane
    from tweakreg_steps.solving.images_as_mosaic import Asked
    from tweakreg_steps.solving.solved_images import solve_images

    given = call.parameters
    names = call.files_of("sky")
    each = {name: call.parameters_of(name) for name in names}
    images = read_manifest(call.file("manifest"))
    belongs = {image.name: image.mosaic for image in images if image.mosaic}
    geometry = given["catalog_fitting"]["fitgeometry"]
    assert geometry != "auto"  # noqa: S101  it is refused before a run
    solved = solve_images(
        {name: call.read_table(f"sky.{name}") for name in names},
        [call.read_table(f"pair.{name}") for name in call.files_of("pair")],
        call.read_table("sources") if call.optional_file("sources") else None,
        plane=read_reference_plane(call.file("plane")),
        asked=Asked(
            solution=given["solution"],
            matching=given["object_matching"],
            fitgeometry=geometry,
            max_false_alarm=given["acceptance"]["max_false_alarm"],
            minobj={name: one["object_matching"]["minobj"] for name, one in each.items()},
            gates={name: fit_gates(one["acceptance"]) for name, one in each.items()},
            groups={name: own["group"] for name, own in belongs.items()},
            geometries={own["group"]: own["geometry"] for own in belongs.values()},
            cameras={name: own["camera"] for name, own in belongs.items()},
            reference=call.inputs["reference"],
            epochs={name: own.get("epoch") for name, own in belongs.items()},
            shapes={
                image.name: {chip.number: chip.shape for chip in map(chip_from_record, image.chips)}
                for image in images
            },
        ),
    )
    call.write_record("solution", solved.record)
    for name, image in solved.images.items():
        call.write_table(f"matches.{name}", image.matches)
        call.write_record(f"fit.{name}", image.fitted.record)
        call.write_table(f"pairs.{name}", image.fitted.pairs)
