"""What the page of a run shows, from what the pages of its images say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tweakreg_steps.alignment.misfits import Misfit
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.recipes.schema import IMAGES
from tweakreg_steps.records.canonical import canonical_json
from tweakreg_steps.reporting.numbers import rounded
from tweakreg_steps.reporting.observation import epoch_of, filter_of, visit_of
from tweakreg_steps.reporting.overlaps import describe_overlaps, overlap_outlines
from tweakreg_steps.reporting.qualities import qualities

_WORST = 5
_MOST_OVERLAPS = 200
"""Pairs of images, the worst, that the page lists and draws."""
_ARCMIN = 60.0


def describe_run(images: Sequence[Mapping[str, Any]], misfits: Sequence[Misfit]) -> dict[str, Any]:
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
    dict
        ``mas`` per pixel of the plane; ``rows``, one an image, in plain numbers; ``map``:
        outlines on the sky in arcmin to the east and to the north of ``center`` (deg), with the
        row that each belongs to; ``overlaps`` with their outlines; ``worst``: the rows to look at
        first.
    """
    own = [_short(quality) for quality in qualities(images, misfits)]
    rows = [{**_row(image), **quality} for image, quality in zip(images, own, strict=True)]
    center = _center(images)
    outlines = [[_project(np.array(e), center) for e in image["footprint"]] for image in images]
    overlaps = describe_overlaps(misfits[:_MOST_OVERLAPS], [row["mjd"] for row in rows])
    fields = overlap_outlines(outlines, overlaps) if overlaps else []
    for overlap, field in zip(overlaps, fields, strict=True):
        overlap["outlines"] = [_listed(outline) for outline in field]
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
        "overlaps": overlaps,
        "worst": _worst(rows),
    }


def count_statuses(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Count the images by what became of them; those that there always are first."""
    found = {"aligned": 0, "not_aligned": 0, "reference": 0}
    for row in rows:
        found[row["status"]] = found.get(row["status"], 0) + 1
    return found


def shared_parameters(images: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
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


def _row(image: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the table says of an image; lengths in mas and in pixels of the plane."""
    scale, header = image["plane_scale"], image["header"]
    is_fit = image["status"] == "aligned"
    shift = np.hypot(image["dx"], image["dy"]) if image["dx"] is not None else np.nan
    rms = np.hypot(image["wrms_ra"], image["wrms_dec"]) if is_fit else np.nan
    errors = [error for key in ("error_x", "error_y") if (error := image.get(key)) is not None]
    error = float(np.hypot(*errors)) if is_fit and len(errors) == 2 else np.nan  # noqa: PLR2004  axes
    values = rounded(np.array([shift, shift * scale, rms, rms / scale, error]), 4)
    return {
        **{key: image[key] for key in ("image", "status", "reason", "n_sources")},
        "detail": image["detail"] or "",
        "cure": image.get("cure") or "",
        "n_matched": image["n_matched"],
        "n_fit": image["n_fit"],
        **dict(zip(("shift_px", "shift", "rms", "rms_px", "error"), values, strict=True)),
        "error_px": None if values[4] is None else round(values[4] / scale, 5),
        **{key: image[key] for key in ("dx", "dy", "rotation", "scale", "false_alarm")},
        "mjd": epoch_of(header),
        "visit": visit_of(header),
        "filter": filter_of(header),
        "exptime": header.get("EXPTIME"),
        "has_page": image.get("is_read", True),
        "motions": image.get("motions"),
    }


def _short(quality: Mapping[str, Any]) -> dict[str, Any]:
    """Return numbers with the digits that a page shows."""
    return {
        key: round(value, 4) if isinstance(value, float) else value
        for key, value in quality.items()
    }


def _worst(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the rows to look at first: those that failed, then those of the largest rms."""
    failed = [i for i, row in enumerate(rows) if row["status"] == "not_aligned"]
    fitted = [i for i, row in enumerate(rows) if row["rms"] is not None]
    fitted.sort(key=lambda i: -rows[i]["rms"])
    return [*failed, *fitted][: max(_WORST, min(len(failed), 4 * _WORST))]


def _center(images: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
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


def _listed(outline: FloatArray) -> dict[str, list[float | None]]:
    """Return an outline as two lists."""
    return {"x": rounded(outline[:, 0], 5), "y": rounded(outline[:, 1], 5)}
