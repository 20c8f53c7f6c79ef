"""``tweakreg suggest``: what would align the images that are not aligned."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_steps.cli.outcome_table import outcome_lines
from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.curing.advice import NOTHING_HELPS
from tweakreg_steps.curing.cure import Changes, as_yaml, images_block, settings
from tweakreg_steps.curing.knobs import in_words
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.fit_file import FitRecord, accepted_numbers, recall_fit
from tweakreg_steps.printable import printable
from tweakreg_steps.reporting.unread_images import unread_record
from tweakreg_steps.running.final_table import SOME_NOT_ALIGNED
from tweakreg_steps.running.standard_streams import flush_results
from tweakreg_steps.steps.choices import unread_images
from tweakreg_steps.steps.products import FIT
from tweakreg_steps.workflow.project import Project, open_project

if TYPE_CHECKING:
    from tweakreg_steps.running.suggesting import Suggestion, Trial


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)
    parser.add_argument(
        "images", nargs="*", metavar="IMAGE", help="only these; else all that are not aligned"
    )
    parser.add_argument(
        "--write", action="store_true", help="write what helps into the recipe, below `images`"
    )
    parser.add_argument("--json", action="store_true", help="the same for programs")


def run(arguments: Namespace) -> int:
    """Measure what would align each image; the recipe is changed only if that is asked for."""
    project = open_project(read_recipe(arguments.recipe))
    verdicts = _verdicts(project, arguments.images, arguments.recipe)
    if not verdicts:
        sys.stderr.write("nothing to suggest: every image is aligned\n")
        return 0
    found = []
    for name, verdict in verdicts.items():
        found.append(_suggest(project, name, verdict))
        if not arguments.json:
            sys.stdout.write(printable("".join(_lines(project, found[-1]))))
            flush_results()
    changes = {each.image: each.changes for each in found}
    block = images_block(changes)
    if arguments.json:
        rows = [_as_json(each) for each in found]
        sys.stdout.write(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    elif block:
        sys.stdout.write(f"\nfor the recipe:\n{block}")
    if arguments.write and block:
        _write(arguments.recipe, {n: own for n, own in changes.items() if own})
    elif block:
        sys.stderr.write(f"nothing was changed; --write writes it into {arguments.recipe}\n")
    return 0 if all(each.best for each in found) else SOME_NOT_ALIGNED


def _verdicts(project: Project, names: list[str], recipe: Path) -> dict[str, FitRecord]:
    """Return the records of the fits of the images to look at.

    Raises
    ------
    RecipeError
        An image is not one of the recipe, or there is no fit yet.
    """
    from tweakreg_steps.recipes.nearest import nearest_hint

    known = [image.name for image in project.findings.inputs]
    for name in names:
        if name not in known:
            hint = nearest_hint(name, known)
            raise RecipeError(f"suggest: {name} is none of the images of {recipe}{hint}")
    unread = {
        one["name"]: unread_record(one, reference="") for one in unread_images(project.findings)
    }
    fits = {
        name: unread.get(name) or recall_fit(project.outdir / FIT.path(image=name))
        for name in names or known
    }
    missing = [name for name, fit in fits.items() if fit is None]
    if missing:
        raise RecipeError(
            f"suggest: there is no fit of {', '.join(missing)} yet: tweakreg run {recipe}"
        )
    return {n: fit for n, fit in fits.items() if fit and fit["status"] == "not_aligned"}


def _suggest(project: Project, name: str, verdict: FitRecord) -> Suggestion:
    """Measure what would align one image."""
    from tweakreg_steps.running.suggesting import Suggestion, suggest
    from tweakreg_steps.running.trial_bench import trial_bench

    if verdict["reason"] in NOTHING_HELPS:
        return Suggestion(name, verdict, (), None)
    with trial_bench(project, name) as bench:
        return suggest(bench, verdict)


def _lines(project: Project, found: Suggestion) -> Iterator[str]:
    """Yield what was found of an image, in words."""
    from tweakreg_steps.recipes.overrides import image_values

    yield f"{found.image}: not aligned ({found.verdict['reason']}): {found.verdict['detail']}\n"
    rows = [(f"  {in_words(trial.changes)}", _result(trial)) for trial in found.trials]
    yield from outcome_lines(rows)
    if found.best:
        present = image_values(project.values, found.image)
        yield f"  suggestion: {settings(found.changes, present)}: {_result(found.best)}\n\n"
    else:
        tried = "nothing that was tried aligns it; " if found.trials else ""
        yield f"  {tried}{found.verdict.get('cure', '')}\n\n"


def _result(trial: Trial) -> str:
    """Say what came of a trial."""
    record = trial.record
    if record is None or not trial.aligns:
        return f"not aligned ({trial.reason or trial.problem})"
    fit = accepted_numbers(record)
    return (
        f"aligned: {record['n_fit']} of {record['n_matched']} pairs kept,"
        f" shift ({fit['dx']:.2f}, {fit['dy']:.2f}) pixels,"
        f" rotation {fit['rotation']:.4f} deg,"
        f" rms {fit['rms_ra']:.2f} {fit['rms_dec']:.2f} mas"
    )


def _as_json(found: Suggestion) -> dict[str, object]:
    """Return what was found of an image for programs."""
    return {
        "image": found.image,
        "reason": found.verdict["reason"],
        "trials": [
            {
                "changes": trial.changes,
                "status": trial.record["status"] if trial.record else "not_aligned",
                "reason": trial.reason,
                "n_fit": trial.record["n_fit"] if trial.record else 0,
            }
            for trial in found.trials
        ],
        "changes": found.changes,
    }


def _write(recipe: Path, changes: Mapping[str, Changes]) -> None:
    """Write changes into the recipe, its comments kept."""
    from tweakreg_steps.editing.recipe_editing import set_in_recipe

    set_in_recipe(recipe, {"images": changes})
    said = ", ".join(
        f"{name} {section}.{key}: {as_yaml(value)}"
        for name, sections in changes.items()
        for section, own in sections.items()
        for key, value in own.items()
    )
    sys.stderr.write(f"wrote into {recipe}: {said}\n")
