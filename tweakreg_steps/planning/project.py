"""A recipe together with the inputs it names and the jobs that follow from them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from tweakreg_steps import layout
from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.json_file import json_text
from tweakreg_steps.planning.alignment_jobs import reference_list
from tweakreg_steps.planning.blocked_jobs import require_measurable
from tweakreg_steps.planning.code_digest import code_digests
from tweakreg_steps.planning.decisions import decision_of
from tweakreg_steps.planning.intermediates import is_intermediate
from tweakreg_steps.planning.jobs import ALL, JobKey, WorkPlan
from tweakreg_steps.planning.report_jobs import residual_plots
from tweakreg_steps.planning.resolved_recipe import input_list_text, resolved_text
from tweakreg_steps.planning.staleness import stale_jobs
from tweakreg_steps.planning.user_files import all_user_files, files_of_image, files_of_run
from tweakreg_steps.planning.workplan import RULES, build_plan
from tweakreg_steps.recipes.composition import read_recipe_source
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.recipes.recipe import Recipe, complete
from tweakreg_steps.resources import provide_step_command
from tweakreg_steps.reviewing.review_file import Decision
from tweakreg_steps.running.outdir import prepare_outdir
from tweakreg_steps.surveying.findings import Findings, chip_records
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.surveying.survey import survey

_NOTHING = "(?!)"
"""A pattern that no name has."""


class Wildcards(Protocol):
    """What Snakemake hands to a function of a rule."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401  Snakemake's own signature
        """Return the value of one wildcard."""


