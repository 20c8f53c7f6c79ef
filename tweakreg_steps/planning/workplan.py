"""All jobs of a recipe, each with a record of everything its products depend on.

A job's record holds the parameters its rule consumes, digests of the inputs it reads, a digest of
the code of its step, and the stamps of the jobs whose products it takes. The record, as canonical
JSON, is the one ``params`` of the Snakemake rule and the step's only source of parameters; its
digest is the job's stamp. So a job is stale exactly when its record differs from the one its
products were made with, whatever the times of the files say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tweakreg_steps.planning import layout
from tweakreg_steps.planning.canonical import canonical_json, digest
from tweakreg_steps.planning.inspection import Inspected
from tweakreg_steps.recipes.schema import Tree, parameters, value_at

JobKey = tuple[str, str]
ALL = "all"
FITTING_RULES = (
    "make_masks",
    "find_sources",
    "undistort_sources",
    "build_reference_plane",
    "build_reference",
    "match_sources",
    "fit_alignment",
)
"""The rules on which every fit depends."""

RULES = (
    *FITTING_RULES,
    "update_header",
    "write_chip_catalog",
    "write_catalogs",
    "plot_offsets",
    "plot_residuals",
    "summarize",
    "write_shiftfile",
    "write_catfile_list",
)
"""All rules."""


@dataclass(frozen=True)
class Job:
    """One job of the plan.

    Attributes
    ----------
    rule
        Name of the rule, and of the step's module.
    name
        What it works on: an image, ``<image>.<chip>``, or ``all``.
    outputs
        Its products, relative to the output folder.
    record
        Everything that its products depend on.
    upstream
        The jobs whose products it takes.
    """

    rule: str
    name: str
    outputs: tuple[str, ...]
    record: Tree
    upstream: tuple[JobKey, ...]

    @property
    def key(self) -> JobKey:
        """Rule and name: what identifies the job."""
        return self.rule, self.name

    @property
    def image(self) -> str:
        """The image it works on, without its chip, or ``all``."""
        chip = self.record["inputs"].get("chip")
        return self.name if chip is None else self.name.removesuffix(f".{chip}")

    @property
    def text(self) -> str:
        """The record as canonical JSON."""
        return canonical_json(self.record)

    @property
    def stamp(self) -> str:
        """The digest of the record."""
        return digest(self.record)


@dataclass
class WorkPlan:
    """The jobs, in an order in which they can run.

    Attributes
    ----------
    code
        A digest of the code of each rule's step.
    jobs
        The jobs by rule and name.
    stamps
        Their stamps.
    """

    code: Mapping[str, str]
    jobs: dict[JobKey, Job] = field(default_factory=dict)
    stamps: dict[JobKey, str] = field(default_factory=dict)

    def add(
        self,
        rule: str,
        name: str,
        outputs: Sequence[str],
        *,
        values: Tree,
        inputs: Mapping[str, Any],
        upstream: Iterable[JobKey],
    ) -> None:
        """Add a job; its upstream jobs must be there already."""
        needs = tuple(upstream)
        record: Tree = {
            "rule": rule,
            "name": name,
            "parameters": parameters_of(rule, values),
            "inputs": dict(inputs),
            "code": self.code[rule],
            "upstream": self._upstream_stamps(needs),
        }
        job = Job(rule, name, tuple(outputs), record, needs)
        self.jobs[job.key] = job
        self.stamps[job.key] = job.stamp

    def _upstream_stamps(self, needs: tuple[JobKey, ...]) -> dict[str, str]:
        """Return one stamp for each upstream rule; many jobs of one rule share a common digest."""
        rules = dict.fromkeys(rule for rule, _ in needs)
        stamps = {rule: [self.stamps[key] for key in needs if key[0] == rule] for rule in rules}
        return {
            rule: found[0] if len(found) == 1 else digest(found) for rule, found in stamps.items()
        }

    @property
    def targets(self) -> list[str]:
        """The products that are asked for: all of them."""
        return [output for job in self.jobs.values() for output in job.outputs]


def parameters_of(rule: str, values: Tree) -> Tree:
    """Return what `rule` consumes of a complete recipe, without switches and file paths."""
    part: Tree = {}
    for parameter in parameters():
        if parameter.rule != rule or parameter.switch or parameter.file or parameter.pending:
            continue
        section = part
        for key in parameter.path[:-1]:
            section = section.setdefault(key, {})
        section[parameter.path[-1]] = value_at(values, parameter.path)
    return part


def residual_plots(values: Tree) -> dict[str, str]:
    """Return which plots of the residuals a recipe asks for, each with the pattern of its file."""
    choice = values["catalog_fitting"]["residplot"]
    return {
        kind: pattern for kind, pattern in layout.RESIDUAL_PLOTS.items() if choice in (kind, "both")
    }


def _chips(inspected: Inspected, *digests: str) -> list[Tree]:
    """Return where an image's chips are, with the digests named."""
    keys = ("number", "extension", "label", "shape", *digests)
    return [{key: chip[key] for key in keys} for chip in inspected.chips]


def build_plan(
    values: Tree,
    images: Sequence[Inspected],
    *,
    exclusions: Mapping[str, Mapping[str, str]],
    refcat: str | None,
    code: Mapping[str, str],
) -> WorkPlan:
    """Return all jobs of a recipe.

    Parameters
    ----------
    values
        The complete recipe.
    images
        The inputs, in order, as they were found.
    exclusions
        For each image named in the exclusions catalog, the digest of each chip's region file or
        mask.
    refcat
        Digest of the reference catalog, or None where the first image is the reference.
    code
        A digest of the code of each rule's step; see `RULES`.
    """
    plan = WorkPlan(code)
    for image in images:
        _plan_sources(plan, values, image, exclusions.get(image.image.name, {}))
    _plan_reference(plan, values, images, refcat)
    for image in images:
        _plan_alignment(plan, values, image, is_reference=refcat is None and image is images[0])
    for image in images:
        _plan_products(plan, values, image, is_reference=refcat is None and image is images[0])
    _plan_lists(plan, values, images)
    return plan


