"""The jobs of ``rules/products.smk``: what is made of the fits."""

from __future__ import annotations

from tweakreg_steps.planning import layout
from tweakreg_steps.planning.canonical import digest
from tweakreg_steps.planning.findings import Findings, chip_records
from tweakreg_steps.planning.inspection import Inspected
from tweakreg_steps.planning.jobs import ALL, WorkPlan
from tweakreg_steps.planning.source_jobs import source_rule
from tweakreg_steps.recipes.schema import Tree


def plan_products(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan headers, text catalogs and the shift file."""
    for image in findings.images:
        if values["update_header"]["updatehdr"]:
            _plan_header(plan, values, image)
        if values["writecat"]:
            _plan_catalogs(plan, values, findings, image)
    if values["writecat"]:
        _plan_catfile_list(plan, values, findings)
    if values["shiftfile_output"]["shiftfile"]:
        _plan_shiftfile(plan, values, findings)


def _plan_header(plan: WorkPlan, values: Tree, image: Inspected) -> None:
    """Plan the aligned copy of one image."""
    name = image.image.name
    plan.add(
        "update_header",
        name,
        [layout.header_record_of(name)],
        values=values,
        inputs={"file": image.file, "data": list(image.data), "chips": chip_records(image)},
        upstream=[("fit_alignment", name), ("build_reference_plane", ALL)],
    )


def _plan_catalogs(plan: WorkPlan, values: Tree, findings: Findings, image: Inspected) -> None:
    """Plan TweakReg's text products of one image."""
    name = image.image.name
    for chip in image.chips:
        plan.add(
            "write_chip_catalog",
            f"{name}.{chip['number']}",
            [layout.chip_catalog_of(name, chip["number"])],
            values=values,
            inputs={"chip": chip["number"]},
            upstream=[(source_rule(findings, image), name)],
        )
    plan.add(
        "write_catalogs",
        name,
        layout.text_catalogs_of(name),
        values=values,
        inputs={},
        upstream=[("undistort_sources", name), ("fit_alignment", name)],
    )


def _plan_catfile_list(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan TweakReg's list of all text catalogs."""
    chips = [
        (image.image.label, image.image.name, [chip["number"] for chip in image.chips])
        for image in findings.images
    ]
    plan.add(
        "write_catfile_list",
        ALL,
        [layout.catfile_list_of(findings.names[0])],
        values=values,
        inputs={"images": digest(chips)},
        upstream=[],
    )


def _plan_shiftfile(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan the shift file and its reference WCS."""
    shifts = values["shiftfile_output"]
    plan.add(
        "write_shiftfile",
        ALL,
        [shifts["outshifts"], shifts["outwcs"]],
        values=values,
        inputs={"files": digest([image.image.path.name for image in findings.images])},
        upstream=[
            *(("fit_alignment", name) for name in findings.names),
            ("build_reference_plane", ALL),
        ],
    )
