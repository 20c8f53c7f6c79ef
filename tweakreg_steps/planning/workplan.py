"""All jobs of a recipe: one planning module for each file of rules."""

from __future__ import annotations

from collections.abc import Mapping

from tweakreg_steps.planning.alignment_jobs import plan_alignment
from tweakreg_steps.planning.image_jobs import plan_wcs_update
from tweakreg_steps.planning.jobs import WorkPlan
from tweakreg_steps.planning.library_versions import library_versions
from tweakreg_steps.planning.product_jobs import plan_products
from tweakreg_steps.planning.reference_jobs import plan_reference
from tweakreg_steps.planning.report_jobs import FITTING_RULES, plan_report
from tweakreg_steps.planning.source_jobs import plan_sources
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.schema import IMAGE_FINDPARS, REFERENCE_FINDPARS, Tree
from tweakreg_steps.surveying.findings import Findings

RULES = (
    *FITTING_RULES,
    "write_headerlet",
    "update_header",
    "write_chip_catalog",
    "write_catalogs",
    "write_refcat",
    "write_sky_catalog",
    "plot_offsets",
    "plot_residuals",
    "summarize",
    "write_shiftfile",
    "write_catfile_list",
)
"""All rules."""


def build_plan(values: Tree, findings: Findings, *, code: Mapping[str, str]) -> WorkPlan:
    """Return all jobs of a recipe, in an order in which they can run.

    Parameters
    ----------
    values
        The complete recipe.
    findings
        What a look at its files has found.
    code
        A digest of the code of each rule's step; see `RULES`.
    """
    versions = library_versions() if values["strict_versions"] else {}
    plan = WorkPlan(code, clean=values["clean"], versions=versions)
    for image in findings.all_images:
        plan_wcs_update(plan, values, findings, image)
    for image in findings.images:
        own = image_values(values, image.image.name)
        plan_sources(plan, own, findings, image, findpars=IMAGE_FINDPARS)
    if findings.sought_refimage:
        plan_sources(plan, values, findings, findings.sought_refimage, findpars=REFERENCE_FINDPARS)
    plan_reference(plan, values, findings)
    plan_alignment(plan, values, findings)
    plan_products(plan, values, findings)
    plan_report(plan, values, findings)
    return plan
