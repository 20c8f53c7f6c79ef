"""The plots of a fit's residuals: against x and y, and as vectors over the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tweakreg_steps.json_file import read_json
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import read_table


def run(call: StepCall) -> list[Path]:
    """Write ``plots/residuals_<image>.png`` and ``plots/vector_<image>.png``, if asked for."""
    from tweakreg_steps.products.plots import draw_residuals, draw_vectors, save_figure

    table = read_table(call.file("pairs"))
    fit = read_json(call.file("fit"))
    look = call.parameters["catalog_fitting"]
    pairs: dict[str, Any] = {
        "image": call.name,
        "xy": np.column_stack([table["x_ref"], table["y_ref"]]),
        "residuals": np.column_stack([table["dx"], table["dy"]]),
        "kept": table["kept"],
        "labelsize": look["labelsize"],
        "reason": fit["reason"],
    }
    products = []
    if path := call.optional_file("residuals"):
        rms = np.array([fit["rms_x"], fit["rms_y"]], dtype=float)
        save_figure(draw_residuals(rms=rms, ylimit=look["ylimit"], **pairs), path)
        products.append(path)
    if path := call.optional_file("vector"):
        save_figure(draw_vectors(**pairs), path)
        products.append(path)
    return products
