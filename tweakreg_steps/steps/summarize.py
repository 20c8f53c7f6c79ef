"""The tables that say how each image went, and how well those agree that overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

from tweakreg_steps.fit_file import FitRecord, read_fit
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.statement import sign_meta
from tweakreg_steps.records.verdict import after_review
from tweakreg_steps.reporting.unread_images import UnreadImage, among_others, unread_record
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import all_names, rejected_names, unread_images
from tweakreg_steps.steps.declaration import Per, Read, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.products import COMPARISON, FIT, OVERLAPS, SOLUTION, SUMMARY_TABLE
from tweakreg_steps.steps.subject import Subject

if TYPE_CHECKING:
    from tweakreg_steps.alignment.misfits import Misfit
    from tweakreg_steps.solving.solution_file import SolutionRecord


class Facts(TypedDict):
    """A digest of the names of the images, those whose fit was rejected, those not read."""

    images: str
    rejected: list[str]
    unread: list[UnreadImage]


def _facts(subject: Subject) -> Facts:
    """Return what the job depends on."""
    return {
        "images": digest(subject.findings.names),
        "rejected": rejected_names(subject),
        "unread": unread_images(subject.findings),
    }


def _if_solved(subject: Subject) -> Iterable[str]:
    """Return a name where all images are solved together."""
    return () if subject.findings.mosaic is None else (subject.name,)


def _if_not_solved(subject: Subject) -> Iterable[str]:
    """Return a name where each image is aligned by itself."""
    return (subject.name,) if subject.findings.mosaic is None else ()


STEP = Step(
    __name__,
    per=Per.ALL,
    facts=_facts,
    reads={
        "fit": Read(FIT, of=all_names),
        "comparison": Read(COMPARISON, of=_if_not_solved),
        "solution": Read(SOLUTION, of=_if_solved),
    },
    writes={"summary": SUMMARY_TABLE, "overlaps": OVERLAPS},
    imports=(
        "tweakreg_steps.reporting.summary",
        "tweakreg_steps.alignment.misfits",
        "astropy.io.misc.yaml",
    ),
    mem_mb=1000,
)


def run(call: StepCall[NoParameters, Facts]) -> None:
    """Write ``summary.ecsv`` and ``overlaps.ecsv``."""
    from tweakreg_steps.alignment.misfits import misfits_of_table, table_of_misfits
    from tweakreg_steps.reporting.summary import build_summary
    from tweakreg_steps.reporting.summary_file import write_summary
    from tweakreg_steps.solving.solution_file import read_solution

    rejected = call.inputs["rejected"]
    records = {
        name: after_review(read_fit(path), rejected=name in rejected)
        for name, path in call.files_of("fit").items()
    }
    fits, statement = list(records.values()), call.statement
    solved = call.optional_file("solution")
    solution = read_solution(solved) if solved else None
    reference = (solution and solution["reference"]) or fits[0]["reference"]
    rows = among_others(
        fits, call.inputs["unread"], lambda one: unread_record(one, reference=reference)
    )
    overlaps = table_of_misfits(_misfits(call, records, solution), list(records))
    summary = build_summary(
        rows,
        version=statement["version"],
        recipe_digest=statement["recipe_digest"],
        reference=reference,
        solution=solution,
        misfits=misfits_of_table(overlaps, {row["image"]: n for n, row in enumerate(rows)}),
    )
    write_summary(call.file("summary"), replace(summary, meta=sign_meta(summary.meta, statement)))
    call.write_table("overlaps", overlaps)


def _misfits(
    call: StepCall[NoParameters, Facts],
    fits: Mapping[str, FitRecord],
    solution: SolutionRecord | None,
) -> list[Misfit]:
    """Return how well images that overlap agree, in mas: as they were solved, or as they lie.

    What was rejected is left out.
    """
    from tweakreg_steps.alignment.misfits import Misfit, misfits_of_table

    names = list(fits)
    places = {name: place for place, name in enumerate(names)}
    if solution is not None:
        found = [Misfit.from_record(pair, places) for pair in solution["overlaps"]]
    else:
        found = misfits_of_table(call.read_table("comparison"), places)
    failed = {place for name, place in places.items() if fits[name]["status"] == "not_aligned"}
    return [pair for pair in found if not failed & {pair.one, pair.other}]
