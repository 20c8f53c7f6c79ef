"""The jobs of ``rules/images.smk``: working copies with a new WCS, and masks."""

from __future__ import annotations

from tweakreg_steps import layout
from tweakreg_steps.planning.jobs import WorkPlan
from tweakreg_steps.recipes.inputs import image_name
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.surveying.findings import Findings, chip_records
from tweakreg_steps.surveying.inspection import Inspected


def plan_wcs_update(plan: WorkPlan, values: Tree, findings: Findings, image: Inspected) -> None:
    """Plan the working copy of one image, where it needs one."""
    name = image.image.name
    files = findings.reference_files.get(name)
    if files is not None:
        plan.add(
            "update_wcs",
            name,
            [layout.working_copy_of(name)],
            values=values,
            inputs={
                "file": image.file,
                "chips": chip_records(image),
                "reference_files": {keyword: file.digest for keyword, file in files.items()},
            },
            upstream=[],
        )


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
            "exclusions": {number: file.digest for number, file in masks.items()},
            "excluded_as": image_name(image.image.path),
        },
        upstream=plan.wcs_update(name) if masks else [],
        findpars=findpars,
    )
