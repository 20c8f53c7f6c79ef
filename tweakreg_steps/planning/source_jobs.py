"""The jobs of ``rules/sources.smk``: the sources of one image, on its chips and on the sky."""

from __future__ import annotations

from tweakreg_steps import layout
from tweakreg_steps.finding.sextractor_options import needs_errors
from tweakreg_steps.planning.image_jobs import plan_masks
from tweakreg_steps.planning.jobs import WorkPlan
from tweakreg_steps.recipes.inputs import image_name
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.surveying.findings import Findings, chip_records
from tweakreg_steps.surveying.inspection import Inspected


def source_rule(findings: Findings, image: Inspected) -> str:
    """Return the rule that makes the catalog of an image."""
    return "read_catalogs" if image.image.name in findings.catalogs else "find_sources"


def plan_sources(
    plan: WorkPlan, values: Tree, findings: Findings, image: Inspected, *, findpars: str
) -> None:
    """Plan the sources and the undistorted sources of one image."""
    name = image.image.name
    rule = source_rule(findings, image)
    if rule == "read_catalogs":
        _plan_reading(plan, values, findings, image)
    else:
        plan_masks(plan, values, findings, image, findpars=findpars)
        _plan_finding(plan, values, findings, image, findpars=findpars)
    plan.add(
        "undistort_sources",
        name,
        [layout.sky_of(name)],
        values=values,
        inputs={"chips": chip_records(image, "wcs")},
        upstream=[(rule, name), *plan.wcs_update(name)],
    )


def _plan_finding(
    plan: WorkPlan, values: Tree, findings: Findings, image: Inspected, *, findpars: str
) -> None:
    """Plan the search for the sources of one image in its pixels."""
    name = image.image.name
    find = values[findpars]
    files = findings.weights.get(name, {})
    digests, inputs = ["pixels", "unit"], {}
    if find["finder"] == "sextractor":
        digests += ["err"] if needs_errors(find["sextractor"]) else []
        inputs = {"sextractor": findings.sextractor, **{k: f.digest for k, f in files.items()}}
    plan.add(
        "find_sources",
        name,
        [layout.catalog_of(name)],
        values=values,
        inputs={"chips": chip_records(image, *digests), **inputs},
        upstream=[("make_masks", name)],
        findpars=findpars,
        files={key: file.path for key, file in files.items()},
    )


def _plan_reading(plan: WorkPlan, values: Tree, findings: Findings, image: Inspected) -> None:
    """Plan the reading of the catalogs that the user has made of one image."""
    name = image.image.name
    catalogs = findings.catalogs[name]
    exclusions = {k: f.digest for k, f in findings.exclusions.get(name, {}).items()}
    is_on_sky = values["coordinate_file"]["xyunits"] == "degrees"
    wcs = ["wcs"] if exclusions or is_on_sky else []
    plan.add(
        "read_catalogs",
        name,
        [layout.catalog_of(name)],
        values=values,
        inputs={
            "chips": chip_records(image, *wcs),
            "catalogs": {chip: catalog.digest for chip, catalog in catalogs.items()},
            "exclusions": exclusions,
            "excluded_as": image_name(image.image.path),
        },
        upstream=plan.wcs_update(name) if wcs else [],
        files={f"catalog{chip}": catalog.path for chip, catalog in catalogs.items()},
    )
