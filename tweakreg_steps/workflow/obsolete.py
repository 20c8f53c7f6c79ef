"""No product outlives its reason: what the recipe does not make any more is removed.

Only what the ledger owns is touched, and of that only what is as it was made and what the recipe
does not read. Solutions in originals and the files that lead back are none of this: `tweakreg
restore` sees to them.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tweakreg_steps.printable import printable_line
from tweakreg_steps.recipes.moved_paths import named_paths
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.records.ledger import Entry, Made, is_as_made
from tweakreg_steps.records.ledger_file import forget_entry, open_ledger
from tweakreg_steps.records.outdir_files import ALIGNED, APPLIED, digests_of, log_of_image
from tweakreg_steps.records.statement import image_of_job
from tweakreg_steps.steps.subject import ALL
from tweakreg_steps.workflow.jobs import JobKey
from tweakreg_steps.workflow.ownership import inputs_in_outdir
from tweakreg_steps.workflow.project import Project


@dataclass(frozen=True)
class Obsolete:
    """A product that no job of a recipe makes any more.

    Attributes
    ----------
    product
        Its name, relative to the output folder.
    rule, name
        The job that made it.
    """

    product: str
    rule: str
    name: str

    @property
    def text(self) -> str:
        """Say what will become of it, and why."""
        return f"remove {self.product}: the recipe does not make it any more"


def obsolete_products(project: Project) -> list[Obsolete]:
    """Return the products that the ledger owns and the recipe does not make any more."""
    return _obsolete_among(project, _former_entries(project))


def _obsolete_among(project: Project, entries: Collection[tuple[JobKey, Entry]]) -> list[Obsolete]:
    """Return them from the ledger's entries."""
    if not entries:
        return []
    kept = {*project.plan.outputs, *inputs_in_outdir(project), *_named_in(project.recipe)}
    found = []
    for key, entry in entries:
        for product in _left_behind(project, key, entry):
            known = entry.products.get(product)
            if known and product not in kept and _is_there(project.outdir, product, known):
                found.append(Obsolete(product, *key))
    return found


def _named_in(recipe: Recipe) -> Iterator[str]:
    """Yield the files in the output folder that a recipe names: lists of others among them."""
    for path in named_paths(recipe.values):
        file = (recipe.base / path).resolve()
        if file.is_relative_to(recipe.outdir):
            yield str(file.relative_to(recipe.outdir))


def _is_there(outdir: Path, product: str, made: Made) -> bool:
    """Tell whether a product is where it was made, by no link, and as it was made."""
    path = outdir / product
    ways = (path, *path.parents[: len(PurePosixPath(product).parts) - 1])
    return path.is_file() and not any(map(Path.is_symlink, ways)) and is_as_made(path, made)


def remove_obsolete(project: Project) -> list[Obsolete]:
    """Remove them, with what is left of their jobs; only while no job runs.

    Returns
    -------
    list of Obsolete
        What was removed.
    """
    entries = _former_entries(project)
    found = _obsolete_among(project, entries)
    for one in found:
        _remove(project.outdir, one.product)
    made = set(project.plan.outputs)
    for key, entry in entries:
        if key not in project.plan.jobs and not made & set(entry.products):
            _forget(project, key, entry)
    return found


def say_removed(project: Project) -> None:
    """Remove them, and say so on stderr."""
    sys.stderr.writelines(f"{printable_line(one.text)}\n" for one in remove_obsolete(project))


def remove_intermediates(project: Project) -> int:
    """Remove the intermediate products of a project whose jobs are all done; return how many.

    Snakemake removes those that a run makes as soon as it can; this finds what is left from runs
    that did not clean, or were stopped. Files that no job of the project makes stay.
    """
    left = [p for p in project.plan.intermediates if (project.outdir / p).is_file()]
    for product in left:
        _remove(project.outdir, product)
    for folder in {path.parent for path in map(Path, project.plan.intermediates)}:
        _remove_empty(project.outdir / folder)
    return len(left)


def _former_entries(project: Project) -> list[tuple[JobKey, Entry]]:
    """Return the entries of jobs that there are no more, or that make fewer products now."""
    jobs = project.plan.jobs
    with open_ledger(project.outdir) as ledger:
        former = [
            key
            for key in ledger.jobs()
            if key not in jobs or not set(ledger.declared(*key)) <= {*jobs[key].outputs}
        ]
        entries = [(key, ledger.entry(*key)) for key in former]
    return [(key, entry) for key, entry in entries if entry is not None]


def _left_behind(project: Project, key: JobKey, entry: Entry) -> Iterator[str]:
    """Yield the products of an entry that its job, if there is one, does not make any more."""
    job = project.plan.jobs.get(key)
    candidates = entry.products if job is None else set(entry.declared) - {*job.outputs}
    kept = {APPLIED}
    if image_of_job(entry.record) in {one.image.name for one in project.findings.unread}:
        kept.add(ALIGNED)  # perhaps the only whole copy that is left
    for product in candidates:
        if kept.isdisjoint(PurePosixPath(product).parts[:1]):
            yield product


def _forget(project: Project, key: JobKey, entry: Entry) -> None:
    """Remove entry and log of a job, and what is known of an image that is none any more."""
    if any((project.outdir / product).exists() for product in entry.products):
        return  # edited since, or a solution in an original: it is still to be known what made it
    forget_entry(project.outdir, *key)
    _remove(project.outdir, entry.log)
    image = image_of_job(entry.record)
    inputs = {one.name for one in project.findings.inputs}
    if image not in {ALL, *inputs, *(one.image.name for one in project.findings.all_images)}:
        _remove(project.outdir, digests_of(image))
        _remove(project.outdir, log_of_image(image))


def _remove(outdir: Path, product: str) -> None:
    """Remove a file, and its folder if nothing is left in it."""
    path = outdir / product
    path.unlink(missing_ok=True)
    if path.parent != outdir:
        _remove_empty(path.parent)


def _remove_empty(folder: Path) -> None:
    """Remove a folder if it is empty."""
    with suppress(OSError):
        folder.rmdir()
