"""The jobs of ``rules/reference.smk``: the reference plane and the reference sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tweakreg_steps import layout
from tweakreg_steps.planning.canonical import digest
from tweakreg_steps.planning.jobs import ALL, WorkPlan
from tweakreg_steps.planning.plane_order import in_plane_order
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.surveying.findings import Findings, select_digests
from tweakreg_steps.surveying.inspection import Inspected


def plan_reference(plan: WorkPlan, values: Tree, findings: Findings) -> None:
    """Plan the reference plane and, where they are known before the alignment, the sources."""
    refimage = findings.refimage
    inputs = in_plane_order(findings.images, name=lambda image: image.image.name)
    sources = [refimage] if refimage else inputs
    plan.add(
        "build_reference_plane",
        ALL,
        [layout.REFERENCE_PLANE],
        values=values,
        inputs={
            "wcs": plane_digest(sources, is_refimage=refimage is not None),
            "refimage": refimage is not None,
        },
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


def plane_digest(images: Sequence[Inspected], *, is_refimage: bool) -> str:
    """Return the digest of what the reference plane is made of: the WCS of images.

    Parameters
    ----------
    images
        The inputs, or the reference image alone.
    is_refimage
        Which of them: as in TweakReg, a reference image's first chip defines the plane.
    """
    return plane_digest_of_chips([image.chips for image in images], is_refimage=is_refimage)


def plane_digest_of_chips(
    chips: Iterable[Sequence[Mapping[str, Any]]], *, is_refimage: bool
) -> str:
    """Return the same, given what is known of the chips of each image."""
    last = 1 if is_refimage else None
    return digest([select_digests(own, "wcs")[:last] for own in chips])
