"""The fit of one image from its matches: the transformation, and the residuals of the pairs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from tweakreg_steps.matching.fitting import LinearFit

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
_COPIED = ("image", "reference", "status", "reason", "detail", "n_sources", "n_reference")


@dataclass(frozen=True)
class FittedImage:
    """What the matches of an image say about it.

    Attributes
    ----------
    record
        The fit as plain values; lengths in pixels of the reference plane, angles in degrees, rms
        on the sky in mas. ``status`` is ``aligned``, ``reference`` or ``not_aligned``, the last
        with a ``reason``.
    pairs
        The matches with their residuals.
    fit
        The transformation; None where there is none.
    """

    record: dict[str, Any]
    pairs: ColumnTable
    fit: LinearFit | None


def fit_image(matches: ColumnTable, *, plane: WCS, fitting: Mapping[str, Any]) -> FittedImage:
    """Fit the transformation between an image and the reference.

    Parameters
    ----------
    matches : ColumnTable
        Of `tweakreg_steps.alignment.match_table`.
    plane : astropy.wcs.WCS
        The reference plane.
    fitting : mapping
        The keywords of `tweakreg_steps.matching.fitting.fit_pairs` from the recipe.
    """
    record = {key: matches.meta[key] for key in _COPIED}
    record.update(n_matched=len(matches), n_fit=0, fitgeometry=fitting["fitgeometry"])
    record.update(_IDENTITY if record["status"] == "reference" else _NO_FIT)
    columns = {name: np.zeros(0) for name in ("x_fit", "y_fit", "dx", "dy", "ra_fit", "dec_fit")}
    columns["kept"] = np.zeros(0, dtype=bool)
    fit = None
    if record["status"] == "matched":
        try:
            fit = _fit_pairs(matches, plane, fitting)
            columns = _fitted_columns(fit, matches, plane)
            record.update(_fit_record(fit, plane))
        except NotAlignedError as error:
            log.warning("%s: %s", record["image"], error)
            record.update(status="not_aligned", reason=error.reason.value, detail=error.detail)
            matches = _without_rows(matches)
    return FittedImage(record, _pairs_table(matches, columns, record), fit)


def _fit_pairs(matches: ColumnTable, plane: WCS, fitting: Mapping[str, Any]) -> LinearFit:
    """Fit the pairs about the plane's centre."""
    from tweakreg_steps.astrometry.reference_plane import plane_center
    from tweakreg_steps.matching.fitting import fit_pairs

    xy_ref = np.column_stack([matches["x_ref"], matches["y_ref"]])
    fit = fit_pairs(_places(matches), xy_ref, center=plane_center(plane), **fitting)
    log.info(
        "%s: %d pairs kept, rms %.4f %.4f pix", matches.meta["image"], fit.kept.sum(), *fit.rms
    )
    return fit


def _places(matches: ColumnTable) -> np.ndarray:
    """Return where the image's sources are on the plane through its header as it is."""
    return np.column_stack([matches["x_image"], matches["y_image"]])


def _fitted_columns(fit: LinearFit, matches: ColumnTable, plane: WCS) -> dict[str, np.ndarray]:
    """Return the columns that a fit adds to the matches."""
    from tweakreg_steps.astrometry.undistortion import plane_to_sky

    right = fit.correct(_places(matches))
    ra, dec = plane_to_sky(plane, right[:, 0], right[:, 1])
    return {
        "x_fit": right[:, 0],
        "y_fit": right[:, 1],
        "dx": fit.residuals[:, 0],
        "dy": fit.residuals[:, 1],
        "kept": fit.kept,
        "ra_fit": ra,
        "dec_fit": dec,
    }


def _fit_record(fit: LinearFit, plane: WCS) -> dict[str, Any]:
    """Write a fit as plain values."""
    from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale

    rms_sky = _rms_on_sky(plane, fit.rms * plane_pixel_scale(plane) * 1000.0)
    return {
        "status": "aligned",
        "n_fit": int(fit.kept.sum()),
        "fitgeometry": fit.geometry,
        "center": fit.center.tolist(),
        "dx": float(fit.shift[0]),
        "dy": float(fit.shift[1]),
        "matrix": fit.matrix.tolist(),
        "rotation": fit.rotation,
        "rotation_x": fit.rotation_x,
        "rotation_y": fit.rotation_y,
        "scale": fit.scale,
        "scale_x": fit.scale_x,
        "scale_y": fit.scale_y,
        "skew": fit.skew,
        "rms_x": float(fit.rms[0]),
        "rms_y": float(fit.rms[1]),
        "rms_ra": float(rms_sky[0]),
        "rms_dec": float(rms_sky[1]),
    }


def _rms_on_sky(plane: WCS, rms: np.ndarray) -> np.ndarray:
    """Turn an rms along the axes of the plane (mas) into one along right ascension and declination.

    The axes' errors are taken as independent: ``rms_ra² = Σ (R_1i rms_i)²`` with R the rotation of
    the plane's pixels to the sky.
    """
    turn = plane.wcs.cd / np.sqrt(abs(np.linalg.det(plane.wcs.cd)))
    on_sky: np.ndarray = np.sqrt((turn**2) @ (rms**2))
    return on_sky


def _without_rows(table: ColumnTable) -> ColumnTable:
    """Return the table without its rows."""
    empty = {name: column[:0] for name, column in table.columns.items()}
    return ColumnTable(empty, table.units, table.descriptions, table.meta)


def _pairs_table(
    matches: ColumnTable, columns: Mapping[str, np.ndarray], record: Mapping[str, Any]
) -> ColumnTable:
    """Lay out the pairs with their residuals."""
    return ColumnTable(
        columns={**matches.columns, **columns},
        units={**matches.units, "x_fit": "pix", "y_fit": "pix", "dx": "pix", "dy": "pix"},
        descriptions={
            **matches.descriptions,
            "x_fit": "image's source put right by the fit, in pixels of the reference plane",
            "dx": "residual: image minus fit of the reference",
            "kept": "whether the pair survived the clipping",
        },
        meta={**matches.meta, "status": record["status"], "reason": record["reason"]},
    )
