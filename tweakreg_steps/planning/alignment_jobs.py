"""The jobs of ``rules/alignment.smk``: matches and fits, image by image or all in sequence."""

from __future__ import annotations

from tweakreg_steps import layout
from tweakreg_steps.planning.canonical import digest
from tweakreg_steps.planning.jobs import ALL, JobKey, WorkPlan
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.surveying.inspection import Inspected


def plan_alignment(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan match and fit of all images."""
    if values["expand_refcat"]:
        _plan_sequence(plan, values, findings)
        return
    for image in findings.images:
        _plan_image(plan, image_values(values, image.image.name), findings, image)


def match_job(values: Tree, image: str) -> JobKey:
    """Return the job that matches an image."""
    return ("align", ALL) if values["expand_refcat"] else ("match_sources", image)


def fit_job(values: Tree, image: str) -> JobKey:
    """Return the job that fits an image."""
    return ("align", ALL) if values["expand_refcat"] else ("fit_alignment", image)


def reference_job(values: Tree) -> JobKey:
    """Return the job that makes the reference list as it is in the end."""
    return ("align", ALL) if values["expand_refcat"] else ("build_reference", ALL)


def reference_list(values: Tree) -> str:
    """Return the reference list as it is in the end: an image was matched with its first rows."""
    return layout.EXPANDED_SOURCES if values["expand_refcat"] else layout.REFERENCE_SOURCES


def _plan_image(plan: WorkPlan, values: Tree, findings: Findings, image: Inspected) -> None:
    """Plan match and fit of one image."""
    name = image.image.name
    plan.add(
        "match_sources",
        name,
        [layout.matches_of(name)],
        values=values,
        inputs={"is_reference": findings.is_reference(image)},
        upstream=[
            ("undistort_sources", name),
            ("build_reference_plane", ALL),
            ("build_reference", ALL),
        ],
    )
    plan.add(
        "fit_alignment",
        name,
        layout.fits_of(name),
        values=values,
        inputs={},
        upstream=[("match_sources", name), ("build_reference_plane", ALL)],
    )


def _plan_sequence(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan match and fit of all images, one after the other."""
    references = [image.image.name for image in findings.images if findings.is_reference(image)]
    plan.add(
        "align",
        ALL,
        [layout.EXPANDED_SOURCES, *sequence_outputs(findings.names)],
        values=values,
        names=findings.names,
        inputs={
            "images": digest(findings.names),
            "reference": references[0] if references else None,
        },
        upstream=[
            *(("undistort_sources", name) for name in findings.names),
            ("build_reference_plane", ALL),
            *([] if findings.reference_is_chosen else [("build_reference", ALL)]),
        ],
    )


def sequence_outputs(names: list[str]) -> list[str]:
    """Return the matches and fits of all images."""
    return [path for name in names for path in (layout.matches_of(name), *layout.fits_of(name))]
