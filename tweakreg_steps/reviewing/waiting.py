"""Which images wait for a decision, and what to say about them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.fit_file import recall_fit
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.steps.products import FIT
from tweakreg_steps.workflow.project import Project

_LOOKED_AT = ("fits/", "plots/")
"""Where the products stand that a decision is made on."""


@dataclass(frozen=True)
class Waiting:
    """An image without a decision; `lapsed` where there was one, about an earlier fit."""

    name: str
    lapsed: bool


def waiting_images(project: Project) -> list[Waiting]:
    """Return the aligned images of a finished run about whose fit nothing was decided, in order."""
    return [
        Waiting(name, lapsed=name in project.findings.reviews)
        for name, decision in project.decisions.items()
        if decision in (Decision.WAITING, Decision.REFERENCE) and is_aligned(project, name)
    ]


def is_aligned(project: Project, name: str) -> bool:
    """Tell whether the last fit of an image was a success, and so is to be looked at."""
    fit = recall_fit(project.outdir / FIT.path(image=name))
    return fit is not None and fit["status"] == "aligned"


def describe_waiting(waiting: list[Waiting], recipe: Path) -> str:
    """Say which images wait, and how to go on; lines, or nothing where none waits."""
    if not waiting:
        return ""
    file = shlex.quote(str(recipe))
    way_on = f"go on with: tweakreg review {file}, then tweakreg run {file}\n"
    return "".join(waiting_lines(waiting)) + way_on


def waiting_lines(waiting: list[Waiting]) -> list[str]:
    """Say of each image that it waits, and whether there was a decision about an earlier fit."""
    return [
        f"{image.name} waits for a decision"
        + (": its fit changed since the last one\n" if image.lapsed else "\n")
        for image in waiting
    ]


def require_fits(project: Project, recipe: Path) -> None:
    """Refuse to decide on fits and plots that are not what the recipe asks for.

    Raises
    ------
    InputError
        Naming the first of them that is not up to date.
    """
    for stale in project.stale:
        if any(output.startswith(_LOOKED_AT) for output in stale.job.outputs):
            raise InputError(
                f"{stale.job.rule} {stale.job.name}: {'; '.join(stale.reasons)}; "
                f"there is nothing to look at before: tweakreg run {recipe}"
            )
