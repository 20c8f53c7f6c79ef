"""The sources of an image from catalogs made elsewhere; its pixels are not read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import ChipsOfImage, Per, Step
from tweakreg_steps.steps.products import CATALOG
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """The digests of the chips' catalogs, region files and masks, by the chips' numbers."""

    catalogs: Mapping[str, str]
    exclusions: Mapping[str, str]


class Inputs(Facts, ChipsOfImage):
    """The same, and where the chips are."""


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where the image has catalogs."""
    if not subject.is_sought or not subject.has_catalogs:
        return None
    catalogs = subject.findings.catalogs[subject.image_name]
    return {
        "catalogs": {chip: file.digest for chip, file in catalogs.items()},
        "exclusions": subject.exclusions,
    }


def _parts(subject: Subject) -> tuple[str, ...]:
    """Return the WCS, where regions or the positions of the catalogs are on the sky."""
    is_on_sky = subject.values["coordinate_file"]["xyunits"] == "degrees"
    return ("wcs",) if is_on_sky or subject.exclusions else ()


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    parts=_parts,
    writes={"catalog": CATALOG},
    consumes=parameters.ReadCatalogs,
    is_shared=True,
    imports=("tweakreg_steps.finding.given_catalogs",),
)


def run(call: StepCall[parameters.ReadCatalogs, Inputs]) -> None:
    """Write ``catalogs/<image>.fits``."""
    from tweakreg_steps.finding.given_catalogs import read_given_catalogs

    groups = ("catalogs", "exclusions")
    files = {g: {int(n): path for n, path in call.files_of(g).items()} for g in groups}
    catalog = read_given_catalogs(
        call.file("image"),
        [chip_from_record(record) for record in call.inputs["chips"]],
        name=call.name,
        parameters=call.parameters["coordinate_file"],
        **files,
    )
    call.write_table("catalog", catalog)
