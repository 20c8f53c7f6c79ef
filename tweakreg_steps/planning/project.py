"""A recipe together with the inputs it names and the jobs that follow from them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.json_file import json_text
from tweakreg_steps.planning import layout
from tweakreg_steps.planning.code_digest import code_digests
from tweakreg_steps.planning.findings import Findings
from tweakreg_steps.planning.inspection import Inspected
from tweakreg_steps.planning.jobs import ALL, WorkPlan
from tweakreg_steps.planning.report_jobs import residual_plots
from tweakreg_steps.planning.resolved_recipe import input_list_text, resolved_text
from tweakreg_steps.planning.survey import survey
from tweakreg_steps.planning.workplan import RULES, build_plan
from tweakreg_steps.recipes.composition import merge, read_recipe_source
from tweakreg_steps.recipes.recipe import Recipe, complete
from tweakreg_steps.resources import provide_step_command
from tweakreg_steps.running.outdir import prepare_outdir

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
        return [self.relative(image.image.path) for image in images]

    @property
    def reference_sky(self) -> list[str]:
        """The sources of the reference image, undistorted, if an image is the reference."""
        reference = self.findings.reference
        return [layout.sky_of(reference.image.name)] if reference else []

    @property
    def residual_plots(self) -> dict[str, str]:
        """The plots of residuals that the recipe asks for, with the patterns of their files."""
        return residual_plots(self.values)

    @property
    def targets(self) -> list[str]:
        """The products of all jobs, relative to the output folder."""
        return self.plan.targets

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

    def relative(self, path: Path) -> str:
        """Return `path` relative to the output folder, so that both can move together."""
        return os.path.relpath(path, self.outdir)

    def file_parameter(self, *keys: str) -> list[str]:
        """Return the file that a parameter names, relative to the output folder, if any."""
        path = self.recipe.file(*keys)
        return [self.relative(path)] if path else []

    def write_manifest(self) -> None:
        """Write what the steps that speak of all images need to know, and the complete recipe."""
        manifest = {
            "images": [
                {
                    "name": image.image.name,
                    "path": self.relative(image.image.path),
                    "label": image.image.label,
                    "chips": [
                        {key: chip[key] for key in ("number", "extension", "label", "shape")}
                        for chip in image.chips
                    ],
                }
                for image in self.images
            ],
        }
        _write_if_changed(self.outdir / layout.MANIFEST, json_text(manifest))
        _write_if_changed(
            self.outdir / layout.RESOLVED_RECIPE, resolved_text(self.recipe, self.findings)
        )
        inputs = input_list_text(self.recipe, self.findings)
        if inputs is not None:
            _write_if_changed(self.outdir / layout.INPUT_LIST, inputs)


def open_project(recipe: Recipe) -> Project:
    """Look at a recipe's inputs and plan its jobs.

    Raises
    ------
    InputError
        Listing everything that stands in the way of a run and can be known before it.
    """
    prepare_outdir(recipe.outdir)
    findings = survey(recipe)
    code = code_digests(RULES, cache=recipe.outdir / layout.CODE_CACHE)
    return Project(recipe, findings, build_plan(recipe.values, findings, code=code))


def open_workflow(config: dict[str, Any], configfiles: list[Path]) -> Project:
    """Return the project of a Snakemake configuration, ready for its rules to run.

    Parameters
    ----------
    config
        Snakemake's ``config``, which is a recipe.
    configfiles
        The files it came from.
    """
    provide_step_command()
    project = _project_from_config(config, configfiles)
    project.write_manifest()
    return project


def _project_from_config(config: dict[str, Any], configfiles: list[Path]) -> Project:
    """Open the project of a Snakemake configuration.

    The recipe file is read again, because Snakemake reads numbers as YAML 1.1 has them; what
    ``--config`` laid over it is laid over it here, too. Without a file, paths are relative to the
    working directory.
    """
    if len(configfiles) != 1:
        return open_project(complete(config, source=None, file=Path.cwd() / "recipe.yaml"))
    import yaml

    path = Path(configfiles[0])
    source = read_recipe_source(path)
    plain = yaml.safe_load(path.read_text(encoding="utf-8"))
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
