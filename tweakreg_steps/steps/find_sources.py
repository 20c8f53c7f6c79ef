"""The sources of an image, chip by chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TypedDict

from tweakreg_steps.finding.sextractor_options import needs_errors
from tweakreg_steps.fits_files.exposure_record import ChipRecord, chip_from_record
from tweakreg_steps.fits_files.pixel_unit import UnitRecord
from tweakreg_steps.quiet import quietly
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall, section_of
from tweakreg_steps.steps.declaration import Per, Step
from tweakreg_steps.steps.preloads import PICTURE_MODULES
from tweakreg_steps.steps.products import CATALOG, MASK, QUICKLOOK
from tweakreg_steps.steps.subject import Subject

Facts = Mapping[str, str | None]
"""Version of SExtractor, and digests of the files that it is given; empty where it is not used."""


class MeasuredChip(ChipRecord):
    """Where a chip is, and what its pixels count."""

    unit: UnitRecord


class Inputs(TypedDict):
    """The chips; what the facts beside them say is seen in files."""

    chips: list[MeasuredChip]


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where sources are sought in pixels."""
    if not subject.is_sought or subject.has_catalogs:
        return None
    if not _uses_sextractor(subject):
        return {}
    findings = subject.findings
    files = findings.weights.get(subject.image_name, {})
    digests = {key: file.digest for key, file in files.items()}
    return {"sextractor": findings.sextractor, **digests}


def _uses_sextractor(subject: Subject) -> bool:
    """Tell whether SExtractor finds the sources."""
    return bool(subject.values[subject.findpars]["finder"] == "sextractor")


def _parts(subject: Subject) -> tuple[str, ...]:
    """Return the pixels with their unit, and their errors where SExtractor weighs with them."""
    options = subject.values[subject.findpars]["sextractor"]
    weighs = _uses_sextractor(subject) and needs_errors(options)
    return ("pixels", "unit", "err") if weighs else ("pixels", "unit")


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    parts=_parts,
    reads={"mask": MASK},
    writes={"catalog": CATALOG, "quicklook": QUICKLOOK},
    consumes=parameters.FindSources,
    is_shared=True,
    imports=(
        "tweakreg_steps.finding.image_catalog",
        "tweakreg_steps.finding.star_finders",
        "tweakreg_steps.finding.daofind",
        "tweakreg_steps.finding.lower_thresholds",
        "tweakreg_steps.finding.narrowness",
        *PICTURE_MODULES,
    ),
    mem_mb_per_mpixel=60,
    runtime=2,
)


def run(call: StepCall[parameters.FindSources, Inputs]) -> None:
    """Write ``catalogs/<image>.fits``, and small pictures of the pixels beside it."""
    from tweakreg_steps.finding.image_catalog import find_in_image
    from tweakreg_steps.finding.lower_thresholds import look_lower
    from tweakreg_steps.fits_files.pixel_unit import unit_from_record
    from tweakreg_steps.reporting.quicklook import make_quicklook

    find = section_of(call.parameters)
    chips = [chip_from_record(record) for record in call.inputs["chips"]]
    weights = {
        number: path
        for number in (chip.number for chip in chips)
        if (path := call.optional_file(f"weights{number}"))
    }
    search = partial(
        find_in_image,
        call.file("image"),
        chips,
        name=call.name,
        mask=call.file("mask"),
        units={
            record["number"]: unit_from_record(record["unit"]) for record in call.inputs["chips"]
        },
        weights=weights,
        own_filter=call.optional_file("filter"),
    )
    catalog = search(find=find)
    with quietly():
        lower = look_lower(catalog, find, lambda other: search(find=other))
    if lower:
        catalog = replace(catalog, meta={**catalog.meta, "lower": lower})
    call.write_table("catalog", catalog)
    look = make_quicklook(call.file("image"), chips, mask=call.file("mask"), catalog=catalog)
    call.write_record("quicklook", look)
