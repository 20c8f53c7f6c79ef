"""The plot of a fit's residuals against x and y."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import read_table


def run(call: StepCall) -> list[Path]:
    """Write ``plots/residuals_<image>.png``."""
    from tweakreg_steps.products.plots import draw_residuals, save_figure

    pairs = read_table(call.file("pairs"))
    fit = json.loads(call.file("fit").read_text(encoding="utf-8"))
    figure = draw_residuals(
        image=call.name,
        xy=np.column_stack([pairs["x_ref"], pairs["y_ref"]]),
        residuals=np.column_stack([pairs["dx"], pairs["dy"]]),
        kept=pairs["kept"],
        rms=np.array([fit["rms_x"], fit["rms_y"]], dtype=float),
        reason=fit["reason"],
        **call.parameters["catalog_fitting"],
    )
    save_figure(figure, call.file("plot"))
    return [call.file("plot")]
