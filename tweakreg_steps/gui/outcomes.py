"""How each image of a run went, and what is decided about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.curing.cure import Changes
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.records.outdir_files import SUMMARY
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.reporting.summary_file import SummaryRow, read_summary
from tweakreg_steps.reviewing.conversation import plots_of, record_decisions
from tweakreg_steps.reviewing.waiting import is_aligned, require_fits
from tweakreg_steps.running.final_table import changes_of
from tweakreg_steps.running.locking import hold_outdir
from tweakreg_steps.workflow.project import Project, open_project

SERVED = "results"
"""Where the files of the results are served, below the token."""


@dataclass(frozen=True)
class Outcome:
    """One image of a finished run.

    Attributes
    ----------
    image
        Its name.
    row
        Its row of ``summary.ecsv``.
    changes
        What its cure changes for it, by section and name; empty where there is nothing to try.
    """

    image: str
    row: SummaryRow
    changes: Changes

    @property
    def rms(self) -> float:
        """The rms of both axes together, weighted as in the fit, mas; nan where there is none."""
        return math.hypot(self.row["wrms_ra"], self.row["wrms_dec"])


@dataclass(frozen=True)
class Reviewed:
    """What is decided about the images of a recipe that has ``interactive``.

    Attributes
    ----------
    decisions
        By the names of the images.
    open_to
        The images whose fit is a success, about which something can be decided.
    plots
        The plots of each image.
    """

    decisions: Mapping[str, Decision]
    open_to: frozenset[str]
    plots: Mapping[str, tuple[Path, ...]]


def read_outcomes(outdir: Path) -> list[Outcome]:
    """Return how each image of the last run went; nothing where there was none.

    Raises
    ------
    InputError
        If the summary cannot be read.
    """
    if not (outdir / SUMMARY).is_file():
        return []
    summary = read_summary(outdir / SUMMARY)
    changes = changes_of(outdir, summary)
    return [Outcome(row["image"], row, changes.get(row["image"], {})) for row in summary.rows]


def read_decisions(recipe: Recipe) -> Reviewed:
    """Return what is decided about the present fits of a recipe.

    Raises
    ------
    TweakRegError
        If the files of the recipe cannot be looked at.
    """
    return _reviewed(open_project(recipe))


def decide(recipe: Recipe, file: Path, decisions: Mapping[str, Decision]) -> Reviewed:
    """Write decisions about present fits into ``review.yaml``, as ``tweakreg review`` does.

    Raises
    ------
    RecipeError
        If the recipe does not wait for decisions.
    InputError
        If the fits are not those of the recipe as it is, or an image has none.
    LockedError
        If a run holds the output folder.
    """
    if not recipe.values["interactive"]:
        raise RecipeError(
            "interactive is false, so that nothing waits for a decision; set interactive: true, "
            "save and run"
        )
    with hold_outdir(recipe.outdir):
        project = open_project(recipe)
        require_fits(project, file)
        without = [name for name in decisions if not is_aligned(project, name)]
        if without:
            raise RecipeError(f"{', '.join(without)}: not aligned, there is no fit to decide on")
        record_decisions(project, decisions)
        return _reviewed(open_project(recipe))


def _reviewed(project: Project) -> Reviewed:
    """Gather what is decided."""
    names = project.names
    return Reviewed(
        decisions=dict(project.decisions),
        open_to=frozenset(name for name in names if is_aligned(project, name)),
        plots={name: tuple(plots_of(project, name)) for name in names},
    )