def _plan_sources(plan: WorkPlan, values: Tree, image: Inspected, masks: Mapping[str, str]) -> None:
    """Plan mask, sources and undistorted sources of one image."""
    name = image.image.name
    used = values["imagefindpars"]["dqbits"] is not None
    wanted = [*(["dq"] if used else []), *(["wcs"] if masks else [])]
    plan.add(
        "make_masks",
        name,
        [f"masks/{name}.fits"],
        values=values,
        inputs={"chips": _chips(image, *wanted), "exclusions": dict(masks)},
        upstream=[],
    )
    plan.add(
        "find_sources",
        name,
        [layout.catalog_of(name)],
        values=values,
        inputs={"chips": _chips(image, "pixels")},
        upstream=[("make_masks", name)],
    )
    plan.add(
        "undistort_sources",
        name,
        [f"sky/{name}.ecsv"],
        values=values,
        inputs={"chips": _chips(image, "wcs")},
        upstream=[("find_sources", name)],
    )


def _plan_reference(
    plan: WorkPlan, values: Tree, images: Sequence[Inspected], refcat: str | None
) -> None:
    """Plan the reference plane and the reference sources."""
    plan.add(
        "build_reference_plane",
        ALL,
        [layout.REFERENCE_PLANE],
        values=values,
        inputs={"wcs": digest([_chips(image, "wcs") for image in images])},
        upstream=[],
    )
    first = [] if refcat else [("undistort_sources", images[0].image.name)]
    plan.add(
        "build_reference",
        ALL,
        [layout.REFERENCE_SOURCES],
        values=values,
        inputs={"refcat": refcat, "image": None if refcat else images[0].image.name},
        upstream=[("build_reference_plane", ALL), *first],
    )


def _plan_alignment(plan: WorkPlan, values: Tree, image: Inspected, *, is_reference: bool) -> None:
    """Plan match and fit of one image."""
    name = image.image.name
    plan.add(
        "match_sources",
        name,
        [f"matches/{name}.ecsv"],
        values=values,
        inputs={"is_reference": is_reference},
        upstream=[
            ("undistort_sources", name),
            ("build_reference_plane", ALL),
            ("build_reference", ALL),
        ],
    )
    plan.add(
        "fit_alignment",
        name,
        [layout.fit_of(name), f"fits/{name}.ecsv"],
        values=values,
        inputs={},
        upstream=[("match_sources", name), ("build_reference_plane", ALL)],
    )


def _plan_products(plan: WorkPlan, values: Tree, image: Inspected, *, is_reference: bool) -> None:
    """Plan what is made of one image's fit."""
    name = image.image.name
    if values["update_header"]["updatehdr"]:
        plan.add(
            "update_header",
            name,
            [layout.header_record_of(name)],
            values=values,
            inputs={"file": image.file, "data": list(image.data), "chips": _chips(image)},
            upstream=[("fit_alignment", name), ("build_reference_plane", ALL)],
        )
    if values["writecat"]:
        for chip in image.chips:
            plan.add(
                "write_chip_catalog",
                f"{name}.{chip['number']}",
                [layout.chip_catalog_of(name, chip["number"])],
                values=values,
                inputs={"chip": chip["number"]},
                upstream=[("find_sources", name)],
            )
        plan.add(
            "write_catalogs",
            name,
            layout.text_catalogs_of(name),
            values=values,
            inputs={},
            upstream=[("undistort_sources", name), ("fit_alignment", name)],
        )
    if not is_reference:
        _plan_plots(plan, values, name)


def _plan_plots(plan: WorkPlan, values: Tree, name: str) -> None:
    """Plan the plots of one image that is not the reference."""
    if values["object_matching"]["see2dplot"] and values["object_matching"]["use2dhist"]:
        plan.add(
            "plot_offsets",
            name,
            [layout.offsets_plot_of(name)],
            values=values,
            inputs={},
            upstream=[("match_sources", name)],
        )
    plots = residual_plots(values)
    if plots:
        plan.add(
            "plot_residuals",
            name,
            [plot.format(image=name) for plot in plots.values()],
            values=values,
            inputs={},
            upstream=[("fit_alignment", name)],
        )


def _plan_lists(plan: WorkPlan, values: Tree, images: Sequence[Inspected]) -> None:
    """Plan the products that speak of all images."""
    names = [image.image.name for image in images]
    fits = [("fit_alignment", name) for name in names]
    plan.add(
        "summarize",
        ALL,
        [layout.SUMMARY],
        values=values,
        inputs={"images": digest(names), "recipe": _recipe_digest(values)},
        upstream=fits,
    )
    if values["shiftfile_output"]["shiftfile"]:
        shifts = values["shiftfile_output"]
        plan.add(
            "write_shiftfile",
            ALL,
            [shifts["outshifts"], shifts["outwcs"]],
            values=values,
            inputs={"files": digest([image.image.path.name for image in images])},
            upstream=[*fits, ("build_reference_plane", ALL)],
        )
    if values["writecat"]:
        chips = [(name, len(image.chips)) for name, image in zip(names, images, strict=True)]
        plan.add(
            "write_catfile_list",
            ALL,
            [layout.catfile_list_of(names[0])],
            values=values,
            inputs={"images": digest(chips)},
            upstream=[],
        )


def _recipe_digest(values: Tree) -> str:
    """Return the digest of the parameters on which the summary depends."""
    return digest({rule: parameters_of(rule, values) for rule in FITTING_RULES})
