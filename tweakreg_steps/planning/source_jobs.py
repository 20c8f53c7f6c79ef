"""The jobs of ``rules/sources.smk``: the sources of one image, on its chips and on the sky."""

from __future__ import annotations

from tweakreg_steps.planning import layout
from tweakreg_steps.planning.findings import chip_records
from tweakreg_steps.planning.inspection import Inspected
from tweakreg_steps.planning.jobs import WorkPlan
from tweakreg_steps.recipes.schema import Tree


def plan_sources(plan: WorkPlan, values: Tree, image: Inspected, *, findpars: str) -> None:
    """Plan the sources and the undistorted sources of one image."""
    name = image.image.name
    plan.add(
        "find_sources",
        name,
        [layout.catalog_of(name)],
        values=values,
        inputs={"chips": chip_records(image, "pixels")},
        upstream=[("make_masks", name)],
        findpars=findpars,
    )
    plan.add(
        "undistort_sources",
        name,
        [layout.sky_of(name)],
        values=values,
        inputs={"chips": chip_records(image, "wcs")},
        upstream=[("find_sources", name), *plan.wcs_update(name)],
    )
