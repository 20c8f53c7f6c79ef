"""What a run did, and what it changed, for the page of the run.

The page itself is a product, and the same however it came about; the story stands beside it, in a
file of the run's own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.errors import InputError
from tweakreg_steps.recipes.differences import differences
from tweakreg_steps.records.outdir_files import STORY, SUMMARY
from tweakreg_steps.reporting.summary_file import SummaryRow, read_summary
from tweakreg_steps.workflow.project import Project

_MOST = 40
"""Lines of a kind that are told."""
_FIRST_TIME = "not made yet"
_PROGRAM = "the program has changed"
_NOTICED = 0.01
"""Pixels of a shift, and parts of an rms, below which a change is none."""

Outcomes = Mapping[str, SummaryRow]
"""The rows of a summary, by the names of images."""


def read_outcomes(outdir: Path) -> Outcomes:
    """Return how each image went in the run before; nothing where there was none."""
    if not (outdir / SUMMARY).is_file():
        return {}
    try:
        return {row["image"]: row for row in read_summary(outdir / SUMMARY).rows}
    except InputError:
        return {}


def write_story(project: Project, file: Path, before: Outcomes) -> None:
    """Write what a run of a recipe `file` did, given how each image went `before`."""
    story = {
        "recipe": file.name,
        "jobs": len(project.stale),
        "first": not before,
        "recipe_differences": [
            [one.name, json.dumps(one.value), json.dumps(one.default), one.unit]
            for one in differences(project.values)
        ],
        "reasons": list(_reasons(project))[:_MOST],
        "changes": list(_changes(before, read_outcomes(project.outdir)))[:_MOST] if before else [],
    }
    text = json.dumps(story, ensure_ascii=True).replace("<", "\\u003c")
    write_text_atomically(project.outdir / STORY, f"window.tweakregStory = {text};\n")


def _reasons(project: Project) -> Iterator[str]:
    """Yield why jobs ran, each reason once, with the number of its jobs."""
    found = Counter(_summed_up(text) for job in project.stale for text in job.own_reasons)
    for text, number in found.items():
        if text:
            yield f"{text} ({number} job{'s' if number > 1 else ''})"


def _summed_up(reason: str) -> str:
    """Return a reason as people need it; nothing for what had to be made for the first time."""
    if reason.endswith(_FIRST_TIME):
        return ""
    return _PROGRAM if reason.startswith(("the code of ", "pages ")) else reason


def _changes(before: Outcomes, after: Outcomes) -> Iterator[str]:
    """Yield what became different, image by image."""
    for name in after.keys() - before.keys():
        yield f"{name} is new"
    for name in before.keys() - after.keys():
        yield f"{name} is not there any more"
    for name, now in after.items():
        if name in before:
            said = list(_differences(before[name], now))
            if said:
                yield f"{name}: {', '.join(said)}"


def _differences(before: SummaryRow, now: SummaryRow) -> Iterator[str]:
    """Yield what differs between two rows of an image."""
    if before["status"] != now["status"]:
        yield f"{before['status']} → {now['status']}".replace("_", " ")
    if before["n_fit"] != now["n_fit"]:
        yield f"{before['n_fit']} → {now['n_fit']} pairs"
    for key, one, other in (
        ("rms_ra", before["rms_ra"], now["rms_ra"]),
        ("rms_dec", before["rms_dec"], now["rms_dec"]),
    ):
        if abs(other - one) > _NOTICED * max(one, other):
            yield f"{key} {one:.2f} → {other:.2f} mas"
    for key, one, other in (("dx", before["dx"], now["dx"]), ("dy", before["dy"], now["dy"])):
        if abs(other - one) > _NOTICED:
            yield f"{key} {one:.3f} → {other:.3f} px"
