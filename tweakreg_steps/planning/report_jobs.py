"""The jobs of ``rules/report.smk``: the summary and the plots."""

from __future__ import annotations

from tweakreg_steps import layout
from tweakreg_steps.planning.alignment_jobs import fit_job, match_job
from tweakreg_steps.planning.canonical import digest
from tweakreg_steps.planning.decisions import rejected_images
from tweakreg_steps.planning.jobs import ALL, WorkPlan
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.surveying.findings import Findings

FINDING_RULES = ("make_masks", "find_sources")
"""The rules that find the sources of an image in its pixels."""

FITTING_RULES = (
    "update_wcs",
    *FINDING_RULES,
    "read_catalogs",
    "undistort_sources",
    "build_reference_plane",
    "build_reference",
    "match_sources",
    "fit_alignment",
    "align",
)
"""The rules on which fits depend; a plan has some of them."""


def plan_report(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan the summary, and the plots of each image that is not known to be the reference."""
    plan.add(
        "summarize",
        ALL,
        [layout.SUMMARY],
        values=values,
        inputs={
            "images": digest(findings.names),
            "rejected": rejected_images(plan, values, findings),
        },
        upstream=dict.fromkeys(fit_job(values, name) for name in findings.names),
    )
    for image in findings.images:
        if not findings.is_reference(image):
            name = image.image.name
            _plan_plots(plan, image_values(values, name), name)


def residual_plots(values: Tree) -> dict[str, str]:
    """Return which plots of the residuals a recipe asks for, each with the pattern of its file."""
    choice = values["catalog_fitting"]["residplot"]
    return {
        kind: pattern for kind, pattern in layout.RESIDUAL_PLOTS.items() if choice in (kind, "both")
    }


def _plan_plots(plan: WorkPlan, values: Tree, name: str) -> None:
    """Plan the plots of one image."""
    if values["object_matching"]["see2dplot"] and values["object_matching"]["use2dhist"]:
        plan.add(
            "plot_offsets",
            name,
            [layout.offsets_plot_of(name)],
            values=values,
            inputs={},
            upstream=[("undistort_sources", name), match_job(values, name)],
        )
    plots = residual_plots(values)
    if plots:
        plan.add(
            "plot_residuals",
            name,
            [plot.format(image=name) for plot in plots.values()],
            values=values,
            inputs={},
            upstream=[fit_job(values, name)],
        )
