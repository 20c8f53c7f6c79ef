"""TweakReg's list of all text catalogs."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.manifest import read_manifest
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import Per, Step, Writes
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.products import CHIP_CATALOG, catfile_list
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """A digest of the names of the images and their chips."""

    images: str


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where text catalogs are wanted."""
    if not subject.recipe["writecat"]:
        return None
    chips = [
        (image.image.label, image.image.name, [chip["number"] for chip in image.chips])
        for image in subject.findings.images
    ]
    return {"images": digest(chips)}


def _writes(subject: Subject) -> Writes:
    """Return the list, named after the first image."""
    return {"catfile": catfile_list(subject.findings.names[0])}


STEP = Step(__name__, per=Per.ALL, facts=_facts, writes=_writes)


def run(call: StepCall[NoParameters, Facts]) -> None:
    """Write ``tweakreg/<first image>_xy_catfile.list``."""
    from tweakreg_steps.reporting.text_products import catfile_list_text

    rows = [
        (
            image.label,
            [
                Path(CHIP_CATALOG.path(image=image.name, chip=str(chip["number"]))).name
                for chip in image.chips
            ],
        )
        for image in read_manifest(call.file("manifest"))
    ]
    call.write_text("catfile", catfile_list_text(rows))