@dataclass(frozen=True)
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

    @property
    def outdir(self) -> Path:
        """The output folder, absolute."""
        return self.recipe.outdir

    @cached_property
    def names(self) -> list[str]:
        """The names of the images, in order."""
        return self.findings.names

    @property
    def images(self) -> tuple[Inspected, ...]:
        """The inputs, in order, as they were found."""
        return self.findings.images

    @cached_property
    def _by_name(self) -> dict[str, Inspected]:
        """Every image that a rule may work on, by name."""
        return {image.image.name: image for image in self.findings.all_images}

    @property
    def values(self) -> dict[str, Any]:
        """Every parameter of the recipe."""
        return self.recipe.values

    @property
    def plane_images(self) -> list[str]:
        """The files that the reference plane is made of, relative to the output folder."""
        refimage = self.findings.refimage
        images = [refimage] if refimage else self.images
        return [self._image_for("build_reference_plane", ALL, image) for image in images]

    @property
    def reference_sky(self) -> list[str]:
        """The sources of the reference image, undistorted, if an image is the reference."""
        reference = self.findings.reference
        return [layout.sky_of(reference.image.name)] if reference else []

    @property
    def starting_sources(self) -> list[str]:
        """The reference list with which a sequence of alignments starts, if it is made before."""
        return [] if self.findings.reference_is_chosen else [layout.REFERENCE_SOURCES]

    @property
    def reference_list(self) -> str:
        """The reference list as it is in the end."""
        return reference_list(self.values)

    @property
    def sequence(self) -> list[str]:
        """The names of the images that the plan aligns one after the other."""
        return self.names if ("align", ALL) in self.plan.jobs else []

    @property
    def residual_plots(self) -> dict[str, str]:
        """The plots of residuals that the recipe asks for, with the patterns of their files."""
        return residual_plots(self.values)

    @cached_property
    def decisions(self) -> dict[str, Decision]:
        """What was decided about the present fit of each image."""
        return {
            image.image.name: decision_of(self.plan, self.values, self.findings, image)
            for image in self.images
        }

    @property
    def targets(self) -> list[str]:
        """The products to make, relative to the output folder: all but those to be removed."""
        outputs = self.plan.outputs
        return [path for path in outputs if not (self.plan.clean and is_intermediate(path))]

    def temporary(self, products: str | list[str]) -> Any:  # noqa: ANN401  Snakemake's own types
        """Mark an intermediate product as one that Snakemake removes, if the recipe says so."""
        from snakemake.io import temp

        return temp(products) if self.plan.clean else products

    def job(self, rule: str) -> Callable[[Wildcards], str]:
        """Return the function that gives Snakemake the record of a rule's job for its wildcards."""

        def text(wildcards: Wildcards) -> str:
            name = wildcards.get("image", ALL)
            chip = wildcards.get("chip")
            job = self.plan.jobs.get((rule, f"{name}.{chip}" if chip else name))
            return job.text if job else ""

        return text

    def files_of(self, rule: str) -> Callable[[Wildcards], list[str]]:
        """Return the function that gives the user's files that a rule's job reads."""

        def paths(wildcards: Wildcards) -> list[str]:
            return [self.relative(path) for path in self._files(rule, wildcards).values()]

        return paths

    def file_arguments(self, rule: str) -> Callable[[Wildcards], list[str]]:
        """Return the function that names these files to the step, as ``key=path``."""

        def arguments(wildcards: Wildcards) -> list[str]:
            files = self._files(rule, wildcards)
            return [f"{key}={self.relative(path)}" for key, path in files.items()]

        return arguments

    def _files(self, rule: str, wildcards: Wildcards) -> Mapping[str, Path]:
        """Return the user's files that a rule's job reads."""
        job = self.plan.jobs.get((rule, wildcards.get("image", ALL)))
        return job.files if job else {}

    def images_of(self, rule: str) -> str:
        """Return the pattern of the images for which the plan has a job of a rule."""
        names = dict.fromkeys(job.image for job in self.plan.jobs.values() if job.rule == rule)
        return "|".join(map(re.escape, names)) or _NOTHING

    def image_path(self, wildcards: Wildcards) -> str:
        """Return the input file of the wildcards' image, relative to the output folder."""
        return self.relative(self._by_name[wildcards.get("image")].image.path)

    def image_for(self, rule: str) -> Callable[[Wildcards], str]:
        """Return the function that gives the file in which a rule reads the wildcards' image.

        It is the input, or the working copy where the plan has one and the rule depends on it.
        """

        def path(wildcards: Wildcards) -> str:
            name = wildcards.get("image")
            return self._image_for(rule, name, self._by_name[name])

        return path

    def _image_for(self, rule: str, job: str, image: Inspected) -> str:
        """Return the file in which a job reads an image, relative to the output folder."""
        planned = self.plan.jobs.get((rule, job))
        if planned and ("update_wcs", image.image.name) in planned.upstream:
            return self.wcs_path(image)
        return self.relative(image.image.path)

    def reference_files(self, wildcards: Wildcards) -> list[str]:
        """Return the reference files of the wildcards' image, relative to the output folder."""
        files = self.findings.reference_files[wildcards.get("image")]
        return [self.relative(file.path) for file in files.values()]

    def attached_headerlet(self, wildcards: Wildcards) -> list[str]:
        """Return the record of the headerlet that goes into the wildcards' aligned copy, if any."""
        name = wildcards.get("image")
        attached = ("write_headerlet", name) in self.plan.jobs["update_header", name].upstream
        return [layout.headerlet_record_of(name)] if attached else []

    def wcs_path(self, image: Inspected) -> str:
        """Return the file that holds an image's WCS, relative to the output folder."""
        name = image.image.name
        updated = name in self.findings.reference_files
        return layout.working_copy_of(name) if updated else self.relative(image.image.path)

    def relative(self, path: Path) -> str:
        """Return `path` relative to the output folder, so that both can move together."""
        return os.path.relpath(path, self.outdir)

    def file_parameter(self, *keys: str) -> list[str]:
        """Return the file that a parameter names, relative to the output folder, if any."""
        path = self.recipe.file(*keys)
        return [self.relative(path)] if path else []

    def write_manifest(self) -> None:
        """Write what the steps that speak of all images need to know, and the complete recipe."""
        refimage = self.findings.refimage
        manifest = {
            "images": [self._manifest_entry(image) for image in self.images],
            "refimage": self._manifest_entry(refimage) if refimage else None,
            "files": self._relative_all(files_of_run(self.recipe)),
        }
        _write_if_changed(self.outdir / layout.MANIFEST, json_text(manifest))
        _write_if_changed(
            self.outdir / layout.RESOLVED_RECIPE, resolved_text(self.recipe, self.findings)
        )
        inputs = input_list_text(self.recipe, self.findings)
        if inputs is not None:
            _write_if_changed(self.outdir / layout.INPUT_LIST, inputs)
        cache = self.recipe.file("cache")
        name = json_text(self.relative(cache) if cache else None)
        _write_if_changed(self.outdir / layout.CACHE_FOLDER, name)

    def _manifest_entry(self, image: Inspected) -> dict[str, Any]:
        """Return what the steps need to know of one image."""
        return {
            "name": image.image.name,
            "path": self.relative(image.image.path),
            "wcs_path": self.wcs_path(image),
            "label": image.image.label,
            "chips": chip_records(image),
            "files": self._relative_all(files_of_image(self.findings, image)),
        }

    def _relative_all(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Return the paths of files relative to the output folder."""
        return {key: self.relative(path) for key, path in files.items()}


def open_project(recipe: Recipe) -> Project:
    """Look at a recipe's inputs and plan its jobs.

    Raises
    ------
    InputError
        Listing everything that stands in the way of a run and can be known before it.
    """
    prepare_outdir(recipe.outdir)
    _require_trusted_cache(recipe)
    findings = survey(recipe)
    code = code_digests(RULES, cache=recipe.outdir / layout.CODE_CACHE)
    plan = build_plan(recipe.values, findings, code=code)
    return Project(recipe, findings, replace(plan, user_files=all_user_files(recipe, findings)))


def _require_trusted_cache(recipe: Recipe) -> None:
    """Refuse a cache that others can write, unless the recipe says so."""
    from tweakreg_steps.running.product_cache import require_trusted

    cache = recipe.file("cache")
    if cache:
        require_trusted(cache, shared=recipe.values["shared_cache"])


_handed_over: ContextVar[Project | None] = ContextVar("handed_over", default=None)
"""The project of a run in this process, for the Snakefile that Snakemake reads in it."""


@contextmanager
def handing_over(project: Project, jobs: Iterable[JobKey]) -> Iterator[None]:
    """Have the Snakefile work on a project that is open already, and on some of its jobs alone.

    What the other jobs make is there, and to Snakemake a file like any other.
    """
    token = _handed_over.set(replace(project, plan=project.plan.only(jobs)))
    try:
        yield
    finally:
        _handed_over.reset(token)


class Workflow(Protocol):
    """What the Snakefile knows of the Snakemake workflow that it is read into."""

    configfiles: list[Path]
    modifier: Any
    is_main_process: bool


def open_workflow(config: dict[str, Any], workflow: Workflow) -> Project:
    """Return the project of a Snakemake configuration, ready for its rules to run.

    In a run of ``tweakreg`` it is the project that was handed over.

    Parameters
    ----------
    config
        Snakemake's ``config``, which is a recipe.
    workflow
        Snakemake's ``workflow``: this one, or one that has this one as a module.

    Raises
    ------
    RecipeError
        Snakemake is to move the products: steps that speak of all images would not find them.
    InputError
        As `open_project`.
    """
    provide_step_command()
    if _moves_products(workflow):
        raise RecipeError(
            "the products of this workflow cannot be moved by prefix, replace_prefix or a default "
            "storage; set outdir in its config instead"
        )
    handed_over = _handed_over.get()
    project = handed_over or _project_from_config(config, workflow.configfiles)
    if handed_over is None and any(image.applied for image in project.findings.all_images):
        require_measurable(
            stale_jobs(project.plan, project.outdir),
            project.findings,
            in_place=project.values["update_header"]["in_place"],
        )
    if handed_over is None and workflow.is_main_process:
        from tweakreg_steps.running.ownership import claim_products

        claim_products(project, project.plan.jobs.values())
    project.write_manifest()
    return project


def _moves_products(workflow: Workflow) -> bool:
    """Tell whether Snakemake gives products other names than the rules do."""
    modifier = workflow.modifier
    prefixed = str(modifier.modify_path(layout.SUMMARY)) != layout.SUMMARY
    return prefixed or bool(modifier.path_modifier.modifies_prefixes)


def _project_from_config(config: dict[str, Any], configfiles: list[Path]) -> Project:
    """Open the project of a Snakemake configuration.

    The recipe file is read again, because Snakemake reads numbers as YAML 1.1 has them; what
    ``--config`` laid over it is laid over it here, too. A module may be given a section of the
    file, or what it likes, as its recipe. Without a file, paths are relative to the working
    directory.
    """
    if len(configfiles) != 1:
        return open_project(complete(config, source=None, file=Path.cwd() / "recipe.yaml"))
    import yaml

    path = Path(configfiles[0])
    plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    section = next((key for key, value in plain.items() if value == config), None)
    if section is not None:
        source = read_recipe_source(path, section)
        return open_project(complete(source.value, source=source, file=path))
    if not plain.keys() <= config.keys():
        return open_project(complete(config, source=None, file=path))
    source = read_recipe_source(path)
    overrides = {k: v for k, v in config.items() if k not in plain or plain[k] != v}
    return open_project(complete(merge(source.value, overrides), source=source, file=path))


def _write_if_changed(path: Path, text: str) -> None:
    """Write a text file only if that changes it."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except OSError:
        pass
    write_text_atomically(path, text)
