"""A recipe together with the inputs it names and the jobs that follow from them."""

from __future__ import annotations

import gc
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.json_file import json_text, memorize_json, recall_json
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.ledger_file import read_entry
from tweakreg_steps.records.manifest import InMosaic, ManifestEntry
from tweakreg_steps.records.outdir_files import (
    CACHE_FOLDER,
    INPUT_LIST,
    MANIFEST,
    PLAN,
    PLANE_CACHE,
    RECIPE_NAME,
    RESOLVED_RECIPE,
    RUN_CONFIG,
    is_prepared,
    plain_name,
)
from tweakreg_steps.records.plan_file import PlannedJob, write_plan
from tweakreg_steps.records.product_cache import require_trusted
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.resources import user_cache
from tweakreg_steps.steps import all_steps
from tweakreg_steps.steps.declaration import declared
from tweakreg_steps.steps.products import WORKING
from tweakreg_steps.steps.subject import Subject
from tweakreg_steps.surveying.findings import Findings, chip_records
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.surveying.survey import survey
from tweakreg_steps.workflow.code_digest import code_digests
from tweakreg_steps.workflow.decisions import decision_of
from tweakreg_steps.workflow.jobs import ALL, Job, JobKey, WorkPlan
from tweakreg_steps.workflow.outdir import require_usable
from tweakreg_steps.workflow.planning import build_plan, user_files_of
from tweakreg_steps.workflow.resolved_recipe import input_list_text, resolved_text
from tweakreg_steps.workflow.staleness import StaleJob, stale_jobs, tickets


