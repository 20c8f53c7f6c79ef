"""The plots of a fit's residuals: against x and y, and as vectors over the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_steps.fit_file import FitRecord, numbers_of
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FLAT = 1e-6
"""Determinant of a map of a chip onto the plane below which its pairs lie on a line."""


def draw_fit(
    kind: str,
    image: str,
    fit: FitRecord,
    table: ColumnTable,
    *,
    ylimit: float | None,
    labelsize: int,
) -> Figure:
    """Draw the residuals of a fit.

    Parameters
    ----------
    kind
        ``residuals``, against x and y, ``vector``, as vectors over the field, or ``phases``,
        against the place of the source in its pixel.
    image
        What the image is called.
    fit
        The record of the fit.
    table
        Its pairs.
    ylimit
        Half-height of the plots in pixels; None fits it to the data.
    labelsize
        Size of the labels in points.
    """
    from tweakreg_steps.reporting.plots import (
        IS_REFERENCE,
        add_footer,
        describe_cure,
        draw_message,
        draw_phases,
        draw_residuals,
        draw_vectors,
    )

    if fit["status"] == "reference":
        return draw_message(title=f"{image}: {kind}", message=IS_REFERENCE)
    pairs: dict[str, Any] = {
        "image": image,
        "xy": np.column_stack([table["x_ref"], table["y_ref"]]),
        "residuals": np.column_stack([table["dx"], table["dy"]]),
        "kept": table["kept"],
        "labelsize": labelsize,
        "reason": fit["reason"],
    }
    if kind == "phases":
        figure = draw_phases(**{**pairs, **on_chips(table)})
    elif kind == "vector":
        figure = draw_vectors(**pairs)
    else:
        found = numbers_of(fit)
        rms = np.array([found["rms_x"], found["rms_y"]] if found else [np.nan, np.nan])
        figure = draw_residuals(rms=rms, ylimit=ylimit, **pairs)
    add_footer(figure, describe_cure(fit))
    return figure


def on_chips(table: ColumnTable) -> dict[str, Any]:
    """Turn the residuals of pairs into the frames of the chips that the sources were seen on.

    Of each chip, ``x_image, y_image = A (x0, y0) + b`` is fitted to the pairs; the residuals there
    are ``A**-1`` times those on the plane.

    Parameters
    ----------
    table
        The pairs of a fit.

    Returns
    -------
    dict
        ``xy``, FITS pixels of the chip, and ``residuals``, pixels of the chip, shape (n, 2);
        ``kept``, False also for the pairs of a chip that has too few for a linear map.
    """
    xy = np.column_stack([table["x0"], table["y0"]])
    plane = np.column_stack([table["x_image"], table["y_image"]])
    on_plane = np.column_stack([table["dx"], table["dy"]])
    residuals = np.zeros_like(on_plane)
    kept = table["kept"] & np.isfinite(xy).all(axis=1)
    for chip in np.unique(table["chip"]):
        own = np.flatnonzero(table["chip"] == chip)
        used = own[kept[own]]
        design = np.column_stack([xy[used], np.ones(len(used))])
        matrix = np.linalg.lstsq(design, plane[used])[0][:2].T if len(used) else np.zeros((2, 2))
        if abs(np.linalg.det(matrix)) < _FLAT:
            kept[own] = False
        else:
            residuals[own] = np.linalg.solve(matrix, on_plane[own].T).T
    return {"xy": xy, "residuals": residuals, "kept": kept}
