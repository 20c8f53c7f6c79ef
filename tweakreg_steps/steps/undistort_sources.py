"""Where on the sky an image's sources are, by its header's full distortion."""

from __future__ import annotations

from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import BEST_POSITIONS
from tweakreg_steps.steps.declaration import ChipsOfImage, NoFacts, Per, Step
from tweakreg_steps.steps.products import FOOTPRINT, SKY
from tweakreg_steps.steps.subject import Subject


def _facts(subject: Subject) -> NoFacts | None:
    """Return what the job depends on beside the WCS; there is one where sources are needed."""
    return {} if subject.is_sought else None


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    parts=("wcs",),
    reads=BEST_POSITIONS,
    writes={"sky": SKY, "footprint": FOOTPRINT},
    consumes=parameters.UndistortSources,
    is_shared=True,
    imports=(
        "tweakreg_steps.finding.sky_list",
        "tweakreg_steps.astrometry.undistortion",
        "tweakreg_steps.astrometry.footprint",
    ),
)


def run(call: StepCall[parameters.UndistortSources, ChipsOfImage]) -> None:
    """Write ``sky/<image>.fits``, and where the chips themselves are."""
    from tweakreg_steps.astrometry.footprint import find_footprint
    from tweakreg_steps.finding.sky_list import make_sky_list
    from tweakreg_steps.fits_files.exposure import wcs_reader

    chips = [chip_from_record(record) for record in call.inputs["chips"]]
    key = "positions" if call.optional_file("positions") else "catalog"
    image = call.file("image")
    with wcs_reader(image) as wcs_of:
        sky = make_sky_list(call.read_table(key), image, chips, wcs_of=wcs_of)
        footprint = find_footprint(image, chips, wcs_of=wcs_of)
    call.write_table("sky", sky)
    call.write_record("footprint", footprint)
