"""A recipe together with the inputs it names and the jobs that follow from them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.wcsname import effective_wcsname, is_taken
from tweakreg_steps.json_file import json_text
from tweakreg_steps.planning import layout
from tweakreg_steps.planning.code_digest import code_digests
from tweakreg_steps.planning.inspection import Inspected, inspect_inputs
from tweakreg_steps.planning.workplan import ALL, RULES, WorkPlan, build_plan, residual_plots
from tweakreg_steps.recipes.inputs import expand_inputs
from tweakreg_steps.recipes.recipe import Recipe, complete
from tweakreg_steps.recipes.yaml_source import read_yaml
from tweakreg_steps.resources import provide_step_command
from tweakreg_steps.running.outdir import prepare_outdir

_DIGEST_LENGTH = 16


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
    images
        The inputs, in order, as they were found.
    plan
        All jobs.
    """

    recipe: Recipe
    images: tuple[Inspected, ...]
    plan: WorkPlan

    @property
    def outdir(self) -> Path:
        """The output folder, absolute."""
        return self.recipe.outdir

    @cached_property
    def names(self) -> list[str]:
        """The names of the images, in order."""
        return [image.image.name for image in self.images]

    @cached_property
    def _by_name(self) -> dict[str, Inspected]:
        return {image.image.name: image for image in self.images}

    @property
    def values(self) -> dict[str, Any]:
        """Every parameter of the recipe."""
        return self.recipe.values

    @property
    def refcat(self) -> Path | None:
        """The reference catalog, or None where the first image is the reference."""
        return _file_of(self.recipe, "reference_catalog", "refcat")

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

    def image_path(self, wildcards: Wildcards) -> str:
        """Return the input file of the wildcards' image, relative to the output folder."""
        return self.relative(self._by_name[wildcards.get("image")].image.path)

    def relative(self, path: Path) -> str:
        """Return `path` relative to the output folder, so that both can move together."""
        return os.path.relpath(path, self.outdir)

    def file_parameter(self, *keys: str) -> list[str]:
        """Return the file that a parameter names, relative to the output folder, if any."""
        path = _file_of(self.recipe, *keys)
        return [self.relative(path)] if path else []

    def write_manifest(self) -> None:
        """Write what the steps that speak of all images need to know, and the complete recipe."""
        manifest = {
            "images": [
                {
                    "name": image.image.name,
                    "path": self.relative(image.image.path),
                    "chips": [
                        {key: chip[key] for key in ("number", "extension", "label", "shape")}
                        for chip in image.chips
                    ],
                }
                for image in self.images
            ],
        }
        _write_if_changed(self.outdir / layout.MANIFEST, json_text(manifest))
        _write_if_changed(self.outdir / layout.RESOLVED_RECIPE, self._resolved_text())

    def _resolved_text(self) -> str:
        """Write the complete recipe as YAML."""
        import yaml

        values = {**self.recipe.values, "outdir": "."}
        values["input"] = [self._spelled(image) for image in self.images]
        for keys in (("exclusions",), ("reference_catalog", "refcat")):
            path = _file_of(self.recipe, *keys)
            section = values
            for key in keys[:-1]:
                section[key] = {**section[key]}
                section = section[key]
            section[keys[-1]] = self.relative(path) if path else None
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)

    def _spelled(self, image: Inspected) -> str:
        """Write one input as a recipe names it."""
        selection = f"[{image.image.selection}]" if image.image.selection else ""
        return self.relative(image.image.path) + selection


