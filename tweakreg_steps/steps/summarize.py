"""The table that says how each image went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from tweakreg_steps.json_file import read_json
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.statement import sign_table
from tweakreg_steps.records.verdict import after_review
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import all_names, rejected_names
from tweakreg_steps.steps.declaration import Per, Read, Step
from tweakreg_steps.steps.products import FIT, SOLUTION, SUMMARY_TABLE
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """A digest of the names of the images, and those whose fit was rejected."""

    images: str
    rejected: list[str]


def _facts(subject: Subject) -> dict[str, Any]:
    """Return what the job depends on."""
    return {"images": digest(subject.findings.names), "rejected": rejected_names(subject)}


def _if_solved(subject: Subject) -> Iterable[str]:
    """Return a name where all images are solved together."""
    return () if subject.findings.mosaic is None else (subject.name,)


STEP = Step(
    __name__,
    per=Per.ALL,
    facts=_facts,
    reads={"fit": Read(FIT, of=all_names), "solution": Read(SOLUTION, of=_if_solved)},
    writes={"summary": SUMMARY_TABLE},
    imports=("tweakreg_steps.reporting.summary",),
)


def run(call: StepCall[Mapping[str, Any], Facts]) -> None:
    """Write ``summary.ecsv``."""
    from tweakreg_steps.reporting.summary import build_summary, write_summary

    rejected = call.inputs["rejected"]
    fits = [
        after_review(read_json(path), rejected=name in rejected)
        for name, path in call.files_of("fit").items()
    ]
    statement = call.statement
    solved = call.optional_file("solution")
    solution = read_json(solved) if solved else None
    summary = build_summary(
        fits,
        version=statement["version"],
        recipe_digest=statement["recipe_digest"],
        reference=(solution and solution["reference"]) or fits[0]["reference"],
        solution=solution,
    )
    write_summary(call.file("summary"), sign_table(summary, statement))
