"""``solution.json``: what the solution of all images says of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tweakreg_steps.alignment.misfits import Misfit, misfits_of_stars
from tweakreg_steps.sections import Solution
from tweakreg_steps.solving.chip_term_records import chip_term_records, notes_on_chips
from tweakreg_steps.solving.chips_of_images import ChipsOfImages
from tweakreg_steps.solving.closures import CLOSED
from tweakreg_steps.solving.mosaic import AlignedMosaic
from tweakreg_steps.solving.mosaic_input import Exposures
from tweakreg_steps.solving.pair_match import Edge
from tweakreg_steps.solving.pixel_phases import describe_waves
from tweakreg_steps.solving.solution import Part
from tweakreg_steps.solving.solution_file import PairsRecord, PartRecord, SolutionRecord, Solved

_TORN = 0.1
"""Pixels of the plane by which the exposures of a group may always be apart."""

_SHOWN = 3
"""Names that a sentence lists."""


def solution_record(
    mosaic: AlignedMosaic,
    exposures: Exposures,
    edges: Sequence[Edge],
    *,
    names: Sequence[str],
    groups: Mapping[str, str],
    cameras: Sequence[str],
    chips: ChipsOfImages,
    reference: str | None,
    solution: Solution,
    mas_per_pixel: float,
) -> SolutionRecord:
    """Write a solution as plain values.

    Parameters
    ----------
    mosaic : AlignedMosaic
        The solution.
    exposures : Exposures
        What it was made from.
    edges : sequence of Edge
        The matches of all pairs of images.
    names : sequence of str
        The names of the images.
    groups : mapping of str to str
        The group of each image.
    cameras : sequence of str
        The cameras by their numbers.
    chips : ChipsOfImages
        The chips that have terms of their own.
    reference : str or None
        The catalog or image that is the reference.
    solution : mapping
        The section ``solution`` of the recipe.
    mas_per_pixel : float
        Size of the plane's pixels.

    Returns
    -------
    SolutionRecord
        What the solution says, with notes.
    """
    found = mosaic.solution
    # the floor of a camera whose stars nothing else has seen was never looked for
    seen = np.unique(exposures.camera[exposures.unit[mosaic.joined.exposure[found.kept]]]).tolist()
    unsolved = [names[e] for e in np.flatnonzero(~found.solved[exposures.unit]).tolist()]
    record: Solved = {
        "method": solution["method"],
        "gauge": solution["gauge"],
        "reference": reference,
        "groups": _shared(groups),
        "parts": [_part(part, exposures, names) for part in found.parts if len(part.units)],
        "unsolved": unsolved,
        "pairs": _pairs(mosaic, edges, names),
        "torn": [
            {"images": _both(edge, names), "group": groups[names[edge.one]], "apart": apart}
            for edge in mosaic.edges
            if exposures.unit[edge.one] == exposures.unit[edge.other]
            and (apart := _apart(edge) * mas_per_pixel) > 0.0
        ],
        "floors": {
            cameras[camera]: float(found.scatter.floor[camera] * mas_per_pixel) for camera in seen
        },
        "reference_floor": (
            float(found.scatter.reference_floor * mas_per_pixel) if len(mosaic.reference) else None
        ),
        "pixel_waves": describe_waves(cameras, mosaic.waves),
        "chip_terms": chip_term_records(chips, found),
        "overlaps": [pair.times(mas_per_pixel).record(names) for pair in _misfits(mosaic)],
        "n_stars": int(np.isfinite(found.stars[:, 0]).sum()),
        "n_rejections": found.n_rejections,
        "n_refused": mosaic.joined.n_refused,
    }
    return {**record, "notes": _notes(record)}


def _pairs(mosaic: AlignedMosaic, edges: Sequence[Edge], names: Sequence[str]) -> PairsRecord:
    """Say what became of the matches of pairs of images."""
    matched = [edge for edge in edges if edge.is_match]
    return {
        "n_overlaps": len(edges),
        "n_matched": len(matched),
        "n_believed": len(mosaic.edges),
        "rejected": [
            {"images": _both(matched[one.edge], names), "why": one.why}
            for one in mosaic.verdict.rejected
        ],
        "unmatched": [
            {
                "images": _both(edge, names),
                "reason": edge.reason,
                "why": edge.problem,
                "false_alarm": edge.chance,
            }
            for edge in edges
            if not edge.is_match
        ],
        "unchecked": [_both(matched[place], names) for place in mosaic.verdict.unchecked],
        "n_triangles": len(mosaic.verdict.triangles),
    }


def _both(edge: Edge, names: Sequence[str]) -> list[str]:
    """Return the names of the two images of a match."""
    return [names[edge.one], names[edge.other]]


def _misfits(mosaic: AlignedMosaic) -> list[Misfit]:
    """Compare the images that share stars, as far as these count."""
    found, joined = mosaic.solution, mosaic.joined
    rows = np.flatnonzero(found.kept & np.isfinite(found.residuals[:, 0]))
    error = np.sqrt(found.variances[rows])
    return misfits_of_stars(joined.star[rows], joined.exposure[rows], found.residuals[rows], error)


def _apart(edge: Edge) -> float:
    """Return by how many pixels two exposures that move as one are apart; 0 within errors."""
    gap = edge.carry(edge.center[None])[0] - edge.center
    apart = float(np.linalg.norm(gap))
    along = gap / max(apart, np.finfo(float).tiny)
    error = float(np.sqrt(along @ edge.covariance @ along))
    return apart if apart > max(CLOSED * error, _TORN) else 0.0


def _shared(groups: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the images of each group of several."""
    members: dict[str, list[str]] = {}
    for name, group in groups.items():
        members.setdefault(group, []).append(name)
    return {group: own for group, own in members.items() if len(own) > 1}