def open_project(recipe: Recipe) -> Project:
    """Look at a recipe's inputs and plan its jobs.

    Raises
    ------
    InputError
        Listing everything that stands in the way of a run and can be known before it.
    """
    images = expand_inputs(recipe.values["input"], base=recipe.base)
    prepare_outdir(recipe.outdir)
    inspected = inspect_inputs(images, recipe.outdir)
    problems = [*_output_problems(recipe, inspected), *_wcsname_problems(recipe, inspected)]
    if problems:
        raise InputError("\n".join(problems))
    plan = build_plan(
        recipe.values,
        inspected,
        exclusions=_exclusion_digests(recipe, inspected),
        refcat=_refcat_digest(recipe),
        code=code_digests(RULES, cache=recipe.outdir / layout.CODE_CACHE),
    )
    return Project(recipe=recipe, images=tuple(inspected), plan=plan)


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
    source = read_yaml(path)
    plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    overrides = {k: v for k, v in config.items() if k not in plain or plain[k] != v}
    return open_project(complete({**source.value, **overrides}, source=source, file=path))


def _file_of(recipe: Recipe, *keys: str) -> Path | None:
    """Return the absolute path of the file that a parameter names, or None."""
    value: Any = recipe.values
    for key in keys:
        value = value[key]
    return (recipe.base / value).resolve() if value else None


def _output_problems(recipe: Recipe, images: list[Inspected]) -> list[str]:
    """Return a message for each input, and each aligned copy, that the run would overwrite."""
    aligned = recipe.outdir / layout.ALIGNED
    paths = [image.image.path for image in images]
    problems = [
        f"input: {path}: lies in the folder of aligned copies; choose another outdir"
        for path in paths
        if path.resolve().parent == aligned
    ]
    if recipe.values["update_header"]["updatehdr"]:
        problems += [
            f"input: {path}: two of its extensions cannot go into one aligned copy; "
            "name the file once, without a selection, or set update_header.updatehdr: false"
            for path in dict.fromkeys(paths)
            if paths.count(path) > 1
        ]
    return problems


def _wcsname_problems(recipe: Recipe, images: list[Inspected]) -> list[str]:
    """Return a message for each image that already has a WCS of the recipe's name."""
    header = recipe.values["update_header"]
    if not header["updatehdr"] or header["reusename"]:
        return []
    wanted = effective_wcsname(header["wcsname"])
    return [
        f"update_header.wcsname: {image.image.path} has a WCS named {wanted} already "
        f"({chip['label']}); choose another name or set update_header.reusename: true"
        for image in images
        for chip in image.chips
        if is_taken(wanted, chip["wcsnames"])
    ]


def _exclusion_digests(recipe: Recipe, images: list[Inspected]) -> dict[str, dict[str, str]]:
    """Return for each excluded image the digest of each chip's region file or mask."""
    path = _file_of(recipe, "exclusions")
    if path is None:
        return {}
    from tweakreg_steps.masking.exclusions import read_exclusions
    from tweakreg_steps.masking.region_masks import check_exclusion_file

    chips = {image.image.name: len(image.chips) for image in images}
    found = read_exclusions(path, n_chips=chips)
    used: dict[str, dict[str, str]] = {}
    for image in images:
        files = found.get(image.image.name, ())
        for chip, file in zip(image.chips, files, strict=False):
            if file is not None:
                check_exclusion_file(file, tuple(chip["shape"]))
                used.setdefault(image.image.name, {})[str(chip["number"])] = _file_digest(file)
    return used


def _refcat_digest(recipe: Recipe) -> str | None:
    """Return the digest of the reference catalog, having read it once to be sure that it can be."""
    path = _file_of(recipe, "reference_catalog", "refcat")
    if path is None:
        return None
    from tweakreg_steps.tables.reference_catalog import read_reference_catalog

    section = recipe.values["reference_catalog"]
    read_reference_catalog(
        path, **{key: value for key, value in section.items() if key != "refcat"}
    )
    return _file_digest(path)


def _file_digest(path: Path) -> str:
    """Return a digest of a file's content."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:_DIGEST_LENGTH]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); correct the name") from error


def _write_if_changed(path: Path, text: str) -> None:
    """Write a text file only if that changes it."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except OSError:
        pass
    write_text_atomically(path, text)
