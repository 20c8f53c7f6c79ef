"""Where the PSF puts the sources that were found."""

from __future__ import annotations

from typing import TypedDict

from tweakreg_steps.fits_files.exposure_record import PsfChip
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import if_built, is_psf_wanted
from tweakreg_steps.steps.declaration import Per, Read, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.products import CATALOG, MASK, POSITIONS, PSF
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """The digest of the user's PSF (None: it is built), and whether all flags are bad."""

    psf: str | None
    any_flag_is_bad: bool


class Inputs(Facts):
    """The same, and the chips."""

    chips: list[PsfChip]


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where a PSF is to be fitted."""
    if not is_psf_wanted(subject):
        return None
    file = subject.findings.psfs.get(subject.image_name)
    return {
        "psf": file.digest if file else None,
        "any_flag_is_bad": subject.values[subject.findpars]["dqbits"] is None,
    }


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    parts=("pixels", "err", "dq", "camera", "noise"),
    reads={"catalog": CATALOG, "mask": MASK, "built": Read(PSF, of=if_built)},
    writes={"positions": POSITIONS},
    is_shared=True,
    imports=(
        "tweakreg_steps.psf.image_positions",
        "tweakreg_steps.psf.psf_fit",
        "tweakreg_steps.psf.exposed_pixels",
        "tweakreg_steps.psf.psf_file",
        "scipy.ndimage",
    ),
    mem_mb=1000,
    mem_mb_per_mpixel=60,
    runtime=10,
)


def run(call: StepCall[NoParameters, Inputs]) -> None:
    """Write ``positions/<image>.fits``."""
    from tweakreg_steps.psf.exposed_pixels import ExposureFiles
    from tweakreg_steps.psf.image_positions import measure_image

    exposure = ExposureFiles(
        call.name,
        call.file("image"),
        call.file("mask"),
        call.inputs["chips"],
        any_flag_is_bad=call.inputs["any_flag_is_bad"],
    )
    psf = call.file("built" if call.optional_file("built") else "psf")
    positions = measure_image(call.read_table("catalog"), exposure, psf)
    call.write_table("positions", positions)
