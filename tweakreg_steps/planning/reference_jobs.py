"""The jobs of ``rules/reference.smk``: the reference plane and the reference sources."""

from __future__ import annotations

from tweakreg_steps import layout
from tweakreg_steps.planning.canonical import digest
from tweakreg_steps.planning.jobs import ALL, WorkPlan
from tweakreg_steps.planning.plane_order import in_plane_order
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.surveying.findings import Findings, chip_records


def plan_reference(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan the reference plane and, where they are known before the alignment, the sources."""
    refimage = findings.refimage
    inputs = in_plane_order(findings.images, name=lambda image: image.image.name)
    sources = [refimage] if refimage else inputs
    # as in TweakReg, a reference image's first chip defines the plane
    wcs = (
        [chip_records(refimage, "wcs")[:1]]
        if refimage
        else [chip_records(image, "wcs") for image in sources]
    )
    plan.add(
        "build_reference_plane",
        ALL,
        [layout.REFERENCE_PLANE],
        values=values,
        inputs={"wcs": digest(wcs), "refimage": refimage is not None},
        upstream=[job for image in sources for job in plan.wcs_update(image.image.name)],
    )
    if findings.reference_is_chosen:
        return
    image = findings.reference
    name = image.image.name if image else None
    plan.add(
        "build_reference",
        ALL,
        [layout.REFERENCE_SOURCES],
        values=values,
        inputs={"refcat": findings.refcat, "image": findings.reference_name},
        upstream=[
            ("build_reference_plane", ALL),
            *([("undistort_sources", name)] if name else []),
        ],
    )
