"""The plots of a fit's residuals: against x and y, and as vectors over the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_fit(
    kind: str,
    image: str,
    fit: Mapping[str, Any],
    table: ColumnTable,
    *,
    ylimit: float | None,
    labelsize: int,
) -> Figure:
    """Draw the residuals of a fit.

    Parameters
    ----------
    kind
        ``residuals``, against x and y, or ``vector``, as vectors over the field.
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
    from tweakreg_steps.products.plots import (
        IS_REFERENCE,
        add_footer,
        describe_cure,
        draw_message,
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
    if kind == "vector":
        figure = draw_vectors(**pairs)
    else:
        found = fit["refused"] or fit
        rms = np.array([found["rms_x"], found["rms_y"]], dtype=float)
        figure = draw_residuals(rms=rms, ylimit=ylimit, **pairs)
    add_footer(figure, describe_cure(fit))
    return figure
