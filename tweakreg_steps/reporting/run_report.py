"""What the page of a run shows, from what the pages of its images say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypedDict, cast

import numpy as np

from tweakreg_steps.alignment.misfits import Misfit
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.fits_files.header_cards import CardValue
from tweakreg_steps.recipes.schema import IMAGES
from tweakreg_steps.records.canonical import canonical_json
from tweakreg_steps.reporting.image_report import ImageFacts
from tweakreg_steps.reporting.numbers import rounded
from tweakreg_steps.reporting.observation import epoch_of, filter_of, visit_of
from tweakreg_steps.reporting.overlaps import Overlap, describe_overlaps, overlap_outlines
from tweakreg_steps.reporting.qualities import Qualities, qualities
from tweakreg_steps.reporting.star_motions import Motions

_WORST = 5
_MOST_OVERLAPS = 200
"""Pairs of images, the worst, that the page lists and draws."""
_ARCMIN = 60.0


class RunRow(TypedDict):
    """What the table says of an image; None for what is not known.

    Lengths in mas, those with ``px`` in pixels of the plane; ``mjd`` of its beginning, and
    ``exptime`` as its header has it.
    """

    image: str
    status: str
    reason: str
    detail: str
    cure: str
    n_sources: int
    n_matched: int
    n_fit: int
    shift_px: float | None
    shift: float | None
    rms: float | None
    rms_px: float | None
    error: float | None
    error_px: float | None
    dx: float | None
    dy: float | None
    rotation: float | None
    scale: float | None
    false_alarm: float | None
    mjd: float | None
    visit: str
    filter: str
    exptime: CardValue | None
    has_page: bool
    motions: Motions | None


class RatedRow(RunRow, Qualities):
    """The same, and how well the image fits the others and the reference."""


class Outline(TypedDict):
    """An outline on the sky, in arcmin to the east and to the north."""

    x: list[float | None]
    y: list[float | None]


class ChipOutline(Outline):
    """That of a chip, with the row of its image."""

    row: int


class RunMap(TypedDict):
    """Where the chips are about the ``center``, ra and dec in degrees."""

    center: list[float]
    outlines: list[ChipOutline]


class DrawnOverlap(Overlap):
    """How two images agree, and their common field."""

    outlines: list[Outline]


class RunDrawing(TypedDict):
    """What the page of a run draws.

    ``mas`` per pixel of the plane; ``rows``, one an image; ``worst``: the rows to look at first.
    """

    mas: float
    rows: list[RatedRow]
    map: RunMap
    overlaps: list[DrawnOverlap]
    worst: list[int]


def describe_run(images: Sequence[ImageFacts], misfits: Sequence[Misfit]) -> RunDrawing:
    """Gather what the page of a run draws.

    Parameters
    ----------
    images
        What the pages of the images say, in input order; see
        `tweakreg_steps.reporting.image_report.summarize_image`.
    misfits
        How well images that overlap agree, in mas, the worst first.

    Returns
    -------
    RunDrawing
        In plain numbers.
    """
    own = [_short(quality) for quality in qualities(images, misfits)]
    rows: list[RatedRow] = [
        {**_row(image), **quality} for image, quality in zip(images, own, strict=True)
    ]
    center = _center(images)
    outlines = [[_project(np.array(e), center) for e in image["footprint"]] for image in images]
    overlaps = describe_overlaps(misfits[:_MOST_OVERLAPS], [row["mjd"] for row in rows])
    fields = overlap_outlines(outlines, overlaps) if overlaps else []
    drawn: list[DrawnOverlap] = [
        {**overlap, "outlines": [_listed(outline) for outline in field]}
        for overlap, field in zip(overlaps, fields, strict=True)
    ]
    return {
        "mas": images[0]["plane_scale"] if images else 0.0,
        "rows": rows,
        "map": {
            "center": [round(value, 6) for value in center],
            "outlines": [
                {"row": i, **_listed(outline)}
                for i, chips in enumerate(outlines)
                for outline in chips
            ],
        },
        "overlaps": drawn,
        "worst": _worst(rows),
    }


def count_statuses(rows: Sequence[RunRow]) -> dict[str, int]:
    """Count the images by what became of them; those that there always are first."""
    found = {"aligned": 0, "not_aligned": 0, "reference": 0}
    for row in rows:
        found[row["status"]] = found.get(row["status"], 0) + 1
    return found


def shared_parameters(images: Sequence[ImageFacts]) -> dict[str, Any]:
    """Return the parameters that images were aligned with, in the form of a recipe.

    Most images share a value; where one has another, that stands under its name.
    """
    sections = {name for image in images for name in image["parameters"]}
    shared: dict[str, Any] = {name: {} for name in sorted(sections)}
    own: dict[str, Any] = {}
    for section, values in shared.items():
        found = [image["parameters"].get(section, {}) for image in images]
        for key in sorted({key for one in found for key in one}):
            given = [canonical_json(one[key]) for one in found if key in one]
            usual = max(dict.fromkeys(given), key=given.count)
            values[key] = json.loads(usual)
            for image, one in zip(images, found, strict=True):
                if key in one and canonical_json(one[key]) != usual:
                    parts = own.setdefault(image["image"], {}).setdefault(section, {})
                    parts[key] = one[key]
    return {**shared, IMAGES: own}


def _row(image: ImageFacts) -> RunRow:
    """Return what the table says of an image; lengths in mas and in pixels of the plane."""
    scale, header = image["plane_scale"], image["header"]
    is_fit = image["status"] == "aligned"
    shift = _length(image["dx"], image["dy"])
    rms = _length(image["wrms_ra"], image["wrms_dec"]) if is_fit else np.nan
    error = _length(image["error_x"], image["error_y"]) if is_fit else np.nan
    values = rounded(np.array([shift, shift * scale, rms, rms / scale, error]), 4)
    shift_px, in_mas, rms_mas, rms_px, error_mas = values
    return {
        "image": image["image"],
        "status": image["status"],
        "reason": image["reason"],
        "n_sources": image["n_sources"],
        "detail": image["detail"] or "",
        "cure": image.get("cure") or "",
        "n_matched": image["n_matched"],
        "n_fit": image["n_fit"],
        "shift_px": shift_px,
        "shift": in_mas,
        "rms": rms_mas,
        "rms_px": rms_px,
        "error": error_mas,
        "error_px": None if error_mas is None else round(error_mas / scale, 5),
        "dx": image["dx"],
        "dy": image["dy"],
        "rotation": image["rotation"],
        "scale": image["scale"],
        "false_alarm": image["false_alarm"],
        "mjd": epoch_of(header),
        "visit": visit_of(header),
        "filter": filter_of(header),
        "exptime": header.get("EXPTIME"),
        "has_page": image.get("is_read", True),
        "motions": image.get("motions"),
    }


def _length(x: float | None, y: float | None) -> float:
    """Return the length of a vector; nan where it is not known."""
    return np.nan if x is None or y is None else float(np.hypot(x, y))


def _short(quality: Qualities) -> Qualities:
    """Return numbers with the digits that a page shows."""
    short = {
        key: round(value, 4) if isinstance(value, float) else value
        for key, value in quality.items()
    }
    return cast("Qualities", short)


def _worst(rows: Sequence[RunRow]) -> list[int]:
    """Return the rows to look at first: those that failed, then those of the largest rms."""
    failed = [i for i, row in enumerate(rows) if row["status"] == "not_aligned"]
    fitted = [(-rms, i) for i, row in enumerate(rows) if (rms := row["rms"]) is not None]
    return [*failed, *(i for _, i in sorted(fitted))][: max(_WORST, min(len(failed), 4 * _WORST))]


def _center(images: Sequence[ImageFacts]) -> tuple[float, float]:
    """Return the middle of all footprints, ra and dec in degrees."""
    points = [point for image in images for edge in image["footprint"] for point in edge]
    if not points:
        return 0.0, 0.0
    ra, dec = np.radians(np.array(points)).T
    x, y, z = (v.mean() for v in (np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)))
    return float(np.degrees(np.arctan2(y, x)) % 360), float(
        np.degrees(np.arctan2(z, np.hypot(x, y)))
    )


def _project(edge: FloatArray, center: tuple[float, float]) -> FloatArray:
    """Project positions (deg) on the tangent plane: arcmin to the east and to the north.

    What lies more than 60 degrees off is left out.
    """
    ra, dec = np.radians(edge).T
    ra0, dec0 = np.radians(center)
    cosine = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(ra - ra0)
    if (cosine < 0.5).any():  # noqa: PLR2004  60 degrees
        return np.zeros((0, 2))
    east = np.cos(dec) * np.sin(ra - ra0) / cosine
    north = (np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(ra - ra0)) / cosine
    found: FloatArray = np.degrees(np.column_stack([east, north])) * _ARCMIN
    return found


def _listed(outline: FloatArray) -> Outline:
    """Return an outline as two lists."""
    return {"x": rounded(outline[:, 0], 5), "y": rounded(outline[:, 1], 5)}