def _part(part: Part, exposures: Exposures, names: Sequence[str]) -> PartRecord:
    """Describe a connected part."""
    images = np.flatnonzero(np.isin(exposures.unit, part.units)).tolist()
    return {
        "images": [names[image] for image in images],
        "n_reference": part.n_reference,
        "held": part.held,
    }


def _notes(record: Solved) -> list[str]:
    """Say what a user should read, a sentence a thing."""
    parts, pairs, reference = record["parts"], record["pairs"], record["reference"]
    summed = (
        f"{record['method']}: {sum(len(part['images']) for part in parts)} images in "
        f"{len(parts)} connected part{'s' * (len(parts) != 1)}, {pairs['n_believed']} of "
        f"{pairs['n_overlaps']} pairs of images, {record['n_stars']} stars"
    )
    notes = [summed]
    floors = [f"{value:.2f} mas {name}".strip() for name, value in record["floors"].items()]
    if floors:
        notes.append(f"errors of sources beside their own: {', '.join(floors)}")
    if record["reference_floor"] is not None:
        notes.append(f"errors of {reference} beside its own: {record['reference_floor']:.2f} mas")
    waves = [
        f"{own['largest']:.3f} px {name}".strip() for name, own in record["pixel_waves"].items()
    ]
    if waves:
        notes.append(
            f"taken off positions, by where sources lie in their pixels: up to {', '.join(waves)}"
        )
    notes += notes_on_chips(record["chip_terms"])
    notes += [
        f"no star of {reference or 'a reference'} tells where {_some(part['images'])} lie: "
        f"{part['held']}"
        for part in parts
        if part["held"]
    ]
    notes += [
        f"rejected the match of {' and '.join(one['images'])}: {one['why']}"
        for one in pairs["rejected"]
    ]
    torn = sorted(record["torn"], key=lambda one: -one["apart"])
    notes += [
        f"the group {one['group']} does not hold together: by their stars "
        f"{' and '.join(one['images'])} are {one['apart']:.3g} mas apart; "
        "take one of them out of solution.groups"
        for one in torn[:_SHOWN]
    ]
    if record["unsolved"]:
        notes.append(f"not solved: {_some(record['unsolved'])}")
    return notes


def _some(names: Sequence[str]) -> str:
    """List the first few names."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
