"""The plot of the 2-D histogram from which the offset was taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import ColumnTable, read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(call: StepCall) -> list[Path]:
    """Write ``plots/hist2d_<image>.png``."""
    from tweakreg_steps.products.plots import IS_REFERENCE, draw_message, save_figure

    meta = read_table(call.file("matches")).meta
    if meta["status"] == "reference":
        figure = draw_message(title=f"{call.name}: offsets", message=IS_REFERENCE)
    else:
        figure = _draw(call, meta)
    save_figure(figure, call.file("plot"))
    return [call.file("plot")]


def _draw(call: StepCall, meta: Mapping[str, Any]) -> Figure:
    """Draw the histogram, as far as the matching came."""
    from tweakreg_steps.products.plots import draw_offsets

    counts, x_edges, y_edges = np.zeros((1, 1)), np.array([-0.5, 0.5]), np.array([-0.5, 0.5])
    if "search_radius" in meta:
        found = _histogram(call, meta["search_radius"], meta["tolerance"], meta["n_reference"])
        if found:
            counts, x_edges, y_edges = found
    return draw_offsets(
        image=call.name,
        counts=counts,
        x_edges=x_edges,
        y_edges=y_edges,
        peak=np.array(meta["offset"]) if "offset" in meta else None,
        n_peak=meta.get("n_peak", 0),
        n_expected=meta.get("n_expected", 0.0),
        tolerance=meta.get("tolerance", 1.0),
        reason=meta["reason"],
    )


def _histogram(
    call: StepCall, radius: float, tolerance: float, n_reference: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Make the histogram again; None where no pair lies within the search radius."""
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane
    from tweakreg_steps.astrometry.undistortion import sky_to_plane
    from tweakreg_steps.matching.offset import estimate_offset

    plane = read_reference_plane(call.file("plane"))

    def on_plane(table: ColumnTable) -> np.ndarray:
        return np.column_stack(sky_to_plane(plane, table["ra"], table["dec"], where=call.name))

    image = on_plane(read_table(call.file("sky")))
    # a list that grew after this image was matched has its new sources at the end
    reference = on_plane(read_table(call.file("sources")))[:n_reference]
    try:
        found = estimate_offset(image, reference, searchrad=radius, tolerance=tolerance)
    except NotAlignedError:
        return None
    return found.histogram, found.x_edges, found.y_edges
