"""The jobs of ``rules/images.smk``: masks."""

from __future__ import annotations

from tweakreg_steps.planning import layout
from tweakreg_steps.planning.findings import Findings, chip_records
from tweakreg_steps.planning.inspection import Inspected
from tweakreg_steps.planning.jobs import WorkPlan
from tweakreg_steps.recipes.inputs import image_name
from tweakreg_steps.recipes.schema import Tree


def plan_masks(
    plan: WorkPlan, values: Tree, findings: Findings, image: Inspected, *, findpars: str
) -> None:
    """Plan the mask of one image."""
    name = image.image.name
    masks = findings.exclusions.get(name, {})
    used = values[findpars]["dqbits"] is not None
    wanted = [*(["dq"] if used else []), *(["wcs"] if masks else [])]
    plan.add(
        "make_masks",
        name,
        [layout.mask_of(name)],
        values=values,
        inputs={
            "chips": chip_records(image, *wanted),
            "exclusions": dict(masks),
            "excluded_as": image_name(image.image.path),
        },
        upstream=[],
        findpars=findpars,
    )