@dataclass(frozen=True, repr=False)
class Project:
    """A recipe with its inputs and its plan of work.

    Attributes
    ----------
    recipe
        The complete recipe.
    findings
        What a look at its files has found.
    plan
        All jobs.
    """

    recipe: Recipe
    findings: Findings
    plan: WorkPlan

    def __repr__(self) -> str:
        """Name the recipe: all that it holds would be megabytes."""
        return f"<Project {self.recipe.name}>"

    @property
    def outdir(self) -> Path:
        """The output folder, absolute."""
        return self.recipe.outdir

    @property
    def names(self) -> list[str]:
        """The names of the images, in order."""
        return self.findings.names

    @property
    def images(self) -> tuple[Inspected, ...]:
        """The inputs, in order, as they were found."""
        return self.findings.images

    @property
    def values(self) -> dict[str, Any]:
        """Every parameter of the recipe."""
        return self.recipe.values

    @cached_property
    def stale(self) -> list[StaleJob]:
        """The jobs that have to run."""
        return stale_jobs(self.plan, self.outdir)

    @cached_property
    def tickets(self) -> dict[JobKey, str]:
        """What the plan calls each job."""
        return tickets(self.plan, self.stale, self.outdir)

    @cached_property
    def decisions(self) -> dict[str, Decision]:
        """What was decided about the present fit of each image."""
        return {
            image.image.name: decision_of(self.plan, self.values, self.findings, image)
            for image in self.images
        }

    def wcs_path(self, image: Inspected) -> str:
        """Return the file that holds an image's WCS, relative to the output folder."""
        name = image.image.name
        updated = name in self.findings.reference_files
        return WORKING.path(image=name) if updated else self.relative(image.image.path)

    def relative(self, path: Path) -> str:
        """Return `path` relative to the output folder, so that both can move together."""
        return os.path.relpath(path, self.outdir)

    def planned(self, job: Job) -> PlannedJob:
        """Return what a job needs to know of itself, paths relative to the output folder."""
        found = self._planned.get(job.key)
        if found is None:
            found = self._planned[job.key] = self._describe(job)
        return found

    @cached_property
    def _planned(self) -> dict[JobKey, PlannedJob]:
        """What was described once."""
        return {}

    def _describe(self, job: Job) -> PlannedJob:
        """Return what a job needs to know of itself."""
        originals = {name: self.relative(path) for name, path in job.originals.items()}
        own = originals.get(job.image)
        files = {
            "manifest": MANIFEST,
            "plan": PLAN,
            **({"image": own, "original": own} if own else {}),
            **{key: self.relative(path) for key, path in job.files.items()},
        }
        return PlannedJob(
            job.rule,
            job.name,
            self.tickets[job.key],
            job.log,
            job.record,
            job.reads,
            job.writes,
            files,
            originals,
            job.wildcards,
            {port: declared(product) for port, product in job.products.items()},
            self._memory(job),
            job.step.runtime,
        )

    def _memory(self, job: Job) -> int:
        """Return how much memory a job needs, in MB: more for larger chips."""
        pixels = self._pixels.get(job.image, 0)
        return job.step.mem_mb + math.ceil(job.step.mem_mb_per_mpixel * pixels / 1e6)

    @cached_property
    def _pixels(self) -> dict[str, int]:
        """The number of pixels of the largest chip of each image."""
        return {
            image.image.name: max(math.prod(chip["shape"]) for chip in image.chips)
            for image in self.findings.all_images
        }

    def write_state(self, jobs: list[Job]) -> None:
        """Write what the steps need to know: their plan, all images, and the complete recipe."""
        _write_if_changed(self.outdir / MANIFEST, self._manifest_text())
        _write_if_changed(self.outdir / RESOLVED_RECIPE, resolved_text(self.recipe, self.findings))
        inputs = input_list_text(self.recipe, self.findings)
        if inputs is not None:
            _write_if_changed(self.outdir / INPUT_LIST, inputs)
        cache = self.recipe.file("cache")
        name = json_text(self.relative(cache) if cache else None)
        _write_if_changed(self.outdir / CACHE_FOLDER, name)
        _write_if_changed(self.outdir / RECIPE_NAME, json_text(self.recipe.name))
        _write_if_changed(self.outdir / RUN_CONFIG, json_text({"outdir": "."}))
        write_plan(self.outdir / PLAN, map(self.planned, jobs), labels=self._chip_labels())

    def _manifest_text(self) -> str:
        """Return the list of all images, one a line; Python is slow at longer forms of JSON."""
        refimage = self.findings.refimage
        other = {
            "files": self._relative_all(run_files(self.recipe)),
            "refimage": self._manifest_entry(refimage) if refimage else None,
        }
        lines = (json.dumps(self._manifest_entry(one), sort_keys=True) for one in self.images)
        images = ",\n  ".join(lines)
        return f'{json.dumps(other, sort_keys=True)[:-1]},\n "images": [\n  {images}\n]}}\n'

    def _chip_labels(self) -> dict[tuple[str, int], str]:
        """Return file and extension of each chip, by image and number of the chip.

        A reference image has two names: its own, and the one that an input would have.
        """
        refimage = self.findings.refimage
        images = [*self.images, *([refimage] if refimage else [])]
        return {
            (name, chip["number"]): f"{image.image.path.name}[{chip['extension']}]"
            for image in reversed(images)
            for name in {image.image.name, plain_name(image.image.name)}
            for chip in image.chips
        }

    def _manifest_entry(self, image: Inspected) -> ManifestEntry:
        """Return what the steps need to know of one image."""
        entry: ManifestEntry = {
            "name": image.image.name,
            "path": self.relative(image.image.path),
            "wcs_path": self.wcs_path(image),
            "label": image.image.label,
            "chips": chip_records(image),
            "files": self._relative_all(self.findings.files_of(image.image.name)),
        }
        belongs = self._in_mosaic(image.image.name)
        if belongs is not None:
            entry["mosaic"] = belongs
        return entry

    def _in_mosaic(self, name: str) -> InMosaic | None:
        """Return how an image belongs to the others; None where each is aligned by itself."""
        mosaic = self.findings.mosaic
        if mosaic is None or name not in mosaic.groups:
            return None
        group = mosaic.groups[name]
        geometry, camera = mosaic.geometries[group], mosaic.cameras[name]
        own: InMosaic = {"group": group, "geometry": geometry, "camera": camera}
        return {**own, "epoch": mosaic.epochs[name]} if mosaic.epochs else own

    def _relative_all(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Return the paths of files relative to the output folder."""
        return {key: self.relative(path) for key, path in files.items()}


def open_project(recipe: Recipe) -> Project:
    """Look at a recipe's inputs and plan its jobs; into a fresh output folder, nothing is written.

    Raises
    ------
    InputError
        Listing everything that stands in the way of a run and can be known before it.
    """
    require_usable(recipe.outdir)
    cache = recipe.file("cache")
    if cache:
        require_trusted(cache, shared=recipe.values["shared_cache"])
    with _no_search_for_garbage():
        findings = survey(recipe)
        plan = build_plan(
            recipe.values,
            findings,
            code=code_digests(all_steps(), cache=user_cache() / "code.json"),
            run_files=run_files(recipe),
            contents=_Contents(recipe.outdir).digest_of,
        )
    plan.user_files = user_files_of(findings, run_files(recipe))
    return Project(recipe, findings, plan)


@contextmanager
def _no_search_for_garbage() -> Iterator[None]:
    """Have Python look for none: what is planned stays, and is gone through again and again."""
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_enabled:
            gc.enable()


def run_files(recipe: Recipe) -> dict[str, Path]:
    """Return the user's files that belong to no image, by what the records call their digests."""
    return dict(_run_files(recipe))


def _run_files(recipe: Recipe) -> Iterator[tuple[str, Path]]:
    """Yield the same."""
    for section, key in (("reference_catalog", "refcat"), ("headerlet_creation", "history")):
        path = recipe.file(section, key)
        if path:
            yield key, path


class _Contents:
    """What products hold that count by their content."""

    def __init__(self, outdir: Path) -> None:
        self._outdir = outdir

    def digest_of(self, job: Job, subject: Subject) -> str | None:
        """Return the digest of what a job's product holds, or will hold; None if unknown.

        It is known from the ledger; where the job is to run again, from a preview. In a fresh
        folder nothing can be spared by it.
        """
        entry = read_entry(self._outdir, *job.key)
        if entry is None or job.step.preview is None:
            return None
        if digest(entry.record) == job.stamp:
            return next(iter(entry.contents.values()), None)
        cache = self._outdir / PLANE_CACHE
        known = recall_json(cache) or {}
        if known.get("job") != job.stamp:
            known = {"job": job.stamp, "content": job.step.preview(subject)}
            if is_prepared(self._outdir):
                memorize_json(cache, known)
        content: str | None = known["content"]
        return content


def _write_if_changed(path: Path, text: str) -> None:
    """Write a text file only if that changes it."""
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return
    except (OSError, ValueError):
        pass
    write_text_atomically(path, text)


__all__ = ["ALL", "Project", "open_project", "run_files"]
