"""The plot of a fit's residuals against x and y."""

from __future__ import annotations

import json
from pathlib import Path

from tweakreg_steps.step import StepCall
from tweakreg_steps.tables import read_table


def run(call: StepCall) -> list[Path]:
    """Write ``plots/residuals_<image>.png``."""
    from tweakreg_steps.plots import plot_residuals, save_figure

    pairs = read_table(call.file("pairs"))
    fit = json.loads(call.file("fit").read_text(encoding="utf-8"))
    figure = plot_residuals(pairs, fit, **call.parameters["catalog_fitting"])
    save_figure(figure, call.file("plot"))
    return [call.file("plot")]
