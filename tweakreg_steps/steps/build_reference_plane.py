"""The undistorted WCS in whose pixels matching and fitting are done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.fits_files.exposure_record import LearntChip, chip_from_record
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.manifest import read_manifest, read_refimage
from tweakreg_steps.records.statement import history_lines
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import Facts as AnyFacts
from tweakreg_steps.steps.declaration import Per, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.preloads import PLANE_MODULES
from tweakreg_steps.steps.products import PLANE
from tweakreg_steps.steps.subject import Subject
from tweakreg_steps.surveying.findings import select_parts
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.surveying.plane_order import in_plane_order

if TYPE_CHECKING:
    from astropy.wcs import WCS


class Source(NamedTuple):
    """A file with a WCS, and its chips."""

    path: Path
    chips: list[Chip]


class Facts(TypedDict):
    """Whether a reference image defines the plane."""

    refimage: bool


class Inputs(Facts):
    """The same, and one digest of the WCS of all images, or of the reference image."""

    wcs: str


def _facts(subject: Subject) -> Facts:
    """Return what the job depends on beside the WCS."""
    return {"refimage": subject.findings.refimage is not None}


def _images(subject: Subject) -> Sequence[Inspected]:
    """Return the images of which the plane is made."""
    refimage = subject.findings.refimage
    if refimage is not None:
        return (refimage,)
    return in_plane_order(subject.findings.images, name=lambda image: image.image.name)


def combine_wcs(chips: Iterable[Sequence[LearntChip]], facts: AnyFacts) -> str:
    """Return one digest of the WCS of all images.

    As in TweakReg, a reference image's first chip defines the plane.
    """
    last = 1 if facts["refimage"] else None
    return digest([select_parts(own, "wcs")[:last] for own in chips])


def content(path: Path) -> str:
    """Return a digest of the WCS in a file, whoever wrote it."""
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane

    return _digest_of(read_reference_plane(path))


def preview(subject: Subject) -> str | None:
    """Return the digest of the plane that the images would make now.

    None where a WCS is made anew, and so is not known before.
    """
    images = _images(subject)
    if any(image.image.name in subject.findings.reference_files for image in images):
        return None
    sources = [
        Source(image.image.path, [chip_from_record(chip) for chip in image.chips])
        for image in images
    ]
    return _digest_of(_make_plane(sources, is_refimage=subject.findings.refimage is not None))


def _digest_of(plane: WCS) -> str:
    """Return a digest of a plane: its WCS and its size."""
    return digest([plane.to_header_string(relax=True), list(plane.pixel_shape)])


STEP = Step(
    __name__,
    per=Per.ALL,
    facts=_facts,
    parts=("wcs",),
    images=_images,
    combine=combine_wcs,
    content=content,
    preview=preview,
    writes={"plane": PLANE},
    imports=(*PLANE_MODULES, "stwcs.wcsutil"),
    mem_mb=1000,
)


def run(call: StepCall[NoParameters, Inputs]) -> None:
    """Write ``reference/wcs.fits``."""
    from tweakreg_steps.astrometry.reference_plane import write_reference_plane

    manifest = call.file("manifest")
    refimage = read_refimage(manifest)
    images = [refimage] if refimage else read_manifest(manifest)
    sources = [
        Source(image.wcs_path, [chip_from_record(chip) for chip in image.chips])
        for image in in_plane_order(images, name=lambda image: image.name)
    ]
    plane = _make_plane(sources, is_refimage=refimage is not None)
    write_reference_plane(plane, call.file("plane"), history=history_lines(call.statement))


def _make_plane(sources: Sequence[Source], *, is_refimage: bool) -> WCS:
    """Return the plane of images in their order, or of a reference image alone."""
    from tweakreg_steps.astrometry.reference_plane import build_reference_plane, plane_of_image

    if is_refimage:
        (source,) = sources
        return plane_of_image(source.path, source.chips[0])
    return build_reference_plane(sources)
