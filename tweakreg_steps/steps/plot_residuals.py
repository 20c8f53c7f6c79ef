"""The plots of a fit's residuals: against x and y, and as vectors over the field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_steps.json_file import read_json
from tweakreg_steps.provenance.statement import png_texts
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(call: StepCall) -> list[Path]:
    """Write ``plots/residuals_<image>.png`` and ``plots/vector_<image>.png``, if asked for."""
    from tweakreg_steps.products.plots import IS_REFERENCE, draw_message, save_figure

    fit = read_json(call.file("fit"))
    wanted = {kind: path for kind in ("residuals", "vector") if (path := call.optional_file(kind))}
    for kind, path in wanted.items():
        if fit["status"] == "reference":
            figure = draw_message(title=f"{call.name}: {kind}", message=IS_REFERENCE)
        else:
            figure = _draw(call, kind, fit)
        save_figure(figure, path, texts=png_texts(call.statement))
    return list(wanted.values())


def _draw(call: StepCall, kind: str, fit: Mapping[str, Any]) -> Figure:
    """Draw one kind of plot."""
    from tweakreg_steps.products.plots import draw_residuals, draw_vectors

    table = read_table(call.file("pairs"))
    look = call.parameters["catalog_fitting"]
    pairs: dict[str, Any] = {
        "image": call.name,
        "xy": np.column_stack([table["x_ref"], table["y_ref"]]),
        "residuals": np.column_stack([table["dx"], table["dy"]]),
        "kept": table["kept"],
        "labelsize": look["labelsize"],
        "reason": fit["reason"],
    }
    if kind == "vector":
        return draw_vectors(**pairs)
    found = fit["refused"] or fit
    rms = np.array([found["rms_x"], found["rms_y"]], dtype=float)
    return draw_residuals(rms=rms, ylimit=look["ylimit"], **pairs)
