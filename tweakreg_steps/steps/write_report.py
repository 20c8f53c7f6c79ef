"""The page that shows a run, and its table for MultiQC."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from tweakreg_steps.json_file import read_json
from tweakreg_steps.records.statement import sign_script
from tweakreg_steps.reporting.unread_images import UnreadImage, among_others, unread_report
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import all_names, unread_images
from tweakreg_steps.steps.declaration import Per, Read, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.products import (
    IMAGE_REPORT,
    MULTIQC,
    OVERLAPS,
    PAGE_OVERLAPS,
    PAGE_SCRIPT,
    RUN_PAGE,
)
from tweakreg_steps.steps.subject import Subject

if TYPE_CHECKING:
    from tweakreg_steps.reporting.image_report import ImageFacts


class Facts(TypedDict):
    """The names of the images, those not read, and a digest of the text of the page."""

    images: list[str]
    unread: list[UnreadImage]
    pages: str


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where a report is wanted."""
    if not subject.recipe["report"]:
        return None
    from tweakreg_steps.reporting.rendering import pages_digest

    return {
        "images": subject.findings.names,
        "unread": unread_images(subject.findings),
        "pages": pages_digest(),
    }


STEP = Step(
    __name__,
    per=Per.ALL,
    facts=_facts,
    reads={"facts": Read(IMAGE_REPORT, of=all_names), "overlaps": OVERLAPS},
    writes={
        "page": RUN_PAGE,
        "script": PAGE_SCRIPT,
        "neighbours": PAGE_OVERLAPS,
        "multiqc": MULTIQC,
    },
    imports=(
        "tweakreg_steps.reporting.run_page",
        "tweakreg_steps.reporting.image_overlaps",
        "tweakreg_steps.reporting.multiqc",
        "tweakreg_steps.reporting.all_templates",
        "shapely",
    ),
    mem_mb=1000,
)


def run(call: StepCall[NoParameters, Facts]) -> None:
    """Write ``report.html``, two scripts for the pages of images, and the table."""
    from tweakreg_steps.alignment.misfits import misfits_of_table
    from tweakreg_steps.atomic import write_text_atomically
    from tweakreg_steps.records.library_versions import library_versions
    from tweakreg_steps.reporting.image_overlaps import overlaps_script
    from tweakreg_steps.reporting.multiqc import multiqc_table
    from tweakreg_steps.reporting.rendering import drawing_script
    from tweakreg_steps.reporting.run_page import run_page
    from tweakreg_steps.reporting.run_report import describe_run

    read: list[ImageFacts] = [read_json(path) for path in call.files_of("facts").values()]
    images = among_others(read, call.inputs["unread"], lambda one: unread_report(one, read[0]))
    places = {image["image"]: place for place, image in enumerate(images)}
    misfits = misfits_of_table(call.read_table("overlaps"), places)
    said = call.statement
    page = run_page(images, misfits, versions=library_versions(), said=said)
    write_text_atomically(call.file("page"), page)
    write_text_atomically(call.file("script"), sign_script(drawing_script(), said))
    neighbours = overlaps_script(images, misfits)
    write_text_atomically(call.file("neighbours"), sign_script(neighbours, said))
    call.write_record("multiqc", multiqc_table(describe_run(images, misfits)["rows"]))
