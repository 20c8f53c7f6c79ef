"""The transformation between an image and the reference, from their matched sources."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.json_file import write_json
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import ColumnTable, read_table, write_table

log = logging.getLogger(__name__)

_NO_FIT: dict[str, Any] = dict.fromkeys(
    (
        "center",
        "dx",
        "dy",
        "matrix",
        "rotation",
        "rotation_x",
        "rotation_y",
        "scale",
        "scale_x",
        "scale_y",
        "skew",
        "rms_x",
        "rms_y",
        "rms_ra",
        "rms_dec",
    )
)
_IDENTITY: dict[str, Any] = {
    **dict.fromkeys(_NO_FIT, 0.0),
    "center": None,
    "matrix": [[1.0, 0.0], [0.0, 1.0]],
    "scale": 1.0,
    "scale_x": 1.0,
    "scale_y": 1.0,
}


def run(call: StepCall) -> list[Path]:
    """Write ``fits/<image>.json``, the fit, and ``fits/<image>.ecsv``, its pairs with residuals."""
    matches = read_table(call.file("matches"))
    fit: dict[str, Any] = {
        key: matches.meta[key]
        for key in ("image", "reference", "status", "reason", "detail", "n_sources", "n_reference")
    }
    fit["n_matched"] = len(matches)
    fit["n_fit"] = 0
    fit["fitgeometry"] = call.parameters["catalog_fitting"]["fitgeometry"]
    fit.update(_IDENTITY if fit["status"] == "reference" else _NO_FIT)
    columns = {name: np.zeros(0) for name in ("x_fit", "y_fit", "dx", "dy", "ra_fit", "dec_fit")}
    columns["kept"] = np.zeros(0, dtype=bool)
    if fit["status"] == "matched":
        try:
            columns = _fit(call, matches, fit)
        except NotAlignedError as error:
            log.warning("%s: %s", call.name, error)
            fit.update(status="not_aligned", reason=error.reason.value, detail=error.detail)
            matches = _without_rows(matches)
    pairs = ColumnTable(
        columns={**matches.columns, **columns},
        units={**matches.units, "x_fit": "pix", "y_fit": "pix", "dx": "pix", "dy": "pix"},
        descriptions={
            **matches.descriptions,
            "x_fit": "image's source put right by the fit, in pixels of the reference plane",
            "dx": "residual: image minus fit of the reference",
            "kept": "whether the pair survived the clipping",
        },
        meta={**matches.meta, "status": fit["status"], "reason": fit["reason"]},
    )
    write_table(call.file("pairs"), pairs)
    write_json(call.file("fit"), fit)
    return [call.file("fit"), call.file("pairs")]


def _without_rows(table: ColumnTable) -> ColumnTable:
    """Return the table without its rows."""
    empty = {name: column[:0] for name, column in table.columns.items()}
    return ColumnTable(empty, table.units, table.descriptions, table.meta)


def _fit(call: StepCall, matches: ColumnTable, fit: dict[str, Any]) -> dict[str, np.ndarray]:
    """Fit the pairs, note the result in `fit`, and return the columns the fit adds."""
    from tweakreg_steps.astrometry.reference_plane import (
        plane_center,
        plane_pixel_scale,
        read_reference_plane,
    )
    from tweakreg_steps.astrometry.undistortion import plane_to_sky
    from tweakreg_steps.matching.fitting import fit_pairs

    plane = read_reference_plane(call.file("plane"))
    xy = np.column_stack([matches["x_image"], matches["y_image"]])
    xy_ref = np.column_stack([matches["x_ref"], matches["y_ref"]])
    found = fit_pairs(xy, xy_ref, center=plane_center(plane), **call.parameters["catalog_fitting"])
    right = found.correct(xy)
    ra, dec = plane_to_sky(plane, right[:, 0], right[:, 1])
    rms_sky = _rms_on_sky(plane, found.rms * plane_pixel_scale(plane) * 1000.0)
    fit.update(
        status="aligned",
        n_fit=int(found.kept.sum()),
        fitgeometry=found.geometry,
        center=found.center.tolist(),
        dx=float(found.shift[0]),
        dy=float(found.shift[1]),
        matrix=found.matrix.tolist(),
        rotation=found.rotation,
        rotation_x=found.rotation_x,
        rotation_y=found.rotation_y,
        scale=found.scale,
        scale_x=found.scale_x,
        scale_y=found.scale_y,
        skew=found.skew,
        rms_x=float(found.rms[0]),
        rms_y=float(found.rms[1]),
        rms_ra=float(rms_sky[0]),
        rms_dec=float(rms_sky[1]),
    )
    log.info("%s: %d pairs kept, rms %.4f %.4f pix", call.name, fit["n_fit"], *found.rms)
    return {
        "x_fit": right[:, 0],
        "y_fit": right[:, 1],
        "dx": found.residuals[:, 0],
        "dy": found.residuals[:, 1],
        "kept": found.kept,
        "ra_fit": ra,
        "dec_fit": dec,
    }


def _rms_on_sky(plane: Any, rms: np.ndarray) -> np.ndarray:  # noqa: ANN401  an astropy WCS
    """Turn an rms along the axes of the plane (mas) into one along right ascension and declination.

    The axes' errors are taken as independent: ``rms_ra² = Σ (R_1i rms_i)²`` with R the rotation of
    the plane's pixels to the sky.
    """
    turn = plane.wcs.cd / np.sqrt(abs(np.linalg.det(plane.wcs.cd)))
    on_sky: np.ndarray = np.sqrt((turn**2) @ (rms**2))
    return on_sky
