"""The jobs of ``rules/reference.smk``: the reference plane and the reference sources."""

from __future__ import annotations

from tweakreg_steps.planning import layout
from tweakreg_steps.planning.canonical import digest
from tweakreg_steps.planning.findings import Findings, chip_records
from tweakreg_steps.planning.jobs import ALL, WorkPlan
from tweakreg_steps.recipes.schema import Tree


def plan_reference(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan the reference plane and the reference sources."""
    sources = [findings.refimage] if findings.refimage else findings.images
    plan.add(
        "build_reference_plane",
        ALL,
        [layout.REFERENCE_PLANE],
        values=values,
        inputs={"wcs": digest([chip_records(image, "wcs") for image in sources])},
        upstream=[job for image in sources for job in plan.wcs_update(image.image.name)],
    )
    image = findings.reference
    name = image.image.name if image else None
    plan.add(
        "build_reference",
        ALL,
        [layout.REFERENCE_SOURCES],
        values=values,
        inputs={"refcat": findings.refcat, "image": name},
        upstream=[
            ("build_reference_plane", ALL),
            *([("undistort_sources", name)] if name else []),
        ],
    )
