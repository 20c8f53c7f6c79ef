"""The jobs of ``rules/alignment.smk``: matches and fits."""

from __future__ import annotations

from tweakreg_steps.planning import layout
from tweakreg_steps.planning.findings import Findings
from tweakreg_steps.planning.inspection import Inspected
from tweakreg_steps.planning.jobs import ALL, WorkPlan
from tweakreg_steps.recipes.schema import Tree


def plan_alignment(plan: WorkPlan, values: Tree, findings: Findings, image: Inspected) -> None:
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
