"""The picture of the PSF of a camera and filter, or of the stars where none is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NotRequired, TypedDict

from tweakreg_steps.fits_files.exposure_record import ChipRecord, PsfChip
from tweakreg_steps.records.statement import png_texts
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import is_psf_built, is_psf_wanted
from tweakreg_steps.steps.declaration import Per, Read, Step
from tweakreg_steps.steps.preloads import DRAWING_MODULES
from tweakreg_steps.steps.products import CATALOG, MASK, PSF, PSF_PLOT
from tweakreg_steps.steps.subject import Subject
from tweakreg_steps.surveying.inspection import Inspected


class Facts(TypedDict):
    """The digest of the PSF's file by the name of the image that stands for all.

    Where a PSF is used, the chips of that image, whose pixels are not read then.
    """

    psf: Mapping[str, str]
    exposures: NotRequired[Mapping[str, list[ChipRecord]]]


class Inputs(TypedDict):
    """The same, with the chips of the image wherever they come from."""

    psf: Mapping[str, str]
    exposures: Mapping[str, list[PsfChip]]


@lru_cache(1)
def _shown(subject: Subject) -> Subject | None:
    """Return the image that stands for all: one with a built PSF, or a file's, or the first.

    It is asked for several times in a row, and has to go through all images.
    """
    members = [
        one
        for one in map(subject.member, subject.members)
        if one.is_input and one.is_sought and not one.has_catalogs
    ]
    for fits in (is_psf_built, is_psf_wanted):
        for one in members:
            if fits(one):
                return one
    return members[0] if members else None


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where plots are wanted.

    Where headers are written in place, nobody waits for this job, and it may not read the pixels.
    """
    shown = _shown(subject)
    if shown is None or subject.values["catalog_fitting"]["residplot"] == "No plot":
        return None
    if not is_psf_wanted(shown):
        return None if subject.values["update_header"]["in_place"] else {"psf": {}}
    file = subject.findings.psfs.get(shown.name)
    return {
        "psf": {shown.name: file.digest} if file else {},
        "exposures": {shown.name: shown.chips("camera")},
    }


def _images(subject: Subject) -> Sequence[Inspected]:
    """Return the image that stands for all."""
    shown = _shown(subject)
    return [shown.this] if shown else []


def _if_built(subject: Subject) -> Iterable[str]:
    """Return a name where the PSF is built."""
    shown = _shown(subject)
    return (subject.name,) if shown and is_psf_built(shown) else ()


def _if_none(subject: Subject) -> Iterable[str]:
    """Return the name of the image where no PSF is used."""
    shown = _shown(subject)
    return (shown.name,) if shown and not is_psf_wanted(shown) else ()


def _parts(subject: Subject) -> tuple[str, ...]:
    """Return the pixels where the stars themselves are shown."""
    return ("pixels", "camera") if [*_if_none(subject)] else ()


STEP = Step(
    __name__,
    per=Per.GROUP,
    facts=_facts,
    parts=_parts,
    images=_images,
    reads={
        "built": Read(PSF, of=_if_built),
        "catalog": Read(CATALOG, of=_if_none),
        "mask": Read(MASK, of=_if_none),
    },
    writes={"plot": PSF_PLOT},
    consumes=parameters.PlotPsf,
    imports=("tweakreg_steps.reporting.psf_of_run", "scipy.ndimage", *DRAWING_MODULES),
)


def run(call: StepCall[parameters.PlotPsf, Inputs]) -> None:
    """Write ``plots/psf_<camera>_<filter>.png``."""
    from tweakreg_steps.psf.exposed_pixels import ExposureFiles
    from tweakreg_steps.reporting.plots import save_figure
    from tweakreg_steps.reporting.psf_of_run import draw_known_psf, draw_stars

    ((name, chips),) = call.inputs["exposures"].items()
    labelsize = call.parameters["catalog_fitting"]["labelsize"]
    mask = call.optional_file(f"mask.{name}")
    image = call.originals[name] if mask else Path(name)
    exposure = ExposureFiles(name, image, mask, chips, any_flag_is_bad=False)
    built = call.optional_file("built")
    psf = built or call.optional_file(f"psf.{name}")
    if psf is not None:
        figure = draw_known_psf(
            call.name, psf, exposure, is_built=psf == built, labelsize=labelsize
        )
    else:
        catalog = call.read_table(f"catalog.{name}")
        figure = draw_stars(call.name, exposure, catalog, labelsize=labelsize)
    save_figure(figure, call.file("plot"), texts=png_texts(call.statement))
