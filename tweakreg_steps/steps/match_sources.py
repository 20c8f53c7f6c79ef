"""Which source of an image is which source of the reference."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import ColumnTable, read_table, write_table

log = logging.getLogger(__name__)

_UNITS = {
    "x_ref": "pix",
    "y_ref": "pix",
    "x_image": "pix",
    "y_image": "pix",
    "x0": "pix",
    "y0": "pix",
    "ra": "deg",
    "dec": "deg",
}
_DESCRIPTIONS = {
    "ref_id": "number of the reference source",
    "id": "number of the image's source",
    "x_ref": "reference source, in pixels of the reference plane",
    "x_image": "image's source through its header as it is, in pixels of the reference plane",
    "x0_ref": "reference source where it comes from",
    "x0": "image's source on its chip",
}

_NO_SOURCES = {
    "pixels": "nothing above the threshold; lower imagefindpars.threshold",
    "catalogs": "none is left of the image's catalogs; see the log of read_catalogs, and widen "
    "the limits of coordinate_file",
}
"""Why an image has no source, by where its sources come from."""


def run(call: StepCall) -> list[Path]:
    """Write ``matches/<image>.ecsv``."""
    sky = read_table(call.file("sky"))
    sources = read_table(call.file("sources"))
    meta: dict[str, Any] = {
        "image": call.name,
        "reference": sources.meta["origin"],
        "n_sources": len(sky),
        "n_reference": len(sources),
        "status": "reference" if call.inputs["is_reference"] else "matched",
        "reason": "",
        "detail": "",
    }
    pairs = np.zeros((0, 2), dtype=int)
    xy, xy_ref = np.zeros((len(sky), 2)), np.zeros((len(sources), 2))
    try:
        _require_usable(sky, sources)
        if not call.inputs["is_reference"]:
            xy, xy_ref, pairs = _match(call, sky, sources, meta)
    except NotAlignedError as error:
        log.warning("%s: %s", call.name, error)
        meta.update(status="not_aligned", reason=error.reason.value, detail=error.detail)
    write_table(call.file("matches"), _table(sky, sources, xy, xy_ref, pairs, meta))
    return [call.file("matches")]


def _require_usable(sky: ColumnTable, sources: ColumnTable) -> None:
    """Refuse lists that hold nothing to match."""
    if sky.meta["reason"]:
        reason = Reason(sky.meta["reason"])
        raise NotAlignedError(reason, "no chip of the image holds a finite pixel")
    if len(sky) == 0:
        raise NotAlignedError(Reason.NO_SOURCES, _NO_SOURCES[sky.meta["found_in"]])
    if len(sources) == 0:
        raise NotAlignedError(
            Reason.NO_REFERENCE_SOURCES, f"{sources.meta['origin']} holds no source to align with"
        )


def _match(
    call: StepCall, sky: ColumnTable, sources: ColumnTable, meta: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Match the lists on the reference plane; note the offset in `meta`."""
    from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale, read_reference_plane
    from tweakreg_steps.astrometry.undistortion import sky_to_plane
    from tweakreg_steps.matching.matching import match_sources

    plane = read_reference_plane(call.file("plane"))
    xy = np.column_stack(sky_to_plane(plane, sky["ra"], sky["dec"], where=call.name))
    xy_ref = np.column_stack(
        sky_to_plane(plane, sources["ra"], sources["dec"], where=sources.meta["origin"])
    )
    scale = plane_pixel_scale(plane)
    matching = call.parameters["object_matching"]
    meta["search_radius"] = matching["searchrad"] / (
        scale if matching["searchunits"] == "arcseconds" else 1.0
    )
    meta["tolerance"] = matching["tolerance"]
    matches = match_sources(xy, xy_ref, pixel_scale=scale, **matching)
    meta["offset"] = [matches.dx, matches.dy]
    if matches.peak:
        meta["n_peak"] = matches.peak.n_peak
        meta["n_expected"] = matches.peak.background
        meta["chance"] = matches.peak.probability
    pairs = np.column_stack([matches.image_index, matches.reference_index])
    log.info("%s: %d of %d sources matched", call.name, len(pairs), len(sky))
    return xy, xy_ref, pairs


def _table(
    sky: ColumnTable,
    sources: ColumnTable,
    xy: np.ndarray,
    xy_ref: np.ndarray,
    pairs: np.ndarray,
    meta: dict[str, Any],
) -> ColumnTable:
    """Lay out the match table."""
    i, j = pairs.T
    return ColumnTable(
        columns={
            "ref_id": sources["id"][j],
            "id": sky["id"][i],
            "chip": sky["chip"][i],
            "x_ref": xy_ref[j, 0],
            "y_ref": xy_ref[j, 1],
            "x_image": xy[i, 0],
            "y_image": xy[i, 1],
            "x0_ref": sources["x0"][j],
            "y0_ref": sources["y0"][j],
            "x0": sky["x"][i],
            "y0": sky["y"][i],
            "ra": sky["ra"][i],
            "dec": sky["dec"][i],
            "flux": sky["flux"][i],
            "origin": sources["origin"][j],
        },
        units=_UNITS,
        descriptions=_DESCRIPTIONS,
        meta=meta,
    )
