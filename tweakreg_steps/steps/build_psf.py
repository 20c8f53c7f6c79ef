"""The PSF of a camera and filter, from the dithered exposures themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from tweakreg_steps.fits_files.exposure_record import PsfChip
from tweakreg_steps.records.statement import history_lines
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import is_psf_built
from tweakreg_steps.steps.declaration import Per, Read, Step
from tweakreg_steps.steps.products import CATALOG, MASK, PSF
from tweakreg_steps.steps.subject import Subject
from tweakreg_steps.surveying.inspection import Inspected


class Facts(TypedDict):
    """The exposures of which all flags are bad."""

    any_flag_is_bad: list[str]


class Inputs(Facts):
    """The same, and the chips of each exposure."""

    exposures: Mapping[str, list[PsfChip]]


def _built(subject: Subject) -> list[Subject]:
    """Return the images of which the PSF is built; a reference image not beside itself."""
    members = [one for one in map(subject.member, subject.members) if is_psf_built(one)]
    inputs = {m.this.image.path.resolve() for m in members if m.is_input}
    return [m for m in members if m.is_input or m.this.image.path.resolve() not in inputs]


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where a PSF is to be built."""
    members = _built(subject)
    if not members:
        return None
    unmasked = [m.name for m in members if m.values[m.findpars]["dqbits"] is None]
    return {"any_flag_is_bad": unmasked}


def _names(subject: Subject) -> Iterable[str]:
    """Return the names of the images of which the PSF is built."""
    return [member.name for member in _built(subject)]


def _images(subject: Subject) -> Sequence[Inspected]:
    """Return these images."""
    return [member.this for member in _built(subject)]


STEP = Step(
    __name__,
    per=Per.GROUP,
    facts=_facts,
    parts=("pixels", "err", "dq", "wcs", "camera", "noise"),
    images=_images,
    reads={"catalog": Read(CATALOG, of=_names), "mask": Read(MASK, of=_names)},
    writes={"psf": PSF},
    consumes=parameters.BuildPsf,
    is_shared=True,
    imports=(
        "tweakreg_steps.psf.dithers",
        "tweakreg_steps.psf.psf_build",
        "tweakreg_steps.psf.exposed_pixels",
        "scipy.ndimage",
    ),
    mem_mb=1000,
    runtime=30,
)


def run(call: StepCall[parameters.BuildPsf, Inputs]) -> None:
    """Write ``psf/<camera>_<filter>.fits``."""
    from tweakreg_steps.psf.dithers import Dither, build_from_dithers
    from tweakreg_steps.psf.exposed_pixels import ExposureFiles

    dithers = []
    for name, chips in call.inputs["exposures"].items():
        image = call.optional_file(f"image.{name}") or call.originals[name]
        files = ExposureFiles(
            name,
            image,
            call.file(f"mask.{name}"),
            chips,
            any_flag_is_bad=name in call.inputs["any_flag_is_bad"],
        )
        dithers.append(Dither(files, call.read_table(f"catalog.{name}")))
    build_from_dithers(
        dithers,
        call.file("psf"),
        matching=call.parameters["object_matching"],
        history=history_lines(call.statement),
    )
