"""The plot of a fit's residuals as vectors over the field."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import read_table


def run(call: StepCall) -> list[Path]:
    """Write ``plots/vector_<image>.png``."""
    from tweakreg_steps.products.plots import draw_vectors, save_figure

    pairs = read_table(call.file("pairs"))
    fit = json.loads(call.file("fit").read_text(encoding="utf-8"))
    figure = draw_vectors(
        image=call.name,
        xy=np.column_stack([pairs["x_ref"], pairs["y_ref"]]),
        residuals=np.column_stack([pairs["dx"], pairs["dy"]]),
        kept=pairs["kept"],
        reason=fit["reason"],
        **call.parameters["catalog_fitting"],
    )
    save_figure(figure, call.file("plot"))
    return [call.file("plot")]
