"""How well images that overlap agree with each other, each where its own fit puts it.

A review changes none of this: what it rejects is left out where the comparison is shown.
"""

from __future__ import annotations

from typing import TypedDict

from tweakreg_steps.fit_file import read_fit
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import all_names
from tweakreg_steps.steps.declaration import Per, Read, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.preloads import PLANE_MODULES
from tweakreg_steps.steps.products import COMPARISON, FIT, PLANE, SKY
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """A digest of the names of the images."""

    images: str


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; a solution of all images compares them itself."""
    if subject.findings.mosaic is not None:
        return None
    return {"images": digest(subject.findings.names)}


STEP = Step(
    __name__,
    per=Per.ALL,
    facts=_facts,
    reads={
        "fit": Read(FIT, of=all_names),
        "sky": Read(SKY, of=all_names),
        "plane": PLANE,
    },
    writes={"comparison": COMPARISON},
    imports=(
        "tweakreg_steps.solving.compared_images",
        "tweakreg_steps.solving.overlaps",
        "astropy.io.misc.yaml",
        *PLANE_MODULES,
    ),
    mem_mb=1000,
)


def run(call: StepCall[NoParameters, Facts]) -> None:
    """Write ``reference/comparison.ecsv``."""
    from tweakreg_steps.alignment.misfits import table_of_misfits
    from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale, read_reference_plane
    from tweakreg_steps.solving.compared_images import compare_aligned

    plane = read_reference_plane(call.file("plane"))
    fits = {name: read_fit(path) for name, path in call.files_of("fit").items()}
    skies = {name: call.read_table(f"sky.{name}") for name in fits}
    scale = plane_pixel_scale(plane) * 1000.0
    misfits = compare_aligned(skies, fits, plane=plane, mas_per_pixel=scale)
    call.write_table("comparison", table_of_misfits(misfits, list(fits)))
