"""The jobs of ``rules/products.smk``: what is made of the fits."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps import layout
from tweakreg_steps.planning.alignment_jobs import fit_job, reference_job
from tweakreg_steps.planning.canonical import digest
from tweakreg_steps.planning.decisions import decision_of, rejected_images
from tweakreg_steps.planning.jobs import ALL, JobKey, WorkPlan
from tweakreg_steps.planning.source_jobs import source_rule
from tweakreg_steps.recipes.inputs import image_name
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.surveying.findings import Findings, chip_records
from tweakreg_steps.surveying.inspection import Inspected


def plan_products(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan headerlets, headers, text catalogs and the shift file."""
    for image in findings.images:
        if values["headerlet_creation"]["headerlet"]:
            _plan_headerlet(plan, values, findings, image)
        if values["update_header"]["updatehdr"]:
            _plan_header(plan, values, findings, image)
        if values["writecat"]:
            _plan_catalogs(plan, values, findings, image)
    if values["writecat"]:
        _plan_catfile_list(plan, values, findings)
    if values["writecat"] and (findings.refcat is None or values["expand_refcat"]):
        _plan_refcat(plan, values, findings)
    if values["writecat"] and findings.sought_refimage:
        _plan_refimage_catalogs(plan, values, findings, findings.sought_refimage)
    if values["shiftfile_output"]["shiftfile"]:
        _plan_shiftfile(plan, values, findings)


def _plan_headerlet(plan: WorkPlan, values: Tree, findings: Findings, image: Inspected) -> None:
    """Plan the headerlet of one image; it is that of the aligned copy, whether there is one."""
    name = image.image.name
    header = values["update_header"]
    plan.add(
        "write_headerlet",
        name,
        [layout.headerlet_record_of(name)],
        values=values,
        inputs={
            "file": image.file,
            "name": image.image.path.name,
            "chips": chip_records(image),
            "history": findings.history,
            "wcsname": header["wcsname"],
            "reusename": header["reusename"],
            "decision": decision_of(plan, values, findings, image).value,
        },
        upstream=_of_solution(plan, values, name),
    )


def _of_solution(plan: WorkPlan, values: Tree, name: str) -> list[JobKey]:
    """Return the jobs from whose products the new WCS of an image is made."""
    return [fit_job(values, name), ("build_reference_plane", ALL), *plan.wcs_update(name)]


def _plan_header(plan: WorkPlan, values: Tree, findings: Findings, image: Inspected) -> None:
    """Plan the aligned copy of one image."""
    name = image.image.name
    updated = plan.wcs_update(name)
    headerlet = ("write_headerlet", name)
    # in place, the headerlet is made before the file changes from which it is made
    wanted = values["headerlet_creation"]["attach"] or values["update_header"]["in_place"]
    before = [headerlet] if wanted and headerlet in plan.jobs else []
    plan.add(
        "update_header",
        name,
        [layout.header_record_of(name)],
        values=values,
        inputs={
            "file": image.file,
            "data": [] if updated else list(image.data),
            "chips": chip_records(image),
            "name": image.image.path.name,
            "decision": decision_of(plan, values, findings, image).value,
        },
        upstream=[*_of_solution(plan, values, name), *before],
    )


def _plan_catalogs(plan: WorkPlan, values: Tree, findings: Findings, image: Inspected) -> None:
    """Plan TweakReg's text products of one image."""
    name = image.image.name
    _plan_chip_catalogs(plan, values, findings, image)
    plan.add(
        "write_catalogs",
        name,
        layout.text_catalogs_of(name),
        values=values,
        inputs={},
        upstream=[("undistort_sources", name), fit_job(values, name)],
    )


def _plan_chip_catalogs(plan: WorkPlan, values: Tree, findings: Findings, image: Inspected) -> None:
    """Plan TweakReg's text catalog of each chip of one image."""
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


def _plan_refimage_catalogs(
    plan: WorkPlan, values: Tree, findings: Findings, image: Inspected
) -> None:
    """Plan TweakReg's text products of the reference image, which is matched with nothing."""
    name = image.image.name
    _plan_chip_catalogs(plan, values, findings, image)
    plan.add(
        "write_sky_catalog",
        name,
        [layout.sky_catalog_of(name)],
        values=values,
        inputs={},
        upstream=[("undistort_sources", name)],
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


def _plan_refcat(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan TweakReg's catalog of the reference sources."""
    base = None
    if findings.refcat is not None:
        base = Path(values["reference_catalog"]["refcat"]).stem
    elif findings.refimage is not None:
        base = image_name(findings.refimage.image.path)
    plan.add(
        "write_refcat",
        ALL,
        [layout.CUMULATIVE_RECORD],
        values=values,
        inputs={"base": base},
        upstream=[reference_job(values)],
    )


def _plan_shiftfile(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan the shift file and its reference WCS."""
    shifts = values["shiftfile_output"]
    plan.add(
        "write_shiftfile",
        ALL,
        [shifts["outshifts"], shifts["outwcs"]],
        values=values,
        inputs={
            "files": digest([image.image.path.name for image in findings.images]),
            "rejected": rejected_images(plan, values, findings),
        },
        upstream=[
            *dict.fromkeys(fit_job(values, name) for name in findings.names),
            ("build_reference_plane", ALL),
        ],
    )
